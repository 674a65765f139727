"""A YAML file as data, with the line of everything in it.

Plain scalars are read as Helm and kubectl read them (go-yaml v2), so that `values:` mean the same here and there: `yes` and `on` are
booleans, `010` is octal; base-60 numbers and dates, which PyYAML alone would make of `30:22` and `2026-11-23`, are texts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from bootstrap.platform.problems import Problem

Place: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_PLAIN_TAGS = frozenset(f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float", "timestamp", "value", "merge", "str", "map", "seq"))
_TRUE = frozenset({"true", "yes", "on"})
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_RADIX = re.compile(r"[-+]?0(x[0-9a-fA-F_]+|b[01_]+|[0-7_]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where something stands; `plain` is the text of a scalar without quotes as it was written."""

    line: int
    plain: str | None = None


@dataclass(slots=True, kw_only=True)
class Document:
    """The data of a file, the marks of its parts, what is wrong with it as YAML, and where it is null for that reason."""

    data: dict[str, Value] = field(default_factory=dict)
    marks: dict[Place, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unreadable: set[Place] = field(default_factory=set)

    def line(self, place: Place) -> int:
        """Return the line of a place, or of what is around it where nothing is written there."""
        mark = next((self.marks[place[:length]] for length in range(len(place), -1, -1) if place[:length] in self.marks), None)
        return mark.line if mark else 1

    def plain(self, place: Place) -> str | None:
        """Return the text of an unquoted scalar; None for anything else."""
        mark = self.marks.get(place)
        return mark.plain if mark else None


def read(text: str) -> Document:
    """Read the one document of a text. What is wrong stands in `problems`; the data then is what could be read."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        return Document(problems=[syntax_problem(error, text)])
    except RecursionError:
        return Document(problems=[Problem(line=1, text="is nested too deeply")])
    if node is None:
        return Document(problems=[Problem(line=1, text="is empty; `bootstrap init` writes a file to begin with")])
    if not isinstance(node, yaml.MappingNode):
        return Document(problems=[Problem(line=_line(node), text="must be a map of keys, such as `domain: example.lan`")])
    return of_node(node)


def of_node(node: yaml.MappingNode) -> Document:
    """Read a map that was composed already, plain scalars with the style None."""
    reader = _Reader()
    reader.document.data = reader.mapping(node, ())
    return reader.document


class _Reader:
    """Walks the nodes once."""

    def __init__(self) -> None:
        self.document = Document()
        self._open: list[yaml.Node] = []

    def value(self, node: yaml.Node, place: Place, line: int) -> Value:
        plain = node.value if isinstance(node, yaml.ScalarNode) and node.style is None else None
        self.document.marks[place] = Mark(line=line, plain=plain)
        if any(node is each for each in self._open):
            self._problem(line, "holds itself, by an alias")
            self.document.unreadable.add(place)
            return None
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, place)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*place, index), _line(item)) for index, item in enumerate(node.value)]
            return self._scalar(node, place)
        finally:
            self._open.pop()

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Value]:
        found: dict[str, Value] = {}
        lines: dict[str, int] = {}
        merged: dict[str, Value] = {}
        self.document.marks.setdefault(place, Mark(line=_line(node)))
        for key_node, value_node in node.value:
            line = _line(key_node)
            if key_node.tag == _MERGE:
                merged |= self._merged(value_node, place)
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(line, "a key must be a text; a value with { or [ in front needs quotes")
                continue
            key = key_node.value
            if key in found:
                self._problem(line, f"`{key}` stands twice, first in line {lines[key]}; the second would silently win")
                continue
            lines[key] = line
            found[key] = self.value(value_node, (*place, key), line)
        # Written beside `<<`, a key wins over the merged one of the same name: so do its marks, which come later in the file.
        return merged | found

    def _merged(self, node: yaml.Node, place: Place) -> dict[str, Value]:
        nodes: Sequence[yaml.Node] = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Value] = {}
        for each in nodes:
            if isinstance(each, yaml.MappingNode):
                merged = self._checked(each, place) | merged
            else:
                self._problem(_line(node), "`<<` merges maps, such as `<<: *name`")
        return merged

    def _checked(self, node: yaml.MappingNode, place: Place) -> dict[str, Value]:
        if any(node is each for each in self._open):
            self._problem(_line(node), "holds itself, by an alias")
            return {}
        self._open.append(node)
        try:
            return self.mapping(node, place)
        finally:
            self._open.pop()

    def _scalar(self, node: yaml.Node, place: Place) -> Value:
        if node.tag not in _PLAIN_TAGS:
            self._problem(_line(node), f"{node.tag} is a YAML tag, which means nothing here; secrets are written {{env: NAME}}")
            self.document.unreadable.add(place)
            return None
        text: str = node.value
        if isinstance(node, yaml.ScalarNode) and node.style is not None:
            return text
        kind = node.tag.removeprefix(_TAG)
        if kind == "null":
            return None
        return text.lower() in _TRUE if kind == "bool" else number(text)

    def _problem(self, line: int, text: str) -> None:
        self.document.problems.append(Problem(line=line, text=text))


def number(text: str) -> int | float | str:
    """Return what an unquoted scalar that looks like a number stands for; the text where it is none."""
    digits = text.replace("_", "")
    if _DECIMAL.fullmatch(text):
        return int(digits)
    if _RADIX.fullmatch(text):
        bare = digits.lstrip("+-")
        base = {"x": 16, "b": 2}.get(bare[1:2], 8)
        return (-1 if digits.startswith("-") else 1) * int(bare if base == 8 else bare[2:], base)  # noqa: PLR2004  octal
    return float(digits) if _FLOAT.fullmatch(text) and any(character.isdigit() for character in text) else text


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1


# What PyYAML says, and what it means to somebody who has just typed it.
_SAYINGS: Mapping[str, str] = {
    "mapping values are not allowed here": "has a second `: `, or is indented otherwise than its neighbours; a text with `: ` needs quotes",
    "expected a single document": "begins a second document with `---`; a platform is one",
    "could not find expected ':'": "is a key without `:`, or a text that should be indented further",
    "expected <block end>": "is not indented like its neighbours",
    "found undefined alias": "names an anchor that does not exist before it",
    "found unexpected end of stream": "begins a quote that never ends",
    "found unknown escape character": "has a backslash in \"...\"; write it twice, or use '...'",
    "found character '%'": "begins with %; put it into quotes",
    "found character '@'": "begins with @; put it into quotes",
    "found character '`'": "begins with `; put it into quotes",
}


def syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    """Say what is wrong with a text that could not be parsed."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Problem(line=line, text=f"has a character that YAML does not allow (number {error.character:#x})")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else 1
    said = str(getattr(error, "problem", None) or error)
    context = str(getattr(error, "context", None) or "")
    lines = text.splitlines()
    tabbed = next((number for number in range(max(1, line - 1), min(line + 1, len(lines)) + 1) if _has_tab(lines[number - 1])), None)
    if tabbed is not None:
        return Problem(line=tabbed, text="is indented with a tab; YAML takes blanks only")
    for saying, meaning in _SAYINGS.items():
        if saying in f"{context} {said}":
            return Problem(line=line, text=meaning)
    return Problem(line=line, text=f"is not valid YAML: {said}")


def _has_tab(line: str) -> bool:
    return "\t" in line[: len(line) - len(line.lstrip())]

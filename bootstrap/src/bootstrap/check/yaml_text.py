"""The documents of a YAML text, each with its lines, and what is wrong with the text."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import yaml

from bootstrap.platform.document import Document, of_node, syntax_problem
from bootstrap.platform.problems import Problem

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
# What go-yaml 3 and newer, which Woodpecker reads with, takes for texts; kubectl and Helm take them for booleans.
_WORDS = frozenset({"yes", "no", "on", "off", "y", "n"})

_LOADER: Any = yaml.SafeLoader
# LibYAML reads five times as fast.
with suppress(AttributeError):
    _LOADER = yaml.CSafeLoader


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The maps among the documents of a text, whatever else it holds, and what is wrong with it."""

    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()


def read(text: str, *, as_pipeline: bool = False) -> Texts:
    """Read a text; with `as_pipeline` as Woodpecker reads its own files."""
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_LOADER) if node is not None]
    except yaml.YAMLError:
        return Texts(problems=(_syntax(text),))
    except RecursionError:
        return Texts(problems=(Problem(line=1, text="is nested too deeply"),))
    problems: list[Problem] = []
    documents: list[Document] = []
    for node in nodes:
        problems += _prepared(node, as_pipeline=as_pipeline)
        if isinstance(node, yaml.MappingNode):
            document = of_node(node)
            problems += document.problems
            documents.append(document)
    return Texts(documents=tuple(documents), problems=tuple(dict.fromkeys(problems)))


def _syntax(text: str) -> Problem:
    # Only PyYAML's own parser has the words that `syntax_problem` knows.
    try:
        list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        return syntax_problem(error, text)
    return Problem(line=1, text="is not valid YAML")


def _prepared(root: yaml.Node, *, as_pipeline: bool) -> Iterator[Problem]:
    """Make the nodes of either parser alike, and yield the tags that no reader of ours knows."""
    waiting: list[yaml.Node] = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not node.tag.startswith(_TAG):
            yield Problem(line=node.start_mark.line + 1, text=f"{node.tag} is a YAML tag, which kubectl, Helm and Woodpecker don't know")
            node.tag = f"{_TAG}str" if isinstance(node, yaml.ScalarNode) else node.tag
        if isinstance(node, yaml.ScalarNode):
            _prepare_scalar(node, as_pipeline=as_pipeline)
        elif isinstance(node, yaml.SequenceNode):
            if as_pipeline:
                node.value = list(_spliced(node))
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            waiting += [each for pair in node.value for each in pair]


def _prepare_scalar(node: yaml.ScalarNode, *, as_pipeline: bool) -> None:
    # LibYAML gives plain scalars an empty style, and PyYAML's own parser none.
    node.style = node.style or None
    if as_pipeline and node.tag == f"{_TAG}bool" and node.value.lower() in _WORDS:
        node.tag, node.style = f"{_TAG}str", "'"


def _spliced(sequence: yaml.SequenceNode) -> Iterator[yaml.Node]:
    # Woodpecker's own `- <<: *list`: the items of the list take the place of the item.
    for item in sequence.value:
        pair = item.value[0] if isinstance(item, yaml.MappingNode) and len(item.value) == 1 else None
        if pair and pair[0].tag == _MERGE and isinstance(pair[1], yaml.SequenceNode):
            yield from pair[1].value
        else:
            yield item

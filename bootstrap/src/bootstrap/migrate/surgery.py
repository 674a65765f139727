"""Changes to single values, entries and documents of a YAML text, made in the text itself: nothing around them moves.

A round trip through a YAML library would lay out anew what nobody has touched: indentation, folded texts, line ends.
"""

import re
from collections.abc import Callable, Iterator

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from bootstrap.migrate.text import Edit, OverlapError, applied, line_above, line_end, line_start, without_gap

_SEPARATOR = re.compile(r"^---(?=[ \t\r\n]|$)", re.MULTILINE)
_ITEM = re.compile(r"[ \t]*-[ \t]+")
_COMMENT_LINE = re.compile(r"[ \t]*#")
_ANCHOR = re.compile(r"[ \t]+&[^\s,\[\]{}]+")
_ALIAS = re.compile(r"\*[^\s,\]}]+")
_BLOCK_STYLES = ("|", ">")
_NULL = "tag:yaml.org,2002:null"


class UnsafeError(Exception):
    """A change would do more, or something else, than was meant; the text is left alone."""


class Surgery:
    """A YAML text, its nodes, and the changes that are to be made. Raises ruamel.yaml's YAMLError for what is no YAML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.documents: tuple[Node, ...] = tuple(node for node in YAML(typ="safe", pure=True).compose_all(text) if node is not None)
        self._edits: list[Edit] = []
        self._values: dict[int, str] = {}
        self._removed: set[tuple[int, int]] = set()
        self._emptied: dict[int, str] = {}
        self._removed_documents: set[int] = set()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What is to be changed so far."""
        return tuple(self._edits)

    @property
    def is_emptied(self) -> bool:
        """Whether every document goes."""
        return bool(self.documents) and all(id(root) in self._removed_documents for root in self.documents)

    def substitute(self, node: ScalarNode, function: Callable[[str], str], reason: str) -> None:
        """Change the text of a scalar by a function that does the same to the text as it is written and as it is meant."""
        raw = self.text[node.start_mark.index : node.end_mark.index]
        new = function(raw)
        if new.startswith("[") and node.style is None:
            new = f"'{new}'"
        self._values[id(node)] = function(node.value)
        self._edits.append(Edit(start=node.start_mark.index, end=node.end_mark.index, text=new, reason=reason))

    def replace(self, node: ScalarNode, value: str, reason: str) -> None:
        """Give a scalar another value; its quotes, its anchor and its comment stay."""
        old: str = node.value
        # The name of an anchor in front may be the same word.
        self.substitute(node, lambda text: value.join(text.rsplit(old, 1)), reason)

    def blank(self, node: ScalarNode, reason: str) -> None:
        """Make a text empty, with quotes."""
        raw = self.text[node.start_mark.index : node.end_mark.index]
        quoted = f"{node.style}{node.style}" if node.style in {"'", '"'} else '""'
        written = f"{node.style}{node.value}{node.style}" if node.style in {"'", '"'} else node.value
        self._values[id(node)] = ""
        new = quoted.join(raw.rsplit(written, 1))
        self._edits.append(Edit(start=node.start_mark.index, end=node.end_mark.index, text=new, reason=reason))

    def remove_entry(self, mapping: MappingNode, key: Node, reason: str) -> None:
        """Take a key and its value out of a map, with the comment above it that tells of it."""
        index = next(number for number, (each, _) in enumerate(mapping.value) if each is key)
        value = mapping.value[index][1]
        end = self._entry_end(key, value)
        if mapping.flow_style:
            self._cut_flow([self._entry_span(*pair) for pair in mapping.value], index, reason)
        elif self._begins_line(key):
            self._cut_lines(key.start_mark.index, end, key.start_mark.column, reason)
        elif index + 1 < len(mapping.value):
            self._edits.append(Edit(start=key.start_mark.index, end=mapping.value[index + 1][0].start_mark.index, reason=reason))
        else:
            raise UnsafeError
        self._removed.add((id(mapping), id(key)))

    def remove_item(self, sequence: SequenceNode, item: Node, reason: str) -> None:
        """Take an item out of a list."""
        if self._is_alias(sequence, item):
            raise UnsafeError
        if sequence.flow_style:
            spans = [(each.start_mark.index, self._end(each)) for each in sequence.value]
            self._cut_flow(spans, next(number for number, each in enumerate(sequence.value) if each is item), reason)
        else:
            start = line_start(self.text, item.start_mark.index)
            if not _ITEM.fullmatch(self.text[start : item.start_mark.index]):
                raise UnsafeError
            self._cut_lines(item.start_mark.index, self._end(item), item.start_mark.column, reason)
        self._removed.add((id(sequence), id(item)))

    def empty(self, key: Node, value: Node, reason: str) -> None:
        """Leave an empty list or map where there was a full one."""
        nothing = "[]" if isinstance(value, SequenceNode) else "{}"
        end = self._entry_end(key, value)
        if value.start_mark.index < key.start_mark.index:
            raise UnsafeError
        if isinstance(value, CollectionNode) and value.flow_style:
            self._edits.append(Edit(start=value.start_mark.index, end=value.end_mark.index, text=nothing, reason=reason))
        else:
            colon = self._colon(key)
            if (anchor := _ANCHOR.match(self.text, colon)) is not None:
                colon = anchor.end()
            below = line_end(self.text, colon)
            if value.start_mark.index < below and anchor is None:
                raise UnsafeError
            self._edits.append(Edit(start=colon, end=colon, text=f" {nothing}", reason=reason))
            self._edits.append(Edit(start=below, end=self._with_deeper_comments(end, key.start_mark.column), reason=reason))
        self._emptied[id(value)] = nothing

    def remove_document(self, root: Node, reason: str) -> None:
        """Take a document out, with its `---`."""
        begins = [0, *(found.start() for found in _SEPARATOR.finditer(self.text) if found.start())]
        start = max(begin for begin in begins if begin <= root.start_mark.index)
        end = min((begin for begin in begins if begin > root.start_mark.index), default=len(self.text))
        self._edits.append(Edit(start=start, end=end, reason=reason))
        self._removed_documents.add(id(root))

    def is_removed(self, parent: Node, child: Node) -> bool:
        """Tell whether a key of a map, or an item of a list, goes."""
        return (id(parent), id(child)) in self._removed

    def is_emptied_node(self, node: Node) -> bool:
        """Tell whether a list or a map loses all that is in it."""
        return id(node) in self._emptied

    def is_gone(self, node: Node) -> bool:
        """Tell whether a node stands inside of something that goes."""
        return any(edit.start <= node.start_mark.index < edit.end and not edit.text for edit in self._edits)

    def result(self) -> str:
        """Return the changed text; raises UnsafeError where it would mean anything but what was asked for."""
        try:
            text = applied(self.text, self._edits)
        except OverlapError as error:
            raise UnsafeError from error
        try:
            made = [node for node in YAML(typ="safe", pure=True).compose_all(text) if node is not None]
        except Exception as error:
            raise UnsafeError from error
        wanted = [list(self._tokens(root, set())) for root in self.documents if id(root) not in self._removed_documents]
        seen = [list(_tokens(root, set())) for root in made]
        if [each for each in wanted if not _says_nothing(each)] != [each for each in seen if not _says_nothing(each)]:
            raise UnsafeError
        return text

    def _tokens(self, node: Node, seen: set[int]) -> Iterator[tuple[str, ...]]:
        """Yield what a document is to mean, piece by piece."""
        if node.anchor and id(node) in seen:
            yield "alias", str(node.anchor)
            return
        seen.add(id(node))
        if id(node) in self._emptied:
            yield "list" if isinstance(node, SequenceNode) else "map", str(node.anchor or "")
            yield ("end",)
        elif isinstance(node, MappingNode):
            yield "map", str(node.anchor or "")
            for key, value in node.value:
                if (id(node), id(key)) not in self._removed:
                    yield from self._tokens(key, seen)
                    yield from self._tokens(value, seen)
            yield ("end",)
        elif isinstance(node, SequenceNode):
            yield "list", str(node.anchor or "")
            for item in node.value:
                if (id(node), id(item)) not in self._removed:
                    yield from self._tokens(item, seen)
            yield ("end",)
        else:
            yield "scalar", str(node.anchor or ""), str(node.tag), self._values.get(id(node), node.value)

    def _begins_line(self, node: Node) -> bool:
        start = line_start(self.text, node.start_mark.index)
        return not self.text[start : node.start_mark.index].strip()

    def _is_alias(self, parent: Node, child: Node) -> bool:
        return bool(child.start_mark.index < parent.start_mark.index)

    def _entry_span(self, key: Node, value: Node) -> tuple[int, int]:
        return key.start_mark.index, self._entry_end(key, value)

    def _colon(self, key: Node) -> int:
        """Return where the value of a key may begin."""
        found = self.text.find(":", key.end_mark.index)
        if found < 0:
            raise UnsafeError
        return found + 1

    def _entry_end(self, key: Node, value: Node) -> int:
        colon = self._colon(key)
        if value.start_mark.index < key.start_mark.index:
            alias = _ALIAS.search(self.text, colon)
            if alias is None:
                raise UnsafeError
            return alias.end()
        return colon if _is_nothing(value) else max(colon, self._end(value))

    def _end(self, node: Node) -> int:
        """Return where the content of a node ends: without the comments and blank lines below it, which its mark includes."""
        end: int = node.end_mark.index
        if isinstance(node, ScalarNode):
            return len(self.text[:end].rstrip()) if node.style in _BLOCK_STYLES else end
        if not isinstance(node, CollectionNode) or node.flow_style:
            return end
        start: int = node.start_mark.index
        while end > start:
            end = len(self.text[:end].rstrip())
            begin = line_start(self.text, end)
            if begin < start or not _COMMENT_LINE.match(self.text, begin, end):
                break
            end = begin
        # A text in a block may have lines that look like comments.
        children = [each for pair in node.value for each in pair] if isinstance(node, MappingNode) else node.value
        return max([end, *(self._end(each) for each in children if each.start_mark.index >= start and not _is_nothing(each))])

    def _cut_flow(self, spans: list[tuple[int, int]], index: int, reason: str) -> None:
        start, end = spans[index]
        if index + 1 < len(spans):
            end = spans[index + 1][0]
        elif index:
            start = spans[index - 1][1]
        self._edits.append(Edit(start=start, end=end, reason=reason))

    def _cut_lines(self, start: int, end: int, column: int, reason: str) -> None:
        first = line_start(self.text, start)
        for begin in self._comment_above(first):
            first = begin
        last = self._with_deeper_comments(end, column)
        first, last = without_gap(self.text, first, last)
        self._edits.append(Edit(start=first, end=last, reason=reason))

    def _comment_above(self, first: int) -> list[int]:
        """Return where the comment right above begins, where it tells of what goes; else nothing."""
        indent = len(self.text[first:]) - len(self.text[first:].lstrip(" \t"))
        begin, told = first, False
        while begin:
            above = line_above(self.text, begin)
            line = self.text[above:begin]
            if not _COMMENT_LINE.match(line) or len(line) - len(line.lstrip(" \t")) != indent:
                break
            told = told or bool(_TELLS.search(line))
            begin = above
        return [begin] if told else []

    def _with_deeper_comments(self, end: int, column: int) -> int:
        at = kept = line_end(self.text, end)
        while at < len(self.text):
            after = line_end(self.text, at)
            line = self.text[at:after]
            if line.strip() and not (_COMMENT_LINE.match(line) and len(line) - len(line.lstrip()) > column):
                break
            if line.strip():
                kept = after
            at = after
        return kept


def _is_nothing(node: Node) -> bool:
    """Tell whether nothing is written for a value: its marks then are those of what comes next."""
    return isinstance(node, ScalarNode) and bool(node.start_mark.index == node.end_mark.index)


_TELLS = re.compile(r"ghcr|github|pull|registry|credential|\btoken\b|\blogin\b", re.IGNORECASE)


def _tokens(node: Node, seen: set[int]) -> Iterator[tuple[str, ...]]:
    untouched = Surgery("")
    yield from untouched._tokens(node, seen)  # noqa: SLF001  the same, with no changes


def _says_nothing(tokens: list[tuple[str, ...]]) -> bool:
    return tokens == [("map", ""), ("end",)] or (len(tokens) == 1 and tokens[0][0] == "scalar" and tokens[0][2] == _NULL)

"""A page as a tree, read strictly: whatever is not closed in order is an error, as no browser would tell."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"link", "meta"})


@dataclass(slots=True)
class Node:
    """An element."""

    name: str
    attributes: dict[str, str]
    parent: "Node | None" = None
    children: "list[Node | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything that is written in it, with white space as a browser shows it."""
        return " ".join("".join(self._texts()).split())

    def all(self, name: str = "", **attributes: str) -> list["Node"]:
        """Return the elements in it with a name and attributes."""
        return [
            each
            for each in self._elements()
            if (not name or each.name == name) and all(each.attributes.get(key.rstrip("_")) == value for key, value in attributes.items())
        ]

    def one(self, name: str = "", **attributes: str) -> "Node":
        """Return the only such element."""
        found = self.all(name, **attributes)
        assert len(found) == 1, f"{len(found)} elements {name} {attributes}"
        return found[0]

    def rows(self) -> list[list[str]]:
        """Return the cells of a table."""
        return [[cell.text for cell in row.children if isinstance(cell, Node)] for row in self.one("tbody").all("tr")]

    def _elements(self) -> Iterator["Node"]:
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child._elements()

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child._texts()
                # Blocks are shown apart.
                if child.name in {"p", "li", "td", "th", "div", "h1", "h2", "h3", "dt", "dd"}:
                    yield " "


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.at = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        node = Node(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(node)
        if tag not in VOID:
            self.at = node

    def handle_endtag(self, tag: str) -> None:
        assert self.at.name == tag, f"</{tag}> closes <{self.at.name}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:40]}")


def read(page: str) -> Node:
    """Read a page."""
    assert page.startswith("<!doctype html>\n")
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.at is reader.root, f"<{reader.at.name}> is not closed"
    return reader.root.one("html")

"""Looking around in the nodes of a YAML document."""

from collections.abc import Iterator
from dataclasses import dataclass

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MERGE = "tag:yaml.org,2002:merge"
_BLOCK_STYLES = ("|", ">")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key and its value, the map that they stand in, and the names of the keys that lead there."""

    mapping: MappingNode
    key: ScalarNode
    value: Node
    place: tuple[str, ...]

    @property
    def name(self) -> str:
        """The key."""
        name: str = self.key.value
        return name


def entries(node: Node, place: tuple[str, ...] = (), open_nodes: frozenset[int] = frozenset()) -> Iterator[Entry]:
    """Yield every entry of every map in a node, outer ones first; what an alias leads to is yielded where it is written, only."""
    if id(node) in open_nodes:
        return
    inside = open_nodes | {id(node)}
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.tag != MERGE:
                yield Entry(mapping=node, key=key, value=value, place=(*place, key.value))
                if value.start_mark.index >= key.start_mark.index:
                    yield from entries(value, (*place, key.value), inside)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            if item.start_mark.index >= node.start_mark.index:
                yield from entries(item, place, inside)


def scalars(node: Node, key: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, ScalarNode]]:
    """Yield every scalar that is no key, once, with the key that it stands under; a list's items stand under that of the list."""
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, ScalarNode):
        yield key, node
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from scalars(item, key, seen)
    elif isinstance(node, MappingNode):
        named = text(effective(node).get("name"))
        for inner, value in node.value:
            # `{name: image.registry, value: ...}`: a parameter of Helm, or a variable.
            name = named.rpartition(".")[2] if isinstance(inner, ScalarNode) and inner.value == "value" and named else ""
            yield from scalars(value, name or (inner.value if isinstance(inner, ScalarNode) else ""), seen)


def effective(node: Node, depth: int = 10) -> dict[str, Node]:
    """Return the entries of a map by key, merged ones (`<<`) included; empty for anything else."""
    own: dict[str, Node] = {}
    merged: dict[str, Node] = {}
    for key, value in node.value if isinstance(node, MappingNode) else ():
        if not isinstance(key, ScalarNode):
            continue
        if key.tag == MERGE or (key.value == "<<" and key.style is None):
            # The earlier one wins; one that holds itself, by an alias, ends somewhere.
            for each in items(value) or [value]:
                merged = (effective(each, depth - 1) if depth else {}) | merged
        else:
            own.setdefault(key.value, value)
    return merged | own


def text(node: Node | None) -> str:
    """Return the value of a scalar, empty for anything else."""
    return node.value if isinstance(node, ScalarNode) else ""


def at(node: Node | None, *place: str) -> Node | None:
    """Return what stands at a place, None where nothing does."""
    for key in place:
        node = effective(node).get(key) if node is not None else None
    return node


def items(node: Node | None) -> list[Node]:
    """Return the items of a list, none for anything else."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def maps(node: Node, seen: set[int] | None = None) -> Iterator[MappingNode]:
    """Yield every map in a node, once."""
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, MappingNode):
        yield node
        for _, value in node.value:
            yield from maps(value, seen)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from maps(item, seen)


def line(node: Node) -> int:
    """Return the number of the line that a node begins in, from 1."""
    number: int = node.start_mark.line
    return number + 1


def is_object(root: Node) -> bool:
    """Tell whether a document is a Kubernetes object."""
    return bool(text(at(root, "kind")) and text(at(root, "apiVersion")))

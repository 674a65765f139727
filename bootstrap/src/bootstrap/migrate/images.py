"""Images in YAML: whole names, names in two parts, and registries that stand alone."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from bootstrap.migrate import nodes, notes
from bootstrap.migrate.aim import GHCR, Aim
from bootstrap.migrate.references import REFERENCE, REGISTRY_KEY, changer, references
from bootstrap.migrate.source import Source
from bootstrap.migrate.surgery import Surgery
from bootstrap.migrate.text import Look

_NAME_KEYS = ("repository", "repo", "image", "imageRepository", "imageName", "name")
# Under these a name without a host is one of an image, wherever its registry stands.
_LONE_NAME_KEYS = frozenset({"repository", "imageRepository", "imageName", "image"})

_BEFORE_A_VALUE = re.compile(r"(?<![\w.-])ghcr\.io((?:/[\w.-]+)*)/(?:\{\{|%s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A registry that stands alone, as the path on GHCR that it begins all names with, and the path in ours that takes its place.

    `in_values` is whether it is a value, which all names without a registry may get, rather than written into templates.
    """

    path: str
    images: str
    in_values: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What one use of a scalar asks for: another value, None for the one that it has.

    The other half of a name in two parts is its `partner`, by identity: both change, or neither.
    """

    value: str | None
    reason: str = ""
    is_weak: bool = False
    partner: int = 0


class Images:
    """The images of all files that one chart reads; files that belong to none are one group, too."""

    def __init__(self, source: Source, aim: Aim, group: PurePosixPath | None, *, groups: bool) -> None:
        self.looks: list[Look] = []
        self._aim = aim
        self._groups = groups
        self._files = {path: surgery for path, surgery in source.documents.items() if source.group(path) == group}
        self._templates = [file.text for path, file in source.templates.items() if source.group(path) == group]
        self._bases = {base.path: base for base in self._find_bases()}

    @property
    def base(self) -> Base | None:
        """The one registry that stands alone, where there is one and it is known what it becomes."""
        return next(iter(self._bases.values())) if len(self._bases) == 1 else None

    def edit(self, path: PurePosixPath, *, kept: Collection[int] = ()) -> None:
        """Change the images of a file, except for the scalars in `kept`, by their identity."""
        surgery = self._files[path]
        wishes: dict[int, list[_Wish]] = defaultdict(list)
        scalars: dict[int, ScalarNode] = {}
        for node, wish in self._wishes(path, surgery):
            scalars[id(node)] = node
            wishes[id(node)].append(wish)
        for root in surgery.documents:
            for key, node in nodes.scalars(root):
                if id(node) not in wishes and id(node) not in kept:
                    self._edit_text(path, surgery, key, node)
        torn: set[int] = set()
        while more := {identity for identity, wanted in wishes.items() if _is_torn(wanted, torn)} - torn:
            torn |= more
        for identity, wanted in wishes.items():
            self._fulfil(path, surgery, scalars[identity], wanted, is_torn=identity in torn)

    def _wishes(self, path: PurePosixPath, surgery: Surgery) -> Iterator[tuple[ScalarNode, _Wish]]:
        for root in surgery.documents:
            for mapping in nodes.maps(root):
                registry, name = _registry(mapping), _name(mapping)
                if registry is not None and name is not None:
                    yield from self._of_pair(path, registry, name, mapping)
                elif registry is not None and self._names_ours(mapping):
                    reason = f"{self._aim.registry} in place of {registry.value}"
                    yield registry, _Wish(value=self._aim.registry if _bare(registry) == "" else None, reason=reason)
                elif registry is not None:
                    yield registry, self._of_base(registry)
                elif name is not None and self.base is not None:
                    yield from self._of_lone_name(path, name, self.base)

    def _names_ours(self, mapping: MappingNode) -> bool:
        """Tell whether whole names of ours stand beside a registry, as in the settings of a plugin, and none of others."""
        texts = [nodes.text(nodes.effective(mapping).get(key)) for key in (*_NAME_KEYS, "cache_repo")]
        found = [each for text in texts for each in references(text, self._aim)]
        return bool(found) and all(each.target for each in found)

    def _of_pair(
        self, path: PurePosixPath, registry: ScalarNode, name: ScalarNode, mapping: MappingNode
    ) -> Iterator[tuple[ScalarNode, _Wish]]:
        full = f"{_bare(registry)}/{name.value}".lstrip("/")
        target = self._aim.path(full)
        if target is None:
            yield registry, _Wish(value=None)
            yield name, _Wish(value=None)
            self.looks.append(notes.left(str(path), nodes.line(name), next(references(f"{GHCR}/{full}", self._aim)), self._aim))
            return
        whole = f"{self._aim.registry}/{target}"
        reason = f"{whole} in place of {GHCR}/{full}"
        if whole.endswith(f"/{name.value}"):
            yield registry, _Wish(value=whole.removesuffix(f"/{name.value}"), reason=reason, partner=id(name))
            yield name, _Wish(value=None, partner=id(registry))
        else:
            # The reason stands at the other half.
            yield registry, _Wish(value=self._aim.registry, partner=id(name))
            yield name, _Wish(value=target, reason=reason, partner=id(registry))
        if (digest := nodes.text(nodes.effective(mapping).get("digest"))).startswith("sha256:"):
            self.looks.append(notes.pinned(str(path), nodes.line(name), f"{GHCR}/{full}", digest[:19]))

    def _of_base(self, registry: ScalarNode) -> _Wish:
        base = self._bases.get(_bare(registry) or "")
        if base is None:
            return _Wish(value=None, is_weak=True)
        value = f"{self._aim.registry}/{base.images}".rstrip("/")
        return _Wish(value=value, reason=f"{value} in place of {registry.value}", is_weak=True)

    def _of_lone_name(self, path: PurePosixPath, name: ScalarNode, base: Base) -> Iterator[tuple[ScalarNode, _Wish]]:
        full = f"{base.path}/{name.value}".lstrip("/")
        target = self._aim.path(full)
        if target is None:
            # Without a dot in front of the first slash a name has no host.
            if base.in_values and "/" in name.value and "." not in name.value.partition("/")[0] and ":" not in name.value.partition("/")[0]:
                text = f"{name.value} is of others, and would come from {self._aim.registry}, which stands for all names without one"
                hint = "give it a registry of its own, or copy it"
                self.looks.append(Look(file=str(path), line=nodes.line(name), text=text, hint=hint))
            return
        value = target.removeprefix(f"{base.images}/") if base.images else target
        yield name, _Wish(value=None if value == name.value else value, reason=f"{self._aim.registry}/{target} in place of {GHCR}/{full}")

    def _edit_text(self, path: PurePosixPath, surgery: Surgery, key: str, node: ScalarNode) -> None:
        found = list(references(node.value, self._aim, key=key, groups=self._groups))
        ours = [each for each in found if each.target]
        for each in found:
            if each.target is None:
                self.looks.append(notes.left(str(path), nodes.line(node), each, self._aim))
            elif each.digest:
                self.looks.append(notes.pinned(str(path), nodes.line(node), each.name, each.digest))
        if ours:
            reason = "; ".join(dict.fromkeys(f"{each.target} in place of {each.name}" for each in ours))
            surgery.substitute(node, changer(self._aim, key=key, groups=self._groups), reason)

    def _fulfil(self, path: PurePosixPath, surgery: Surgery, node: ScalarNode, wanted: list[_Wish], *, is_torn: bool) -> None:
        strong = _strong(wanted)
        if is_torn:
            if len(strong) > 1:
                kept = "not everything that uses it is the project's" if None in strong else "would have to be two different ones"
                text = f"{node.value} is used more than once (by an alias), and {kept}"
                self.looks.append(Look(file=str(path), line=nodes.line(node), text=text, hint="write it out where it is used"))
            return
        (wish,) = strong.values()
        if wish.value is not None and wish.value != node.value:
            surgery.replace(node, wish.value, wish.reason)
        elif wish.is_weak and wish.value is None:
            text = f"{node.value} alone: which images come from there can't be seen here"
            self.looks.append(
                Look(file=str(path), line=nodes.line(node), text=text, hint=f"name {self._aim.registry}, and see what it is put before")
            )

    def _find_bases(self) -> Iterator[Base]:
        found: set[str] = set()
        for surgery in self._files.values():
            for root in surgery.documents:
                for mapping in nodes.maps(root):
                    registry = _registry(mapping)
                    if registry is not None and _name(mapping) is None and (path := _bare(registry)) is not None:
                        found.add(path)
        in_values = frozenset(found)
        for text in self._templates:
            found |= {path.strip("/").lower() for path in _BEFORE_A_VALUE.findall(text)}
        names = [name.value for name in self._lone_names()]
        for path in sorted(found):
            ours = [name for name in names if self._aim.path(f"{path}/{name}".lstrip("/")) is not None]
            group = self._aim.path(path, is_prefix=True) if path else None
            if group is not None:
                # `ghcr.io/ann` before `shop/api`: what comes after names the project's folder itself.
                yield Base(
                    path=path,
                    images="" if any("/" in name for name in ours) and _is_owner(path, self._aim) else group,
                    in_values=path in in_values,
                )
            elif not path and (ours or self._in_templates()):
                yield Base(path=path, images="", in_values=path in in_values)

    def _lone_names(self) -> Iterator[ScalarNode]:
        for surgery in self._files.values():
            for root in surgery.documents:
                for mapping in nodes.maps(root):
                    name = _name(mapping)
                    if name is not None and _registry(mapping) is None:
                        yield name

    def _in_templates(self) -> bool:
        paths = [prefix.path for prefix in self._aim.prefixes if not prefix.is_owner]
        return any(f"/{path}/" in text.lower() for text in self._templates for path in paths)


def _strong(wanted: list[_Wish]) -> dict[str | None, _Wish]:
    """Return what is asked for; what knows which image it is about outweighs what does not."""
    return {wish.value: wish for wish in wanted if not wish.is_weak} or {wish.value: wish for wish in wanted}


def _is_torn(wanted: list[_Wish], torn: Collection[int]) -> bool:
    return len(_strong(wanted)) > 1 or any(wish.partner in torn for wish in wanted)


def _registry(mapping: MappingNode) -> ScalarNode | None:
    for key, node in nodes.effective(mapping).items():
        if REGISTRY_KEY.fullmatch(key) and isinstance(node, ScalarNode) and _bare(node) is not None:
            return node
    return None


def _bare(node: Node) -> str | None:
    """Return the path of a scalar that is nothing but GHCR's name and perhaps a path; None for anything else."""
    value = nodes.text(node).rstrip("/")
    found = REFERENCE.fullmatch(value)
    return (found[1] or "") if found else None


def _name(mapping: MappingNode) -> ScalarNode | None:
    """Return the name of an image without a host: beside a registry under any usual key, else only under one that says so."""
    found = nodes.effective(mapping)
    has_registry = any(REGISTRY_KEY.fullmatch(key) and isinstance(node, ScalarNode) and node.value for key, node in found.items())
    for key in _NAME_KEYS:
        node = found.get(key)
        if isinstance(node, ScalarNode) and node.value and not REFERENCE.search(node.value) and (has_registry or key in _LONE_NAME_KEYS):
            return node
    return None


def _is_owner(path: str, aim: Aim) -> bool:
    return any(prefix.is_owner and prefix.path == path.lower() for prefix in aim.prefixes)

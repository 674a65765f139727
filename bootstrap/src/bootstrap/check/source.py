"""A YAML document, the file it stands in, and the line of everything in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

from bootstrap.platform.document import Document, Place

Map: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document; `file` is its name for a person, `path` the one from the root of its tree.

    What a chart was rendered to has no lines of its own: `rendered_with` then says from what it came.
    """

    file: str
    path: PurePosixPath
    document: Document
    rendered_with: str = ""

    @property
    def data(self) -> Map:
        """Its data."""
        return self.document.data

    @property
    def kind(self) -> str:
        """The kind of a Kubernetes object, else empty."""
        return _text(self.data.get("kind"))

    @property
    def api_version(self) -> str:
        """The API version of a Kubernetes object, else empty."""
        return _text(self.data.get("apiVersion"))

    @property
    def group(self) -> str:
        """The API group, empty for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def is_manifest(self) -> bool:
        """Whether it is a Kubernetes object."""
        return bool(self.kind and self.api_version)

    @property
    def name(self) -> str:
        """The name of a Kubernetes object, else empty."""
        return _text(self.get("metadata", "name"))

    @property
    def namespace(self) -> str:
        """The namespace that a Kubernetes object names, else empty."""
        return _text(self.get("metadata", "namespace"))

    @property
    def label(self) -> str:
        """Name the object for a person: `Warehouse shop-cd/images`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def is_a(self, kind: str, group: str) -> bool:
        """Tell whether it is an object of this kind."""
        return self.kind == kind and self.group == group

    def get(self, *place: str | int) -> object:
        """Return what stands at a place, None where nothing does."""
        return get(self.data, *place)

    def text(self, *place: str | int) -> str:
        """Return the text at a place, empty where there is none."""
        return _text(self.get(*place))

    def line(self, *place: str | int) -> int:
        """Return the line of a place, or of what is around it."""
        return 0 if self.rendered_with else self.document.line(place)


def get(value: object, *place: str | int) -> object:
    """Return what stands at a place of a value, None where nothing does."""
    for key in place:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
            value = value[key]
        else:
            return None
    return value


def mapping(value: object) -> Map:
    """Return a value that is a map, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[object]:
    """Return a value that is a list, else an empty one."""
    return value if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """Return the texts of a list of texts, or of a single one."""
    return [value] if isinstance(value, str) else [each for each in items(value) if isinstance(each, str)]


def walk(value: object, place: Place = ()) -> Iterator[tuple[Place, object]]:
    """Yield a value and everything in it, each with its place."""
    yield place, value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from walk(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, (*place, index))


def dotted(place: Place) -> str:
    """Write a place as people do: `spec.subscriptions[0].image`."""
    text = ""
    for key in place:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

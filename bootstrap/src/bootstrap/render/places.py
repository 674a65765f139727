"""Putting the names of secrets where their values would be: pure.

Two runs with other secrets are compared. What differs between them is a secret or made of one, in whatever form, and is never written.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.core.objects import Manifest
from bootstrap.render.source import Known, name_of

_ANNOTATIONS = frozenset({"annotations", "podAnnotations"})
_GONE = object()


class Places:
    """What two runs made up, each of them by name."""

    def __init__(self, first: Sequence[Known], second: Sequence[Known]) -> None:
        self._first = _by_length(first)
        self._second = _by_length(second)
        self.derived: dict[str, str] = {}
        """Places for what is made of secrets in a way that only bootstrap knows, and what they are."""

    def manifest(self, first: Manifest, second: Manifest, *, mark: str | None = None) -> Manifest:
        """Return an object with places; the values of a Secret are text, not Base64."""
        if first["kind"] != "Secret" or "data" not in first:
            return dict(self.values(first, second, mark=mark))
        name, namespace = first["metadata"]["name"], first["metadata"]["namespace"]
        texts = {key: self._text(_decoded(first, key), _decoded(second, key)) for key in first["data"]}
        for key, text in texts.items():
            if text is None:
                place = name_of(namespace, name, key)
                texts[key] = place_of(place)
                self.derived[place] = f"{key} of the Secret {namespace}/{name}"
        return {**{key: value for key, value in first.items() if key != "data"}, "stringData": texts}

    def values(self, first: Mapping[str, Any], second: Mapping[str, Any], *, mark: str | None = None) -> dict[str, Any]:
        """Return an object or the values of a chart with places.

        Annotations that change with secrets, so that pods restart, get the place `mark`; without one they are left out.
        """
        found = self._node(first, second, (), place_of(mark) if mark else _GONE)
        assert isinstance(found, dict)  # noqa: S101  as the first one is
        return found

    def named(self, value: str) -> str | None:
        """Return the name of a secret of the first run."""
        return next((name for known, name in self._first if known == value), None)

    def _node(self, first: Any, second: Any, path: tuple[str, ...], mark: object) -> Any:  # noqa: ANN401  any YAML
        if isinstance(first, Mapping) and isinstance(second, Mapping) and first.keys() == second.keys():
            pairs = ((key, self._node(first[key], second[key], (*path, str(key)), mark)) for key in first)
            kept = {key: value for key, value in pairs if value is not _GONE}
            return kept if kept or not first else _GONE
        if isinstance(first, list | tuple) and isinstance(second, list | tuple) and len(first) == len(second):
            each = enumerate(zip(first, second, strict=True))
            return [self._node(one, other, (*path, str(number)), mark) for number, (one, other) in each]
        if first == second:
            return first
        text = self._text(first, second) if isinstance(first, str) and isinstance(second, str) else None
        if text is not None:
            return text
        if _ANNOTATIONS & {*path}:
            return mark
        raise ValueError(f"{'.'.join(path)} is made of secrets in a way that can't be written down")

    def _text(self, first: str, second: str) -> str | None:
        """Return a text with places, None where it is made of secrets in another way."""
        if first == second:
            return first
        filled = _replaced(first, self._first)
        return filled if filled == _replaced(second, self._second) else None


def _by_length(known: Sequence[Known]) -> list[tuple[str, str]]:
    # A secret may be part of a longer one.
    return sorted(((each.value, each.name) for each in known), key=lambda pair: -len(pair[0]))


def _replaced(text: str, known: Sequence[tuple[str, str]]) -> str:
    for value, name in known:
        text = text.replace(value, place_of(name))
    return text


def place_of(name: str) -> str:
    """Write the name of a secret, or of a sum, as it stands in the files."""
    return f"${{{name}}}"


def _decoded(secret: Manifest, key: str) -> str:
    return base64.b64decode(secret["data"][key]).decode()

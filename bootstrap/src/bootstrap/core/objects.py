"""Kubernetes objects as plain maps, and the manifests that lie beside a component."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, TypeAlias

import yaml

Manifest: TypeAlias = dict[str, Any]

_PLACE = re.compile(r"\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_GONE = object()
# LibYAML is ten times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """Which object: `namespace` is None for kinds of the whole cluster."""

    api_version: str
    kind: str
    name: str
    namespace: str | None = None

    @property
    def label(self) -> str:
        """Name it for a person: `Deployment buildkit/buildkitd`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def group(self) -> str:
        """The API group, empty for the core."""
        return self.api_version.rpartition("/")[0]


def ref_of(manifest: Mapping[str, Any]) -> Ref:
    """Return which object a manifest is about."""
    metadata = manifest["metadata"]
    return Ref(api_version=manifest["apiVersion"], kind=manifest["kind"], name=metadata["name"], namespace=metadata.get("namespace"))


def load_manifest(package: str, file: str, values: Mapping[str, object] | None = None) -> list[Manifest]:
    """Read the documents of `manifests/<file>` beside a component, with `${name}` in keys and scalars replaced.

    A scalar that is nothing but `${name}` takes the value with its type, maps and lists included; None leaves out the key or item that
    holds it. `$${` is a literal `${`. A name without a value, and a value without a name, is a ValueError.
    """
    given = dict(values or {})
    text = resources.files(package).joinpath("manifests", file).read_text(encoding="utf-8")
    used: set[str] = set()
    documents = [_filled(document, given, used) for document in yaml.load_all(text, Loader=_LOADER) if document]
    if idle := sorted(given.keys() - used):
        raise ValueError(f"{file} has no place for {', '.join(idle)}")
    return [document for document in documents if document is not _GONE]


def _filled(node: Any, values: Mapping[str, object], used: set[str]) -> Any:  # noqa: ANN401  any YAML
    if isinstance(node, str):
        return _replaced(node, values, used)
    if isinstance(node, dict):
        pairs = ((_replaced(key, values, used) if isinstance(key, str) else key, _filled(item, values, used)) for key, item in node.items())
        return {key: item for key, item in pairs if item is not _GONE}
    if isinstance(node, list):
        return [item for item in (_filled(item, values, used) for item in node) if item is not _GONE]
    return node


def _replaced(text: str, values: Mapping[str, object], used: set[str]) -> Any:  # noqa: ANN401  the value's own type
    def value_of(match: re.Match[str]) -> object:
        name = match[2]
        if name not in values:
            raise ValueError(f"${{{name}}} has no value")
        used.add(name)
        return values[name]

    whole = _PLACE.fullmatch(text)
    if whole and whole[2]:
        value = value_of(whole)
        return _GONE if value is None else value
    return _PLACE.sub(lambda match: match[1] or str(value_of(match)), text)

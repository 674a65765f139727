"""Which schema an object is held against: the models of Kubernetes, a CRD among the files, or our own of the kinds that we use."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from bootstrap.check import kubernetes
from bootstrap.check.schema import Misfit, Schema
from bootstrap.check.source import Source, get, items

# Files that have the shape of objects and never reach an API server.
_NO_OBJECTS = frozenset({"kustomize.config.k8s.io", "kind.x-k8s.io", "k3d.io", "kubeadm.k8s.io", "skaffold", "audit.k8s.io"})
_OWN = ("argoproj.io.yaml", "cert-manager.io.yaml", "kargo.akuity.io.yaml")


class Kinds:
    """The schemas of all kinds that are known; `manifests` may bring CRDs of their own."""

    def __init__(self, manifests: Iterable[Source] = ()) -> None:
        self._found = {
            key: schema for source in manifests if source.kind == "CustomResourceDefinition" for key, schema in _of_crd(source.data)
        }
        self._schemas: dict[tuple[str, str], Schema | None] = {}

    def knows(self, source: Source) -> bool:
        """Tell whether there is a schema for an object."""
        return kubernetes.is_known(source.api_version) or self._schema(source) is not None

    def misfits(self, source: Source) -> Iterator[Misfit]:
        """Yield what is wrong with an object; of a kind that nobody knows, only what every object needs."""
        if source.group.partition("/")[0] in _NO_OBJECTS:
            return
        if kubernetes.is_known(source.api_version):
            yield from kubernetes.misfits(source.data)
        elif schema := self._schema(source):
            yield from schema.misfits(source.data)
        if self.knows(source) and not source.name and not source.text("metadata", "generateName") and not source.kind.endswith("List"):
            yield Misfit(place=("metadata",), text="`metadata.name` is missing")

    def _schema(self, source: Source) -> Schema | None:
        key = (source.api_version, source.kind)
        if key not in self._schemas:
            known = self._found.get(key) or own().get(key)
            self._schemas[key] = Schema.of_crd(known) if known else None
        return self._schemas[key]


@cache
def own() -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """Return our own schemas, by API version and kind; a test holds them against the CRDs of the projects."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for name in _OWN:
        text = resources.files("bootstrap.check").joinpath("schemas", name).read_text(encoding="utf-8")
        document = yaml.safe_load(text)
        for kind, schema in document["kinds"].items():
            found[(document["apiVersion"], kind)] = {"type": "object", "properties": schema}
    return found


def _of_crd(data: Mapping[str, object]) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    group, kind = get(data, "spec", "group"), get(data, "spec", "names", "kind")
    for version in items(get(data, "spec", "versions")):
        schema = get(version, "schema", "openAPIV3Schema")
        if isinstance(schema, Mapping):
            yield (f"{group}/{get(version, 'name')}", str(kind)), schema

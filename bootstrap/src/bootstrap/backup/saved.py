"""An object as a backup holds it: without what an API server makes anew for each, with its status; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from bootstrap.backup.scope import Part
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.ownership import MANAGER

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SYSTEM = ("resourceVersion", "generation", "managedFields", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds")
# What only concerns the cluster that it was read from; an operation of an Application would be started again.
_LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "CustomResourceDefinition": ("status",),
    "Namespace": ("spec", "status"),
    "Application": ("operation",),
}
# libyaml where it is there: the CRDs alone are half a megabyte.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_FIRST_KEYS = ("apiVersion", "kind", "metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One object."""

    part: Part
    manifest: Manifest
    """Its uid and the time of its creation are those of the cluster that it was read from."""
    fields: Mapping[str, Any] | None = None
    """The fields that bootstrap manages (`fieldsV1`): with them `up` finds them as it has left them."""

    @property
    def ref(self) -> Ref:
        """Which object."""
        return ref_of(self.manifest)

    @property
    def is_secret(self) -> bool:
        """Whether it is written only in encrypted form."""
        return self.ref.kind == "Secret"

    @property
    def path(self) -> str:
        """Where in a backup it is written."""
        ref = self.ref
        folders = [self.part.value, *([ref.namespace] if ref.namespace else []), ref.kind.lower()]
        return "/".join([*folders, f"{ref.name}.yaml{'.age' if self.is_secret else ''}"])

    def text(self) -> str:
        """Write it for a person."""
        rest = sorted(key for key in self.manifest if key not in (*_FIRST_KEYS, "status"))
        keys = [key for key in (*_FIRST_KEYS, *rest, "status") if key in self.manifest]
        document = {key: self.manifest[key] for key in keys}
        return str(yaml.dump(document, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=119))


def parsed(text: bytes) -> Any:  # noqa: ANN401  any YAML
    """Read what `text` has written."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506  both are safe ones


def saved(part: Part, live: Manifest) -> Saved:
    """Take from a live object what is worth keeping."""
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SYSTEM}
    annotations = {key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key != _APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    manifest = {key: value for key, value in live.items() if key not in _LEFT_OUT.get(live["kind"], ())}
    return Saved(part=part, manifest={**manifest, "metadata": metadata}, fields=managed(live))


def managed(live: Manifest) -> Mapping[str, Any] | None:
    """Return the fields of an object that bootstrap has applied."""
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource"):
            return dict(entry.get("fieldsV1") or {})
    return None

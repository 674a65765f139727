"""The steps of the two scripts: calls of the functions in scripts/functions.sh. Pure."""

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from bootstrap.components.arc.departure import Binding, Controller, Definition, Departure, Runners, ScaleSet, Volume
from bootstrap.components.arc.departure import Namespace as ArcNamespace
from bootstrap.components.probe import Probe
from bootstrap.components.project_argo_cd.application import ApplicationResource
from bootstrap.components.woodpecker.volume import DatabaseVolume, FormerVolume
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.release import ReleaseResource
from bootstrap.core.resource import Resource
from bootstrap.core.volume import NfsVolumeResource

_TIMEOUT = "300s"
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
# Their condition Ready comes by itself; a Warehouse, for one, has none before there is an image.
_READY = frozenset({"Certificate", "Project"})


def line(*words: str) -> str:
    """Write a call."""
    return shlex.join(words)


def manifest_of(resource: Resource) -> Manifest | None:
    """Return the object that a resource is, None where it is none, or one that only bootstrap can use."""
    # Of classes that have nothing else in common.
    found: Any = None if isinstance(resource, Probe) else getattr(resource, "manifest", None)
    return None if found is None else dict(found)


def kept(resource: Resource) -> bool:
    """Tell whether `down` leaves it."""
    reason: Any = getattr(resource, "kept", None)
    return isinstance(resource, NfsVolumeResource) or bool(reason)


def install(release: ReleaseResource, values: str, way: str) -> str:
    """Install a chart; `way` leads to the folder that the paths of charts are relative to."""
    reference = release.chart.reference
    if release.chart.local and not reference.startswith(("/", "~")):
        path = str(PurePosixPath(way, reference))
        reference = path if path.startswith("../") else f"./{path}"
    source = [] if release.chart.local else ["--version", release.chart.version]
    source += ["--repo", release.chart.repo] if release.chart.repo else []
    source += ["--take-ownership"] if release.take_ownership else []
    return line("install", release.name, release.namespace, values, f"{release.timeout:.0f}s", reference, *source)


def wait(ref: Ref) -> Sequence[str]:
    """Wait until an object is in order, where its kind tells."""
    if ref.kind in _WORKLOADS:
        return (line("rolled_out", _kind(ref), ref.namespace or "", ref.name),)
    return (line("ready", _kind(ref), ref.namespace or "", ref.name),) if ref.kind in _READY else ()


def departure(resource: Departure) -> Sequence[str]:
    """Take away what the platform replaces."""
    match resource:
        case ScaleSet():
            return _removed(resource.release, resource.namespace), line("without_runners", resource.namespace)
        case Controller():
            return (_removed(resource.release, resource.namespace),)
        case Runners():
            return (line("without_runners", resource.namespace),)
        case Definition():
            return (line("remove_unused_kind", resource.ref.name),)
        case Volume():
            return line("retained", resource.ref.name), _remove(resource.ref)
        case Binding() | ArcNamespace():
            return (_remove(resource.ref),)
    raise AssertionError(f"{resource.label} has no step")


def claimed(resource: DatabaseVolume | FormerVolume, claim: Ref) -> str:
    """Give a claim back the volume that it had, before it is made; or have its volume outlive it, once there is one."""
    return line("free_volume_of" if isinstance(resource, FormerVolume) else "retain_volume_of", claim.namespace or "", claim.name)


def removal(resource: Resource, doomed: frozenset[str]) -> Sequence[str]:
    """Take away a part of the platform; what lies in a namespace of `doomed` goes with that."""
    if kept(resource):
        return ()
    if isinstance(resource, ReleaseResource):
        return (_removed(resource.name, resource.namespace),)
    manifest = manifest_of(resource)
    if manifest is None:
        return ()
    ref = ref_of(manifest)
    # Unless its controller has to let it go.
    if ref.namespace in doomed and not is_custom(ref):
        return ()
    if isinstance(resource, ApplicationResource):
        return line("without_cascade", ref.namespace or "", ref.name), _remove(ref)
    return (_remove(ref),)


def together(steps: Sequence[str]) -> list[str]:
    """Let namespaces that go one after the other go at once: each takes seconds."""
    found: list[str] = []
    for each in steps:
        words = shlex.split(each)
        if words[:3] != ["remove", "namespace", ""]:
            found.append(each)
        elif found and found[-1].startswith("remove_namespaces "):
            found[-1] += f" {line(words[3])}"
        else:
            found.append(line("remove_namespaces", words[3]))
    return found


def is_custom(ref: Ref) -> bool:
    """Tell whether a kind is not Kubernetes' own."""
    return "." in ref.group and not ref.group.endswith(".k8s.io")


def _removed(release: str, namespace: str) -> str:
    return line("remove_release", release, namespace, _TIMEOUT)


def _remove(ref: Ref) -> str:
    return line("remove", _kind(ref), ref.namespace or "", ref.name)


def _kind(ref: Ref) -> str:
    return f"{ref.kind.lower()}.{ref.group}" if ref.group else ref.kind.lower()

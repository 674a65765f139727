"""What is written: two surveys with other secrets, made into files and the steps of the two scripts. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bootstrap.components.arc.departure import Departure
from bootstrap.components.woodpecker.volume import DatabaseVolume, FormerVolume, claim_of
from bootstrap.core.objects import Manifest, ref_of
from bootstrap.core.release import ReleaseResource
from bootstrap.core.volume import NfsVolumeResource
from bootstrap.render import step
from bootstrap.render.layout import file_of, folder_of
from bootstrap.render.places import Places, place_of
from bootstrap.render.source import name_of
from bootstrap.render.step import line, manifest_of
from bootstrap.render.survey import Part, Survey

# When they start, and not again.
_READ_BY_PODS = frozenset({"Secret", "ConfigMap"})


@dataclass(slots=True, kw_only=True)
class Rendering:
    """Manifests and values of charts by file, what the scripts do, and what is neither."""

    objects: dict[str, list[Manifest]] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    up: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    """What has to hold before anything is removed."""
    down: list[str] = field(default_factory=list)
    sums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Places that change with what is in these files, so that pods restart."""
    apart: list[Part] = field(default_factory=list)
    """Parts that are no files."""


def rendering(first: Survey, second: Survey, places: Places, *, way: str) -> Rendering:
    """Make files and steps of two surveys; `way` leads from the files to the folder of platform.yaml."""
    if [part.resource.label for part in first.parts] != [part.resource.label for part in second.parts]:
        raise AssertionError("two runs with other secrets found other resources")
    draft = _Draft(first, second, places, way)
    draft.write()
    return draft.made


class _Draft:
    """Files and steps in the making."""

    def __init__(self, first: Survey, second: Survey, places: Places, way: str) -> None:
        self.made = Rendering()
        self._first = first
        self._second = second
        self._places = places
        self._way = way
        self._waiting: list[str] = []
        self._read: dict[str, list[str]] = {}

    def write(self) -> None:
        """Go through all parts, forwards and then backwards."""
        component = ""
        for part, other in zip(self._first.parts, self._second.parts, strict=True):
            if part.component != component:
                self._settle()
                component = part.component
            _add(self.made.up, part.title, self._steps(part, other))
        self._settle()
        manifests = [(part.resource, manifest) for part in self._first.parts if (manifest := manifest_of(part.resource))]
        doomed = frozenset(
            each["metadata"]["name"] for resource, each in manifests if each["kind"] == "Namespace" and not step.kept(resource)
        )
        for part in reversed(self._first.parts):
            _add(self.made.down, part.title, step.removal(part.resource, doomed))
        self.made.down = step.together(self.made.down)
        volumes = [each["metadata"]["name"] for resource, each in manifests if isinstance(resource, NfsVolumeResource)]
        claims = [claim_of(self._first.context.platform) for part in self._first.parts if isinstance(part.resource, DatabaseVolume)]
        projects = [each["metadata"]["name"] for _, each in manifests if each["kind"] == "Project"]
        self.made.checks += [line("retained", name) for name in volumes]
        self.made.checks += [line("volume_of_retained", each.namespace or "", each.name) for each in claims]
        self.made.checks += [line("keeps_namespace", name) for name in projects]

    def _settle(self) -> None:
        """Wait for what a component has applied, when all of it is."""
        self.made.up += self._waiting
        self._waiting = []

    def _steps(self, part: Part, other: Part) -> Sequence[str]:
        resource, twin = part.resource, other.resource
        if isinstance(resource, ReleaseResource) and isinstance(twin, ReleaseResource):
            return (self._install(part.component, resource, twin),)
        if isinstance(resource, Departure):
            return step.departure(resource)
        if isinstance(resource, DatabaseVolume | FormerVolume):
            return (step.claimed(resource, claim_of(self._first.context.platform)),)
        manifest, second = manifest_of(resource), manifest_of(twin)
        if manifest is None or second is None:
            self.made.apart.append(part)
            return ()
        ours = _labelled(manifest, self._first), _labelled(second, self._second)
        written = self._marked(part.component, lambda mark: self._places.manifest(*ours, mark=mark))
        volume = [line("free_volume", ref_of(manifest).name)] if isinstance(resource, NfsVolumeResource) else []
        self._waiting += step.wait(ref_of(manifest))
        return [*volume, *self._apply(part.component, written)]

    def _install(self, component: str, release: ReleaseResource, twin: ReleaseResource) -> str:
        path = f"{folder_of(component)}/values.yaml"
        if path in self.made.values:
            path = f"{folder_of(component)}/{release.name}-values.yaml"
        self.made.values[path] = self._marked(component, lambda mark: self._places.values(release.values, twin.values, mark=mark))
        return step.install(release, path, self._way)

    def _marked(self, component: str, write: Callable[[str | None], dict[str, Any]]) -> dict[str, Any]:
        """Write something whose pods restart when the component's own Secrets and ConfigMaps change."""
        files = tuple(self._read.get(component, ()))
        mark = name_of("sum", "of", component) if files else None
        written = write(mark)
        if mark and place_of(mark) in str(written):
            self.made.sums[mark] = files
        return written

    def _apply(self, component: str, manifest: Manifest) -> Sequence[str]:
        path = file_of(component, manifest)
        read = self._read.setdefault(component, [])
        if manifest["kind"] in _READ_BY_PODS and path not in read:
            read.append(path)
        call = line("apply", path)
        if path not in self.made.objects:
            self.made.objects[path] = [manifest]
            return (call,)
        # A chart that brings the kind may have come after the file.
        late = any(each.startswith("install ") for each in self.made.up[self.made.up.index(call) :])
        if late and step.is_custom(ref_of(manifest)):
            raise AssertionError(f"{ref_of(manifest).label} would come too early in {path}")
        self.made.objects[path].append(manifest)
        return ()


def _add(lines: list[str], title: str, steps: Sequence[str]) -> None:
    fresh = [each for each in steps if each not in lines]
    begun = [each for each in lines if each.startswith("section ")]
    if fresh and (not begun or begun[-1] != line("section", title)):
        lines.append(line("section", title))
    lines += fresh


def _labelled(manifest: Manifest, survey: Survey) -> Manifest:
    # What other components have set on a namespace belongs to it.
    there = survey.context.cluster.get(ref_of(manifest)) if manifest["kind"] == "Namespace" else None
    found = there or manifest
    metadata = found["metadata"]
    return {**found, "metadata": {**metadata, "labels": {**survey.context.labels, **(metadata.get("labels") or {})}}}

"""One image in the platform's registry."""

from dataclasses import dataclass
from pathlib import Path

from bootstrap.components.buildkit.security import FORMS
from bootstrap.components.images.copying import copy
from bootstrap.components.images.source import SourceError, source
from bootstrap.components.registry.client import registry
from bootstrap.core import readiness
from bootstrap.core.change import ABSENT, READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Ref
from plugin_kit.console import counted
from plugin_kit.manifest import Manifest

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One of this project's own images; `path` is its repository in the platform's registry."""

    name: str
    path: str
    tag: str
    reference: str
    """Its full name, as pods and pipelines name it."""

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Image {self.reference}"

    def observe(self, context: Context) -> Observation:
        """Compare digests; what is there already needs no source, and what a new registry will need must be there before it is made."""
        if reason := awaited(context):
            if _is_new(context):
                self._look(context)
            return Observation(later=Later(resource=self.label, reason=reason))
        with registry(context) as target:
            there = target.manifest(self.path, self.tag)
        try:
            with source(context) as origin:
                wanted = origin.root(self.name)
        except BootstrapError:
            # The next machine that runs this need not have the folder.
            if there is not None:
                return Observation()
            raise
        if wanted is None:
            if there is not None:
                return Observation()
            raise self._missing(context)
        if there is not None and there.digest == wanted.digest:
            return Observation()
        field = FieldChange(path="digest", before=there.digest if there else None, after=wanted.digest)
        action = Action.CREATE if there is None else Action.UPDATE
        note = f"copied from {context.platform.images.source}{_version(wanted)}"
        return Observation(change=Change(resource=self.label, action=action, fields=(field,), note=note))

    def apply(self, context: Context, change: Change) -> None:
        """Copy it."""
        del change
        context.guard.check()
        with source(context) as origin, registry(context) as target:
            # Layers that the images share are sent once.
            known: dict[str, str] = context.once("images.blobs", dict)
            beside = origin.path(self.name) if origin.host == context.platform.registry.host else None
            with context.console.step(f"Copying {self.reference}") as step:
                sent = copy(origin, self.name, target, self.path, self.tag, beside=beside, known=known)
                step.note(f"{sent.blobs} of {counted(sent.of, 'blob')} sent, {sent.size / _MEGABYTE:.1f} MB")

    def verify(self, context: Context, deadline: Deadline) -> None:
        """Wait for nothing: it was read back when it was copied."""

    def status(self, context: Context) -> Readiness:
        """Look for its tag."""
        try:
            with registry(context) as target:
                return READY if target.manifest(self.path, self.tag) else ABSENT
        except BootstrapError as error:
            return Readiness(state=State.UNKNOWN, message=error.message)

    def removal(self, context: Context) -> Removal | None:
        """Nothing: the registry keeps what it has."""
        del context
        return None

    def remove(self, context: Context, deadline: Deadline) -> None:
        """Nothing: the registry keeps what it has."""

    def _look(self, context: Context) -> None:
        with source(context) as origin:
            # One that is named as its own source has nothing yet, and says so when it runs.
            if origin.host != context.platform.registry.host and origin.root(self.name) is None:
                raise self._missing(context)

    def _missing(self, context: Context) -> SourceError:
        wanted = context.platform.images
        if wanted.is_layout:
            # As it is written: in a container, any other path is one that only the container has.
            folder, at = wanted.source, "" if wanted.source.startswith(("/", "~")) else " (relative to platform.yaml)"
            command = f"in a checkout of local-cicd: ./dev images --output {folder}{at}"
            if self.name == FORMS["rootless"].image:
                command = f"skopeo copy docker://docker.io/moby/buildkit:rootless oci:{folder}/{self.name}:{wanted.tag}{at}"
            if not (context.folder / Path(folder).expanduser()).is_dir():
                return SourceError(f"there is no folder {folder}{at}, where the images are to come from", hint=f"write it, {command}")
            return SourceError(f"there is no image {self.name} in {folder}{at}", hint=f"write it there, {command}")
        return SourceError(f"there is no image {wanted.source}/{self.name}:{wanted.tag}", hint="check `images.source` and `images.tag`")


def awaited(context: Context) -> str:
    """Say what the registry waits for, where it is one that is only being installed."""
    wanted = context.platform.registry
    if wanted.mode != "install":
        return ""
    live = context.cluster.get(Ref(api_version="apps/v1", kind="Deployment", name="registry", namespace=wanted.namespace))
    return "" if live is not None and readiness.of(live).state is State.READY else "the registry runs"


def _is_new(context: Context) -> bool:
    """Tell whether the registry can't hold anything yet: it has no volume."""
    claim = Ref(api_version="v1", kind="PersistentVolumeClaim", name="registry", namespace=context.platform.registry.namespace)
    return context.cluster.get(claim) is None


def _version(manifest: Manifest) -> str:
    version = manifest.annotations.get("org.opencontainers.image.version")
    return f" ({version})" if version else ""

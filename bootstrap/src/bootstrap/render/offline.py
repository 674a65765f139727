"""A run without a cluster: objects that are applied are simply kept, and what controllers would fill in is made up."""

import copy
import io
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from bootstrap.components import forge
from bootstrap.components.authority import new_authority, parted
from bootstrap.components.encoding import encoded
from bootstrap.components.woodpecker import access
from bootstrap.components.woodpecker.application import wanted_application
from bootstrap.core.cluster import Cluster, Version
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.gitea.web import Web
from bootstrap.platform.platform import Platform
from plugin_kit.console import Console

if TYPE_CHECKING:
    from bootstrap.core.helm import Helm

T = TypeVar("T")

_GITEA = "Gitea "
_WORKLOADS = frozenset({"Deployment", "StatefulSet"})
_PODS = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
_TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105  a type of Secret


class OfflineCluster:
    """What has been applied so far."""

    def __init__(self) -> None:
        self._objects: dict[Ref, Manifest] = {}
        self.mutations = 0
        self.filled: dict[Ref, tuple[str, ...]] = {}
        """Secrets that controllers fill on a real cluster, and their keys."""

    def get(self, ref: Ref) -> Manifest | None:
        """Return an object."""
        return self._objects.get(ref)

    def list(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: Mapping[str, Any] | None = None
    ) -> Sequence[Manifest]:
        """Return the objects of a kind."""
        return [
            each
            for ref, each in self._objects.items()
            if (ref.api_version, ref.kind) == (api_version, kind)
            and namespace in {None, ref.namespace}
            and (labels or {}).items() <= (each["metadata"].get("labels") or {}).items()
        ]

    def serves(self, api_version: str, kind: str) -> bool:
        """Say that there is no such kind."""
        del api_version, kind
        return False

    def version(self) -> Version:
        """Be as new as a cluster can be."""
        return Version(major=1, minor=99, text="v1.99.0")

    def apply(self, manifest: Manifest) -> Manifest:
        """Keep an object, and do what its controller would."""
        ref = ref_of(manifest)
        there = self._objects.get(ref)
        kept = copy.deepcopy(manifest)
        if manifest["kind"] == "Secret" and manifest.get("type") == _TOKEN_TYPE:
            kept["data"] = (there or {}).get("data") or {"token": encoded(f"token-{secrets.token_hex(16)}")}
            self.filled[ref] = ("token",)
        if manifest["kind"] in _WORKLOADS:
            pods = manifest["spec"].get("replicas", 1)
            kept["status"] = {"observedGeneration": 1, **dict.fromkeys(_PODS, pods)}
        if manifest["kind"] == "Certificate":
            kept["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
        if kept != there:
            self.mutations += 1
            self._objects[ref] = kept
        if manifest["kind"] == "Certificate":
            self._sign(manifest)
        return kept

    def create(self, manifest: Manifest) -> Manifest:
        """Keep an object."""
        return self.apply(manifest)

    def patch(self, ref: Ref, patch: Mapping[str, Any]) -> Manifest:
        """Merge into an object, as a merge patch without removals does."""
        there = self._objects.get(ref) or {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": {"name": ref.name}}
        return self.apply(_merged(there, patch))

    def _sign(self, certificate: Manifest) -> None:
        ref = Ref(api_version="v1", kind="Secret", name=certificate["spec"]["secretName"], namespace=certificate["metadata"]["namespace"])
        if self.get(ref) is None:
            self.filled[ref] = ("ca.crt", "tls.crt", "tls.key")
            data = {key: encoded(f"{key} {secrets.token_hex(16)}") for key in self.filled[ref]}
            metadata = {"name": ref.name, "namespace": ref.namespace}
            self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "data": data})


@dataclass(slots=True, kw_only=True)
class OfflineContext(Context):
    """A context in which nobody is asked: Gitea has the OAuth2 application that Woodpecker needs, and says nothing else."""

    def once(self, key: str, make: Callable[[], T]) -> T:
        """Make something on first use; the client of Gitea is one that never leaves this process."""
        if key.startswith(_GITEA):
            return cast("T", Context.once(self, _GITEA, self._gitea))
        return Context.once(self, key, make)

    def _gitea(self) -> Web:
        application = wanted_application(self)

        def answer(request: httpx.Request) -> httpx.Response:
            client_id = self.records.value(access.RECORD, access.CLIENT_ID)
            if not request.url.path.endswith("/user/applications/oauth2") or client_id is None:
                return httpx.Response(httpx.codes.NOT_FOUND, json={"message": "not found"})
            if request.url.params.get("page", "1") != "1":
                return httpx.Response(httpx.codes.OK, json=[])
            return httpx.Response(httpx.codes.OK, json=[{"id": 1, **application.body(), "client_id": client_id}])

        return Web("http://gitea.invalid", transport=httpx.MockTransport(answer), clock=self.clock)


class _Nobody:
    """The lock of a cluster that nobody else can reach."""

    holder = "render"

    def check(self) -> None:
        """Find it held."""

    def is_dead(self, holder: str) -> bool:
        """Know of no other run."""
        del holder
        return False


def open_context(platform: Platform, folder: Path) -> OfflineContext:
    """Begin a run without a cluster, on a platform whose secrets are made up."""
    cluster = cast("Cluster", OfflineCluster())
    context = OfflineContext(
        platform=platform,
        cluster=cluster,
        # Charts are not rendered here: Helm does that where the files are used.
        helm=cast("Helm", None),
        console=Console(io.StringIO(), colour=False),
        guard=_Nobody(),
        folder=folder,
    )
    # What comes from Gitea: bootstrap gets it there, and who uses the files puts it in.
    context.records.store(access.RECORD, {access.CLIENT_ID: secrets.token_hex(16), access.CLIENT_SECRET: secrets.token_hex(16)})
    if platform.gitea.admin.password.generate:
        context.records.store(forge.RECORD, {forge.PASSWORD: secrets.token_hex(16)})
    if platform.ca is not None and (key := platform.ca.secret) is not None:
        _, certificate = parted(new_authority("made up"))
        metadata = {"name": key.name, "namespace": key.namespace}
        context.cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {key.key: encoded(certificate)}})
    return context


def _merged(there: Manifest, patch: Mapping[str, Any]) -> Manifest:
    found = dict(there)
    for key, value in patch.items():
        before = found.get(key)
        found[key] = _merged(before, value) if isinstance(before, dict) and isinstance(value, Mapping) else value
    return found

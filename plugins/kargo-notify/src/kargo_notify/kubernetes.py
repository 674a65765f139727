"""Kargo by the Kubernetes API (`via: kubernetes`): its resources are read and annotated as any other client would."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx2
import yaml
from lightkube import ApiError, Client, KubeConfig
from lightkube.core.exceptions import ConfigError
from lightkube.generic_resource import GenericNamespacedResource, create_namespaced_resource
from lightkube.types import PatchType

from kargo_notify.api import freight_manifest, refused_freight
from kargo_notify.freight import Artifact, Freight, freight_name
from kargo_notify.kargo import PATIENCE, KargoError, KargoMissing, KargoRefused, KargoUnreachable, Stage
from kargo_notify.warehouse import REFRESH, Warehouse
from plugin_kit.errors import SettingsError
from plugin_kit.http import reason_of

if TYPE_CHECKING:
    from kargo_notify.settings import Settings

GROUP = "kargo.akuity.io"
WAREHOUSES = create_namespaced_resource(GROUP, "v1alpha1", "Warehouse", "warehouses")
FREIGHTS = create_namespaced_resource(GROUP, "v1alpha1", "Freight", "freights")
STAGES = create_namespaced_resource(GROUP, "v1alpha1", "Stage", "stages")
_PLURALS = {WAREHOUSES: "warehouses", FREIGHTS: "freights", STAGES: "stages"}
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _INVALID = 401, 403, 404, 409, 422
# The API server ends a watch after so long, and lightkube goes on where it stopped.
_WATCH_SECONDS = 10
T = TypeVar("T")


class Cluster:
    """A Kargo project, by the API server of its cluster."""

    def __init__(self, client: Client, project: str, warehouse: str) -> None:
        self.project = project
        self.warehouse_name = warehouse
        self.label = f"the Kubernetes API at {httpx2.URL(client.config.cluster.server).netloc.decode()}"
        self._client = client
        self._watching = False

    @classmethod
    def connect(cls, settings: "Settings", project: str, workspace: Path, *, once: float | None = None) -> "Cluster":
        """Make the client of the settings, or of the pod's ServiceAccount, `once` as in `kargo.connect`; raises SettingsError."""
        given = settings.kubeconfig.get_secret_value() if settings.kubeconfig else ""
        try:
            config = _kubeconfig(given, workspace) if given.strip() else KubeConfig.from_service_account()
            return cls(Client(config, timeout=httpx2.Timeout(once or PATIENCE)), project, settings.warehouse)
        except (ConfigError, KeyError, TypeError, ValueError, OSError, AssertionError, yaml.YAMLError) as error:
            if given.strip():
                # The text is a secret, and YAML errors quote it.
                reason = str(error) if isinstance(error, ConfigError) else f"not a kubeconfig ({type(error).__name__})"
                raise SettingsError([f"kubeconfig: {reason}"]) from None
            raise SettingsError(
                ["via: kubernetes: this step has no ServiceAccount to speak to Kubernetes with"],
                hint="run it on the Kubernetes backend of Woodpecker, or set `kubeconfig` (from_secret)",
            ) from None

    def warehouse(self) -> Warehouse:
        """Read the Warehouse."""
        return Warehouse.read(self._get(WAREHOUSES, self.warehouse_name))

    def refresh(self) -> None:
        """Annotate the Warehouse with a token that it never had, since Kargo reacts to a change."""
        token = f"local-cicd-{time.time_ns()}"
        patch = {"metadata": {"annotations": {REFRESH: token}}}
        with self._explained("patch", WAREHOUSES, self.warehouse_name):
            self._client.patch(WAREHOUSES, self.warehouse_name, patch, namespace=self.project, patch_type=PatchType.MERGE)

    def freight(self, name: str) -> Freight | None:
        """Read a Freight by its name, or None."""
        try:
            return Freight.read(self._get(FREIGHTS, name))
        except KargoRefused as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def freights(self, *, all_warehouses: bool = False) -> list[Freight]:
        """List the Freight of the Warehouse, or of the project."""
        with self._explained("list", FREIGHTS):
            every = [Freight.read(item) for item in self._client.list(FREIGHTS, namespace=self.project)]
        return [freight for freight in every if all_warehouses or freight.warehouse == self.warehouse_name]

    def stages(self) -> list[Stage]:
        """List the Stages of the project."""
        with self._explained("list", STAGES):
            return [Stage.read(item) for item in self._client.list(STAGES, namespace=self.project)]

    def create(self, artifacts: Sequence[Artifact]) -> Freight:
        """Create the Freight of these images, or return it where it exists."""
        name = freight_name(self.warehouse_name, artifacts)
        manifest = freight_manifest(self.project, self.warehouse_name, name, artifacts)
        try:
            with self._explained("create", FREIGHTS):
                return Freight.read(self._client.create(FREIGHTS(**manifest), namespace=self.project))
        except KargoRefused as error:
            if error.status != _CONFLICT:
                raise
        existing = self.freight(name)
        if existing is None:
            raise KargoError(f"{self.label} says that Freight {name} exists, and then that it does not")
        return existing

    def watch(self, timeout: float) -> Iterator[Freight]:
        """Give the project's Freight of the Warehouse and each change of it."""
        for freight in self._watch(FREIGHTS, timeout, Freight.read):
            if freight.warehouse == self.warehouse_name:
                yield freight

    def watch_warehouse(self, timeout: float) -> Iterator[Warehouse]:
        """Give the Warehouse and each change of it."""
        yield from self._watch(WAREHOUSES, timeout, Warehouse.read, fields={"metadata.name": self.warehouse_name})

    def stop_watching(self) -> None:
        """End all watches: each with the next event, or when the API server ends it."""
        self._watching = False

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _watch(
        self,
        kind: type[GenericNamespacedResource],
        timeout: float,
        read: Callable[[Mapping[str, Any]], T],
        fields: dict[str, Any] | None = None,
    ) -> Iterator[T]:
        self._watching = True
        deadline = time.monotonic() + timeout
        with self._explained("watch", kind):
            events = self._client.watch(kind, namespace=self.project, fields=fields, server_timeout=_WATCH_SECONDS)
            try:
                for event, found in events:
                    if not self._watching or time.monotonic() > deadline:
                        return
                    if event in {"ADDED", "MODIFIED"}:
                        yield read(found)
            except RuntimeError:
                # The client was closed under a watch that nobody listens to any more.
                if self._watching:
                    raise

    def _get(self, kind: type[GenericNamespacedResource], name: str) -> Mapping[str, Any]:
        with self._explained("get", kind, name):
            return self._client.get(kind, name, namespace=self.project)

    @contextlib.contextmanager
    def _explained(self, verb: str, kind: type[GenericNamespacedResource], name: str = "") -> Iterator[None]:
        """Turn what lightkube raises into what the user can do about it."""
        try:
            yield
        except ApiError as error:
            raise self._refusal(error, verb, kind, name) from error
        except httpx2.HTTPStatusError as error:
            if error.response.status_code != _NOT_FOUND:
                raise KargoRefused(f"{self.label} answered {error.response.status_code}", status=error.response.status_code) from error
            hint = "`via: kubernetes` needs the API server of the cluster that Kargo itself runs in"
            raise KargoRefused(
                f"{self.label} knows no {_PLURALS[kind]}: Kargo is not installed there", status=_NOT_FOUND, hint=hint
            ) from error
        except httpx2.HTTPError as error:
            hint = "check that this step can reach the API server, and its certificate"
            lasting = "certificate verify failed" in str(error).lower()
            raise KargoUnreachable(f"can't reach {self.label}: {reason_of(error)}", hint=hint, lasting=lasting) from error

    def _refusal(self, error: ApiError, verb: str, kind: type[GenericNamespacedResource], name: str) -> KargoRefused:
        status, said, plural = int(error.status.code or 0), str(error.status.message or ""), _PLURALS[kind]
        if status == _FORBIDDEN and "admission webhook" not in said:
            return KargoRefused(
                f"{self.label} does not let this step {verb} {plural} in namespace {self.project}",
                status=status,
                details=(said, "add to its Role there:", *rule(plural, verb)),
                hint="the Role goes into the Kargo project's namespace, with a RoleBinding to the step's ServiceAccount",
            )
        if status == _UNAUTHORIZED:
            message, hint = f"{self.label} does not know who we are (401)", "the token is wrong or has expired: make a new kubeconfig"
            return KargoRefused(message, status=status, details=(said,), hint=hint)
        if status == _INVALID or "admission webhook" in said:
            return refused_freight(self.label, self.warehouse_name, said)
        if status == _NOT_FOUND and kind is WAREHOUSES:
            message = f"there is no Warehouse {name!r} in namespace {self.project}"
            return KargoMissing(message, status=status, details=(said,), hint="check `warehouse` and `kargo_project`")
        return KargoRefused(f"{self.label} answered {verb} {plural} with {status}", status=status, details=(said,) if said else ())


def rule(plural: str, *verbs: str) -> tuple[str, ...]:
    """Write a rule of a Role, as lines of YAML."""
    return (f"- apiGroups: [{GROUP}]", f"  resources: [{plural}]", f"  verbs: [{', '.join(verbs)}]")


def _kubeconfig(given: str, workspace: Path) -> KubeConfig:
    if given.lstrip().startswith("{") or "\n" in given.strip():
        return KubeConfig.from_dict(yaml.safe_load(given))
    path = workspace / given.strip()
    if not path.is_file():
        raise ConfigError("neither a kubeconfig nor the path of one in the workspace")
    return KubeConfig.from_file(path)

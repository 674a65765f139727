"""The Kubernetes API, in the few calls that components need; objects are plain maps."""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx2
import lightkube
from lightkube.config import client_adapter
from lightkube.config.client_adapter import ConnectionParams
from lightkube.core.exceptions import ConfigError
from lightkube.core.selector import build_selector
from lightkube.types import CascadeType, PatchType

from bootstrap.core.calls import RETRY_SECONDS, Calls
from bootstrap.core.clock import Clock, SystemClock
from bootstrap.core.connection import Connection
from bootstrap.core.errors import AbsentError, ClusterError, UnauthorizedError, UnreachableError
from bootstrap.core.kinds import Kind, Kinds, is_namespaced, part_of, path_of, place_of, status_of, told, told_by_all
from bootstrap.core.look import Look
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.ownership import MANAGER
from bootstrap.core.refusals import missing_kind
from bootstrap.core.rights import access_review
from bootstrap.core.transport import Noted, Objects, Wrap

T = TypeVar("T")

REQUEST_SECONDS = 10.0
_CHUNK = 200
# Each of these is bigger than a list of anything else, and only few are asked for.
_NEVER_LISTED = frozenset({"CustomResourceDefinition"})
_NOT_OF_HELM = "type!=helm.sh/release.v1"
_HEADS = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Version:
    """The version of an API server."""

    major: int
    minor: int
    text: str

    def __str__(self) -> str:
        """Write it as the server does."""
        return self.text


class Cluster:
    """A connection to one API server; safe to use from several threads."""

    def __init__(
        self,
        connection: Connection,
        *,
        timeout: float = REQUEST_SECONDS,
        retry_for: float = RETRY_SECONDS,
        wrap: Wrap = lambda transport: transport,
        clock: Clock | None = None,
    ) -> None:
        """Take `timeout` as seconds for one answer, `retry_for` as seconds for all tries of what can be tried again without harm.

        `wrap` puts something between this and the wire.
        """
        self.connection = connection
        self._look: Look | None = None
        self._call = Calls(connection, retry_for=retry_for, clock=clock or SystemClock()).make
        self._transport = Noted(wrap(connection.transport()), changed=self.forget)
        limit = httpx2.Timeout(timeout)
        try:
            # Its overloads tell kinds with a namespace from those without, which is only known here at run time.
            self._client: Any = lightkube.Client(
                config=connection.config, timeout=limit, field_manager=MANAGER, trust_env=False, transport=Objects(self._transport)
            )
            self._http = client_adapter.Client(
                connection.config, ConnectionParams(timeout=limit, trust_env=False, transport=self._transport)
            )
        except ConfigError as error:
            raise ClusterError(f"context {connection.context} can't be used: {error}", hint="try: kubectl config view --minify") from error
        self._kinds = Kinds(self._http)

    def __enter__(self) -> Self:
        """Return the connection itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close every connection."""
        self._client.close()

    @property
    def address(self) -> str:
        """Where the API server is."""
        return self.connection.address

    @property
    def mutations(self) -> int:
        """How many requests have changed something."""
        return self._transport.mutations

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the API server has warned of."""
        return self._transport.warnings

    def now(self) -> datetime:
        """Give the time on the API server's clock, which all who share a lock see alike."""
        return datetime.now(UTC) + timedelta(seconds=self._transport.ahead)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Take one look as long as the block: nothing is read twice, and objects of one kind and namespace are read by one list.

        What changes something, and `forget`, begin a new one.
        """
        outer, self._look = self._look, self._look or Look()
        try:
            yield
        finally:
            self._look = self._look if outer else None

    def forget(self) -> bool:
        """Read everything anew from here on; tell whether anything else could have been the case."""
        if self._look is None:
            return False
        self._look = Look()
        return True

    def version(self) -> Version:
        """Ask for the version."""
        return self._once("version", self._version)

    def _version(self) -> Version:
        ref = Ref(api_version="version", kind="version", name="version")

        def ask() -> Version:
            found = told_by_all(self._http.get("/version"))
            numbers = [int(re.sub(r"\D.*", "", str(found[part])) or 0) for part in ("major", "minor")]
            return Version(major=numbers[0], minor=numbers[1], text=found["gitVersion"])

        return self._call(ask, "get", ref)

    def api_versions(self) -> Sequence[str]:
        """Return all groups with their versions, `apps/v1`, and all kinds of each, `apps/v1/Deployment`."""
        ref = Ref(api_version="v1", kind="APIGroupDiscoveryList", name="")
        return self._once("api versions", lambda: self._call(self._kinds.api_versions, "discover", ref))

    def serves(self, api_version: str, kind: str) -> bool:
        """Tell whether there are objects of a kind."""
        return self._kind(api_version, kind) is not None

    def placed(self, manifest: Manifest, namespace: str) -> Manifest:
        """Return a manifest as Helm takes it: with this namespace where its kind has one and it names none, else without any."""
        kind = self._kind(manifest["apiVersion"], manifest["kind"])
        metadata = dict(manifest["metadata"])
        if kind is not None and not is_namespaced(kind):
            metadata.pop("namespace", None)
        else:
            metadata["namespace"] = metadata.get("namespace") or namespace
        return {**manifest, "metadata": metadata}

    def get(self, ref: Ref) -> Manifest | None:
        """Return an object, or None when it, its namespace or its kind is not there."""
        return self._get(ref) if self._look is None else self._once(("get", ref), lambda: self._seen(ref))

    def head(self, ref: Ref) -> Manifest | None:
        """Return the metadata of an object alone, which is all that is asked of the biggest ones; None when it is not there."""
        kind: Any = self._kind(ref.api_version, ref.kind)
        if kind is None:
            return None
        if self._look is not None:
            heads = self._listed(ref, kind, {"Accept": _HEADS.replace("Metadata", "MetadataList")})
            if heads is not None:
                return heads.get(ref.name)
        try:
            answer = self._call(lambda: self._asked(f"{path_of(kind, ref.namespace)}/{ref.name}", headers={"Accept": _HEADS}), "get", ref)
        except AbsentError:
            return None
        return {**answer, "apiVersion": ref.api_version, "kind": ref.kind}

    def current(self, live: Manifest, answer: Manifest) -> Manifest:
        """Return an object as it was when a dry-run was answered, as far as can be told: what was read before that may be older."""
        if self._look is None or live["metadata"].get("resourceVersion") == answer["metadata"].get("resourceVersion"):
            return live
        return self._get(ref_of(live)) or live

    def _seen(self, ref: Ref) -> Manifest | None:
        kind = self._kind(ref.api_version, ref.kind)
        if kind is None:
            return None
        misses = is_namespaced(kind) and ref.namespace is None
        listed = None if misses or ref.kind in _NEVER_LISTED else self._listed(ref, kind)
        if listed is None or (ref.kind == "Secret" and ref.name not in listed):
            return self._get(ref)
        return listed.get(ref.name)

    def _listed(self, ref: Ref, kind: Kind, headers: Mapping[str, str] | None = None) -> Mapping[str, Manifest] | None:
        """Return the objects beside this one, by name; None where there are too many, or they must not be listed."""
        namespace = ref.namespace if is_namespaced(kind) else None
        # The revisions of Helm's releases are as big as their charts.
        query = {"limit": _CHUNK, **({"fieldSelector": _NOT_OF_HELM} if ref.kind == "Secret" else {})}

        def read() -> Mapping[str, Manifest] | None:
            try:
                answer = self._call(lambda: self._asked(path_of(kind, namespace), query, headers), "list", ref)
            except (UnreachableError, UnauthorizedError):
                raise
            except ClusterError:
                # Not allowed, or one of them can't be read, such as a Secret whose key is lost.
                return None
            if (answer.get("metadata") or {}).get("continue"):
                return None
            # Lists leave out what all their items have in common.
            common = {"apiVersion": ref.api_version, "kind": ref.kind}
            return {item["metadata"]["name"]: {**item, **common} for item in answer.get("items") or ()}

        return self._once(("all", ref.api_version, ref.kind, namespace, headers is None), read)

    def _asked(self, path: str, query: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Manifest:
        return told(self._http.get(path, params=dict(query or {}), headers=dict(headers or {})))

    def _get(self, ref: Ref) -> Manifest | None:
        kind: Any = self._kind(ref.api_version, ref.kind)
        if kind is None:
            return None
        try:
            return self._plain(self._call(lambda: self._client.get(kind, ref.name, **place_of(ref, kind)), "get", ref))
        except AbsentError:
            return None

    def list(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: Mapping[str, Any] | None = None
    ) -> Sequence[Manifest]:
        """Return the objects of a kind, of all namespaces by default; none where the kind is not served.

        `labels` are as in lightkube: a text, None for a label that is there with any value, or one of its operators.
        """
        model: Any = self._kind(api_version, kind)
        if model is None:
            return []
        ref = Ref(api_version=api_version, kind=kind, name="", namespace=namespace)
        where = {"namespace": namespace or "*"} if is_namespaced(model) else {}

        def read() -> Sequence[object]:
            return list(self._client.list(model, labels=dict(labels or {}), chunk_size=_CHUNK, **where))

        try:
            listed = self._once(("list", ref, build_selector(dict(labels or {}))), lambda: self._call(read, "list", ref))
        except AbsentError:
            # Its CRD has gone since the kind was found.
            return []
        # Lists leave out what all their items have in common.
        return [{"apiVersion": api_version, "kind": kind, **self._plain(item)} for item in listed]

    def apply(self, manifest: Manifest, *, dry_run: bool = False, force: bool = False, manager: str = MANAGER) -> Manifest:
        """Set the fields of a manifest by server-side apply and return the whole object.

        Raises AbsentError where namespace or kind is missing, ConflictError unless `force`, InvalidError for fields that are refused.
        """
        ref = ref_of(manifest)
        kind = self._served(ref)
        return self._plain(
            self._call(
                lambda: self._client.patch(
                    kind,
                    ref.name,
                    cast("dict[Any, Any]", manifest),
                    patch_type=PatchType.APPLY,
                    field_manager=manager,
                    force=force,
                    dry_run=dry_run,
                    **place_of(ref, kind),
                ),
                "patch",
                ref,
            )
        )

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create an object; ExistsError where there is one. Not tried again: after a lost answer it may be there."""
        ref = ref_of(manifest)
        kind = self._served(ref)

        def send() -> object:
            return self._client.create(kind(manifest), dry_run=dry_run, **place_of(ref, kind))

        return self._plain(self._call(send, "create", ref, again=dry_run))

    def replace(self, manifest: Manifest, *, part: str | None = None) -> Manifest:
        """Write a whole object back, or a subresource of it; StaleError where its `resourceVersion` is no longer the last one."""
        ref = ref_of(manifest)
        kind: Any = self._served(ref) if part is None else part_of(self._served(ref), part)
        return self._plain(
            self._call(lambda: self._client.replace(kind(manifest), ref.name, **place_of(ref, kind)), "update", ref, again=False)
        )

    def patch(self, ref: Ref, patch: Manifest | Sequence[Manifest], *, dry_run: bool = False) -> Manifest:
        """Change an object by a merge patch (a map) or a JSON patch (a list), and return it."""
        kind = self._served(ref)
        form = PatchType.MERGE if isinstance(patch, dict) else PatchType.JSON
        body: Any = patch if isinstance(patch, dict) else list(patch)
        return self._plain(
            self._call(
                lambda: self._client.patch(kind, ref.name, body, patch_type=form, dry_run=dry_run, **place_of(ref, kind)),
                "patch",
                ref,
                # What a JSON patch takes away the first time is not there the second time.
                again=form is PatchType.MERGE,
            )
        )

    def patch_status(self, ref: Ref, status: Manifest) -> Manifest:
        """Merge this into the status of an object, which its kind must have as a subresource, and return the object."""
        kind = self._served(ref)
        model: Any = status_of(kind)
        return self._plain(
            self._call(
                lambda: self._client.patch(model, ref.name, {"status": status}, patch_type=PatchType.MERGE, **place_of(ref, kind)),
                "patch the status of",
                ref,
            )
        )

    def delete(self, ref: Ref, *, cascade: CascadeType = CascadeType.BACKGROUND) -> bool:
        """Delete an object; False when there is none. It may stay for a while, until its finalizers are done."""
        kind: Any = self._kind(ref.api_version, ref.kind)
        if kind is None:
            return False
        try:
            self._call(lambda: self._client.delete(kind, ref.name, cascade=cascade, **place_of(ref, kind)), "delete", ref)
        except AbsentError:
            return False
        return True

    def can(self, verb: str, ref: Ref) -> bool:
        """Ask whether the user may do something; an empty name means any object of the kind, and the kind `*` of `*/*` all there are."""
        review = access_review(verb, ref, None if ref.kind == "*" else self._kind(ref.api_version, ref.kind))
        asked = Ref(api_version=review["apiVersion"], kind=review["kind"], name="")
        model = self._served(asked)
        answer = self._plain(self._call(lambda: self._client.create(model(review)), "create", asked))
        return bool((answer.get("status") or {}).get("allowed"))

    def events(self, namespace: str) -> Sequence[Manifest]:
        """Return the events of a namespace, oldest first."""
        return sorted(self.list("v1", "Event", namespace=namespace), key=_when)

    def log(self, namespace: str, pod: str, *, container: str | None = None, lines: int = 1) -> Sequence[str]:
        """Return the last lines of a container's log; none where it has not written any."""
        ref = Ref(api_version="v1", kind="Pod", name=pod, namespace=namespace)

        def read() -> Sequence[str]:
            return list(self._client.log(pod, namespace=namespace, container=container, tail_lines=lines, newlines=False))

        return self._call(read, "get log of", ref)

    def ask(self, service: Ref, path: str, *, port: str = "http", params: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Ask a Service over HTTP, through the API server; return status and text of the answer, which may be the API server's own."""

        def send() -> httpx2.Response:
            where = f"/api/v1/namespaces/{service.namespace}/services/{service.name}:{port}/proxy/{path.lstrip('/')}"
            return self._http.get(where, params=dict(params or {}))

        answer = self._call(send, "proxy to", service)
        return answer.status_code, answer.text

    def _kind(self, api_version: str, kind: str) -> Kind | None:
        ref = Ref(api_version=api_version, kind=kind, name="")
        if self._look is None:
            return self._call(lambda: self._kinds.find(api_version, kind), "discover", ref)
        known = self._kinds.known(api_version, kind)
        if known is None:
            # One question for all kinds of a group that is not served.
            self._once(("kinds", api_version), lambda: self._call(lambda: self._kinds.find(api_version, kind), "discover", ref))
        return known or self._kinds.known(api_version, kind)

    def _once(self, key: Hashable, read: Callable[[], T]) -> T:
        look = self._look
        return read() if look is None else look.once(key, read)

    def _served(self, ref: Ref) -> Any:  # noqa: ANN401  lightkube's overloads tell namespaced kinds from others, which is only known here at run time
        kind = self._kind(ref.api_version, ref.kind)
        if kind is None:
            raise missing_kind(ref.api_version, ref.kind)
        return kind

    @staticmethod
    def _plain(found: object) -> Manifest:
        return dict(cast("Mapping[str, Any]", found))


def _when(event: Manifest) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or (event.get("metadata") or {}).get("creationTimestamp") or "")

"""The kinds that an API server serves, asked for once per group and version."""

import threading
from http import HTTPStatus
from typing import Any, TypeAlias

import httpx2
from lightkube.core.resource import ApiInfo, NamespacedResource, ResourceDef
from lightkube.generic_resource import (
    GenericGlobalResource,
    GenericGlobalStatus,
    GenericNamespacedResource,
    GenericNamespacedStatus,
)
from lightkube.models.meta_v1 import ObjectMeta, Status

from bootstrap.core.objects import Ref
from bootstrap.core.transport import is_page
from plugin_kit import parallel

Kind: TypeAlias = type[GenericGlobalResource] | type[GenericNamespacedResource]

# One answer for all groups; API servers have it since 1.30.
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
# msgspec, which makes these for lightkube, works a type out when it is first used, and crashes where two threads do so at once.
for _model in (ObjectMeta, Status):
    _model.from_dict({})
_VERBS = ["delete", "get", "global_list", "list", "patch", "post", "put", "watch", "global_watch"]


class Kinds:
    """Kinds by group, version and name. What is not served is asked for again, since a CRD may have come."""

    def __init__(self, http: httpx2.Client) -> None:
        """Take a bare client, because lightkube's has no call for it."""
        self._http = http
        self._known: dict[tuple[str, str], Kind] = {}
        self._lock = threading.Lock()

    def known(self, api_version: str, kind: str) -> Kind | None:
        """Return the class of a kind that was found before."""
        return self._known.get((api_version, kind))

    def find(self, api_version: str, kind: str) -> Kind | None:
        """Return the class of a kind, or None where it is not served."""
        known = self._known.get((api_version, kind))
        if known is None:
            # Only one thread asks; the others then find the answer.
            with self._lock:
                if not self._known:
                    self._discover()
                if (api_version, kind) not in self._known:
                    self._ask(api_version)
            known = self._known.get((api_version, kind))
        return known

    def api_versions(self) -> tuple[str, ...]:
        """Return what charts ask for as `.Capabilities.APIVersions`: every group with its versions, and every kind of each."""
        with self._lock:
            return self._discover()

    def _discover(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for items in parallel.each(self._groups, ("/api", "/apis")):
            for group in items:
                name = (group.get("metadata") or {}).get("name")
                for version in group.get("versions") or ():
                    written = f"{name}/{version['version']}" if name else str(version["version"])
                    found[written] = None
                    for each in version.get("resources") or ():
                        # Empty where there are only subresources, as those of a metrics adapter.
                        if kind := (each.get("responseKind") or {}).get("kind"):
                            found[f"{written}/{kind}"] = None
                            self._known[written, kind] = _kind(
                                written, kind, each["resource"], namespaced=each.get("scope") == "Namespaced"
                            )
        return tuple(found)

    def _groups(self, root: str) -> list[dict[str, Any]]:
        return list(told_by_all(self._http.get(root, headers={"Accept": _AGGREGATED})).get("items") or ())

    def _ask(self, api_version: str) -> None:
        for each in self._resources(api_version):
            if "/" not in each["name"]:
                kind = each["kind"]
                self._known[api_version, kind] = _kind(api_version, kind, each["name"], namespaced=bool(each.get("namespaced")))

    def _resources(self, api_version: str) -> list[dict[str, Any]]:
        root = "apis" if "/" in api_version else "api"
        answer = self._http.get(f"/{root}/{api_version}")
        if answer.status_code == HTTPStatus.NOT_FOUND and not is_page(answer):
            return []
        return list(told(answer).get("resources") or ())


def told(answer: httpx2.Response) -> dict[str, Any]:
    """Read an answer; ValueError where it is not one of Kubernetes."""
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError(f"no JSON object but {type(found).__name__}")  # noqa: TRY004  what answers is at fault, not who calls
    return found


def told_by_all(answer: httpx2.Response) -> dict[str, Any]:
    """Read an answer to what every API server is asked; ValueError also where it does not know the question."""
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise ValueError("404")
    return told(answer)


def _kind(api_version: str, kind: str, plural: str, *, namespaced: bool) -> Kind:
    group, _, version = api_version.rpartition("/")
    info = ApiInfo(resource=ResourceDef(group, version, kind), plural=plural, verbs=_VERBS)
    base = GenericNamespacedResource if namespaced else GenericGlobalResource
    # Not lightkube's own registry: that is one for the process, and knows the kinds by the classes of their models.
    return type(kind, (base,), {"_api_info": info})


def is_namespaced(kind: Kind) -> bool:
    """Tell whether its objects are in namespaces."""
    return issubclass(kind, NamespacedResource)


def place_of(ref: Ref, kind: Kind) -> dict[str, str]:
    """Return the namespace of an object as lightkube takes it: as an argument, where its kind has one."""
    if not is_namespaced(kind):
        return {}
    if ref.namespace is None:
        raise ValueError(f"{ref.label} needs a namespace")
    return {"namespace": ref.namespace}


def path_of(kind: Any, namespace: str | None) -> str:  # noqa: ANN401  a class made at run time
    """Return where its objects are, of one namespace or of all."""
    resource = kind._api_info.resource  # noqa: SLF001  lightkube's classes have no other name for it
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{where}/{kind._api_info.plural}"  # noqa: SLF001


def status_of(kind: Kind) -> type[GenericGlobalStatus] | type[GenericNamespacedStatus]:
    """Return the class of a kind's status, where that is a subresource."""
    whole: Any = kind
    of = whole._api_info  # noqa: SLF001  lightkube's classes have no other name for it
    info = ApiInfo(resource=of.resource, parent=of.resource, plural=of.plural, verbs=["get", "patch", "put"], action="status")
    base = GenericNamespacedStatus if issubclass(kind, GenericNamespacedResource) else GenericGlobalStatus
    return type(f"{of.resource.kind}Status", (base,), {"_api_info": info})


def part_of(kind: Kind, name: str) -> Kind:
    """Return the class of another subresource of a kind, such as `approval`; what is sent and comes back is the whole object."""
    whole: Any = kind
    of = whole._api_info  # noqa: SLF001  as above
    info = ApiInfo(resource=of.resource, parent=of.resource, plural=of.plural, verbs=["get", "patch", "put"], action=name)
    base = GenericNamespacedResource if issubclass(kind, GenericNamespacedResource) else GenericGlobalResource
    return type(f"{of.resource.kind}{name.title()}", (base,), {"_api_info": info})

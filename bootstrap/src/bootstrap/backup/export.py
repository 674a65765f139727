"""Reading what a backup holds from a cluster, with no more than the right to look at exactly that."""

import base64
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from bootstrap.backup.kinds import DEFINITIONS, EXPORTED, Exported, definitions
from bootstrap.backup.saved import Saved, saved
from bootstrap.backup.scope import Part, Scope
from bootstrap.core.cluster import Cluster
from bootstrap.core.errors import BootstrapError, ForbiddenError
from bootstrap.core.objects import Manifest, Ref
from plugin_kit.parallel import each

_AT_ONCE = 8
# Kubernetes puts it into each namespace by itself.
_CLUSTER_CA = "kube-root-ca.crt"
# It is worth nothing on another cluster, and is made anew.
_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105  a type of Secret
# Names and addresses in Secrets: hidden, they would black out half of the log.
_OPEN_KEYS = frozenset({"type", "url", "name", "project", "username", "repoURL", "repoURLIsRegex", "enableOCI", "insecure", "server"})


def export(cluster: Cluster, scope: Scope, hide: Callable[..., None]) -> tuple[Saved, ...]:
    """Read all objects of the scope, in the order of a restore; `hide` is given every value of every secret before anything else is done.

    What is being deleted is left out, and so are all secrets when there is nobody to encrypt them for.
    """
    wanted = [one for one in EXPORTED if one.part in scope.parts and (scope.recipients or not one.is_secret)]
    work: list[Callable[[], list[Saved]]] = [partial(_around, cluster, scope, part) for part in scope.parts]
    work += [partial(_read, cluster, scope, one) for one in wanted]
    try:
        found = each(lambda read: read(), work, at_once=_AT_ONCE)
    except ForbiddenError as error:
        raise BootstrapError(
            error.message,
            details=error.details,
            hint="`bootstrap up` gives the nightly Job the rights it needs; by hand this takes somebody who may read all of it",
        ) from error
    objects: dict[Ref, Saved] = {}
    for one in (one for several in found for one in several):
        objects.setdefault(one.ref, one)
        if one.is_secret:
            hide(*secret_values(one.manifest))
    _check_installed(cluster, scope, objects)
    return tuple(objects.values())


def _check_installed(cluster: Cluster, scope: Scope, found: Iterable[Ref]) -> None:
    """Refuse another cluster, or an empty one: nobody looks at a nightly backup before they need it."""
    homes = list(dict.fromkeys(name for part in scope.parts for name in scope.namespaces(part)))
    there = {ref.name for ref in found if ref.kind == "Namespace"}
    # A project may be new in platform.yaml; the platform's own namespace comes first of all.
    needed = [scope.namespace] if scope.namespace in homes else homes
    if needed and there.isdisjoint(needed):
        raise BootstrapError(
            f"namespace {needed[0]} is not there: this platform is not installed here, so there is nothing to back up",
            hint=f"is {cluster.address} the right cluster? If so: `bootstrap up`",
        )


def _around(cluster: Cluster, scope: Scope, part: Part) -> list[Saved]:
    """Read what has to be there before the objects of a part: the CRDs of their kinds, and their namespaces."""
    refs = [Ref(api_version=DEFINITIONS, kind="CustomResourceDefinition", name=name) for name in definitions(part)]
    refs += [Ref(api_version="v1", kind="Namespace", name=name) for name in scope.namespaces(part)]
    return [saved(part, live) for live in _there(cluster, refs)]


def _read(cluster: Cluster, scope: Scope, wanted: Exported) -> list[Saved]:
    if wanted.by_name:
        names = scope.namespaces(wanted.part)
        found = list(_there(cluster, [Ref(api_version=wanted.api_version, kind=wanted.kind, name=name) for name in names]))
    else:
        found = [
            live
            for namespace in scope.namespaces(wanted.part)
            for live in cluster.list(wanted.api_version, wanted.kind, namespace=namespace, labels=wanted.labels)
        ]
    return [saved(wanted.part, live) for live in sorted(found, key=_place) if _is_kept(live)]


def _there(cluster: Cluster, refs: list[Ref]) -> Iterator[Manifest]:
    for ref in refs:
        live = cluster.get(ref)
        if live is not None and "deletionTimestamp" not in live["metadata"]:
            yield live


def _is_kept(live: Manifest) -> bool:
    if "deletionTimestamp" in live["metadata"] or live.get("type") == _TOKEN:
        return False
    return (live["kind"], live["metadata"]["name"]) != ("ConfigMap", _CLUSTER_CA)


def _place(live: Manifest) -> tuple[str, str]:
    return live["metadata"].get("namespace", ""), live["metadata"]["name"]


def secret_values(secret: Manifest) -> Iterator[str]:
    """Yield what of a Secret nobody may read; a user's name is none of it."""
    for key, value in (secret.get("data") or {}).items():
        if key not in _OPEN_KEYS:
            yield base64.b64decode(value).decode(errors="surrogateescape")

"""A platform at one moment, without what differs from one cluster to the next: two worlds in the same state are equal."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.core.ownership import MANAGED_BY, MANAGER
from devtools.gitea.world import Repository
from devtools.platform import clone
from devtools.platform.api import Api
from devtools.platform.world import PlatformWorld
from tests.support.cluster_snapshot import Snapshot

_HELM = "helm.sh/release.v1"
# Named after the contents of others, or by chance; and the API server's own, which has its port.
_PASSING = re.compile(r"(ReplicaSet|ControllerRevision) |PersistentVolume pvc-|Secret .*/sh\.helm\.release\.|Service default/kubernetes$")
# Each login leaves one; it is none of the access tokens that bootstrap could make.
_OF_A_LOGIN = "oauth2 "
_OF_THE_CLUSTER = frozenset({"uid", "creationTimestamp", "generation", "resourceVersion", "clusterIP", "clusterIPs"})
_ANNOTATIONS = frozenset({"deployment.kubernetes.io/revision", "volume.kubernetes.io/selected-node"})
_CHANCE = re.compile(
    r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----|access_token=[^\"&]+|127\.0\.0\.1:\d+"
    r"|\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{8,}\b",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformState:
    """Each thing by its name, as text."""

    things: Mapping[str, str]

    @classmethod
    def of(cls, world: PlatformWorld) -> "PlatformState":
        """Look at the cluster, Gitea, Woodpecker and the registry."""
        objects = Snapshot.of(world.plane).objects
        things: dict[str, Any] = {name: _meant(name, live) for name, live in objects.items() if not _PASSING.match(name)}
        things |= _releases(world) | _gitea(world) | _woodpecker(world)
        things |= {f"Image {path}": dict(tags) for path, tags in world.registry.tags.items()}
        return cls(things={name: _CHANCE.sub("#", json.dumps(found, sort_keys=True, default=str)) for name, found in things.items()})

    def differences(self, other: "PlatformState") -> list[str]:
        """Say what is another one there, or only at one of the two."""
        names = sorted({*self.things, *other.things})
        missing = "not there"
        return [
            f"{name}: {self.things.get(name, missing)} / {other.things.get(name, missing)}"
            for name in names
            if self.things.get(name) != other.things.get(name)
        ]


def secrets(world: PlatformWorld) -> dict[str, str]:
    """Return all that bootstrap's own Secrets hold, by namespace, name and key."""
    with Api(world.plane) as api:
        found = api.objects("v1", "secrets", labels=f"{MANAGED_BY}={MANAGER}")
    return {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}/{key}": base64.b64decode(value).decode(errors="replace")
        for each in found
        for key, value in (each.get("data") or {}).items()
    }


def _meant(name: str, live: Any) -> Any:  # noqa: ANN401  JSON
    if name.startswith("Secret "):
        # What it holds is another one in each cluster.
        return {"type": live.get("type"), "keys": sorted(live.get("data") or {}), "metadata": _plain(live["metadata"])}
    return _plain(live)


def _plain(node: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    return {key: _plain(value) for key, value in node.items() if key not in _OF_THE_CLUSTER | _ANNOTATIONS}


def _releases(world: PlatformWorld) -> dict[str, Any]:
    """Say of each release how its last revision is; a run that had to recover it has made more of them."""
    with Api(world.plane) as api:
        found = [each["metadata"] for each in api.objects("v1", "secrets", labels="owner=helm")]
    last: dict[str, Any] = {}
    for each in sorted(found, key=lambda metadata: int(metadata["labels"]["version"])):
        labels = each["labels"]
        last[f"Helm release {each['namespace']}/{labels['name']}"] = labels["status"]
    return last


def _gitea(world: PlatformWorld) -> dict[str, Any]:
    gitea = world.gitea.world
    found: dict[str, Any] = {
        "Gitea users": sorted((user.name, user.admin) for user in gitea.users.values()),
        "Gitea applications": sorted((each.owner, each.name, each.redirect_uris) for each in gitea.applications),
        "Gitea tokens": sorted((each.user, each.name, each.scopes) for each in gitea.tokens if not each.name.startswith(_OF_A_LOGIN)),
    }
    return found | {f"Gitea repository {each.full_name}": _repository(world, each) for each in gitea.repositories.values()}


def _repository(world: PlatformWorld, there: Repository) -> dict[str, Any]:
    refs = there.bare.refs()
    head = clone.git(world.folder / "sources" / there.name, "rev-parse", "HEAD")
    return {
        "hooks": sorted((hook.url, hook.events, hook.active, hook.branch_filter) for hook in there.hooks),
        "keys": sorted((key.title, key.read_only) for key in there.keys),
        "protections": there.protections,
        # Each cluster has a clone of its own.
        "refs": {name: "head of the clone" if commit == head else "another commit" for name, commit in refs.items()},
        "private": there.private,
        "default branch": there.default_branch,
    }


def _woodpecker(world: PlatformWorld) -> dict[str, Any]:
    woodpecker = world.woodpecker.world
    found: dict[str, Any] = {
        "Woodpecker accounts": sorted((each.document["login"], each.document["admin"]) for each in woodpecker.accounts),
        "Woodpecker secrets": {number: sorted(names) for number, names in woodpecker.secrets.items() if names},
        "Woodpecker registries": {number: sorted(names) for number, names in woodpecker.registries.items() if names},
    }
    return found | {f"Woodpecker repository {each['full_name']}": each for each in woodpecker.repositories.values()}

"""One way of a platform through its life, by the real command line, with what there was at each stop: tests look at it from all sides."""

import base64
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from devtools.platform.api import Api
from devtools.platform.command import Done
from devtools.platform.world import PlatformWorld
from tests.support.cluster_objects import deployment, namespace_of
from tests.support.cluster_snapshot import Snapshot

APPLICATIONS = ("stonks-beta", "stonks-oracle")
_CHANGING = ("POST", "PATCH", "PUT", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What there was after a command."""

    done: Done
    snapshot: Snapshot
    pods: Mapping[str, str]
    """Uids of the pods of the applications, by name."""
    records: Mapping[str, str]
    """What the Secrets of record hold, by Secret and key."""
    services: Mapping[str, int]
    """How much there is of what may be there once, in Gitea and Woodpecker, and how often something was changed in either."""

    @property
    def code(self) -> int:
        """The exit code."""
        return self.done.code

    @property
    def printed(self) -> str:
        """What a person has read."""
        return self.done.stdout

    @property
    def document(self) -> dict[str, Any]:
        """What a program has read."""
        found: dict[str, Any] = json.loads(self.done.stdout)
        return found


@dataclass(slots=True, kw_only=True)
class Journey:
    """Commands on one world, all that was printed, and the stops that have a name."""

    world: PlatformWorld
    stops: dict[str, Stop] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    def go(self, stop: str, *arguments: str) -> Stop:
        """Run a command and look around."""
        begun = time.monotonic()
        done = self.world.command_line.run(*arguments)
        sys.stdout.write(f"bootstrap {' '.join(arguments)}: {time.monotonic() - begun:.1f} s\n")
        self.printed += [done.stdout, done.stderr]
        # Nothing behind it would mean anything.
        assert done.code in {0, 2}, f"bootstrap {' '.join(arguments)} failed:\n{done.stdout[-6000:]}{done.stderr[-6000:]}"
        self.stops[stop] = self._look(done)
        return self.stops[stop]

    def run_applications(self) -> None:
        """Let applications run that were there before the platform."""
        for namespace in APPLICATIONS:
            self.world.plane.apply(yaml.safe_dump_all([namespace_of(namespace), deployment(namespace)]))

    def _look(self, done: Done) -> Stop:
        with Api(self.world.plane) as api:
            pods = [pod for namespace in APPLICATIONS for pod in api.objects("v1", "pods", namespace=namespace)]
            records = api.objects("v1", "secrets", namespace=self.world.platform.namespace)
        return Stop(
            done=done,
            snapshot=Snapshot.of(self.world.plane),
            pods={f"{each['metadata']['namespace']}/{each['metadata']['name']}": each["metadata"]["uid"] for each in pods},
            records={f"{name}/{key}": value for name, key, value in plain(records)},
            services=self._services(),
        )

    def _services(self) -> dict[str, int]:
        gitea, woodpecker = self.world.gitea, self.world.woodpecker
        repositories = gitea.world.repositories.values()
        # What git asks for before it fetches is no change.
        calls = sum(gitea.count(method, "^(?!.*git-upload-pack)") + woodpecker.count(method, ".") for method in _CHANGING)
        return {
            "applications": len(gitea.world.applications),
            "tokens": len(gitea.world.tokens),
            "repositories": len(repositories),
            "hooks": sum(len(each.hooks) for each in repositories),
            "accounts": len(woodpecker.world.accounts),
            "secrets": sum(len(each) for each in woodpecker.world.secrets.values()),
            "changes": calls,
        }


def plain(secrets: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return what Secrets hold: name, key and value, those of Helm's own records left out."""
    return [
        (each["metadata"]["name"], key, base64.b64decode(value).decode(errors="replace"))
        for each in secrets
        if each.get("type") != "helm.sh/release.v1"
        for key, value in (each.get("data") or {}).items()
    ]

"""A platform with guarded stages on the tests' control plane, and records of break-glass for it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bootstrap.break_glass.record import manifest, write_time
from bootstrap.components.break_glass.component import BreakGlass
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.errors import InvalidError
from bootstrap.core.objects import Manifest
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from tests.support.bootstrap_run import Runner, a_platform

NAMESPACE = "local-cicd"
PROJECT = "shop-cd"
# What takes room and says nothing: a blank, others that don't break, fillers of Hangul, an empty cell of Braille.
BLANKS = (" ", "\u00a0", "\u3000", "\u115f", "\u1160", "\u2800", "\u3164", "\uffa0")
# Each as short as it may be.
REASONS = (
    "hotfix for prod",
    "Auftr\u00e4ge versch",
    "\u6ce8\u6587\u677f\u304c\u7d04\u5b9a\u3092\u5931\u3063\u3066\u3044\u307e\u3059\u4eca\u3059",
    "roll\u3164back\u2800 9d33",
)
WHY = "the order book loses fills, a hotfix can't wait"
# Ada and Bob may break glass, Mallory may nothing, Dev what a test gives them, and the others may do everything: one of them is a person.
USERS: Mapping[str, Sequence[str]] = {
    "ada": ["ops"],
    "bob": ["ops"],
    "mallory": [],
    "dev": [],
    "grace": ["system:masters"],
    "system:admin": ["system:masters"],
}
STAGES: Sequence[Mapping[str, object]] = (
    {"name": "beta", "promotion": "auto"},
    {"name": "paper", "promotion": "auto", "gate": "hold"},
    {"name": "live", "promotion": "manual", "gate": "fail"},
)


def sections(project: str = "shop", **break_glass: Any) -> dict[str, Any]:  # noqa: ANN401  keys of platform.yaml
    """Return the keys of platform.yaml for one project, whose stages paper and live are guarded."""
    shop = {"name": project, "watched_image": "api", "chart_path": "deploy", "stages": list(STAGES)}
    return {"projects": [shop], "break_glass": {"operators": {"users": ["ada"], "groups": ["ops"]}, **break_glass}}


def guarded_platform(namespace: str = NAMESPACE, *, project: str = "shop", **break_glass: Any) -> Platform:  # noqa: ANN401  keys of platform.yaml
    """Return a platform with such a project."""
    return a_platform(namespace, name=namespace, **sections(project, **break_glass))


def up(plane: ControlPlane, platform: Platform) -> str:
    """Install the component; return what was printed."""
    with Runner(plane=plane, platform=platform).engine(Namespaces(), BreakGlass()) as run:
        run.engine.up()
        return run.printed


def refusal(plane: ControlPlane, wanted: Manifest, user: str = "ada", policy: str = f"break-glass.{NAMESPACE}") -> str:
    """Return the sentence with which the API server, by a policy, refuses to create something."""
    with acting(plane.kubeconfig(user)) as cluster, pytest.raises(InvalidError) as caught:
        cluster.create(wanted)
    (cause,) = caught.value.causes
    begin, _, sentence = cause.message.partition(" denied request: ")
    assert f"'{policy}'" in begin
    return sentence


@contextmanager
def acting(kubeconfig: Path) -> Iterator[Cluster]:
    """Connect as somebody."""
    with Cluster(Connection.find(kubeconfig=kubeconfig)) as cluster:
        yield cluster


def in_minutes(minutes: float) -> str:
    """Write the time that many minutes from now."""
    return write_time(datetime.now(UTC) + timedelta(minutes=minutes))


def data(operator: str = "ada", **more: str) -> dict[str, str]:
    """Return the data of a record that is in order, but for what is given."""
    usual = {"project": PROJECT, "stage": "live", "operator": operator, "justification": WHY, "expires": in_minutes(30)}
    return {**usual, **more}


def record(name: str, of: Mapping[str, str] | None = None, namespace: str = NAMESPACE, **more: Any) -> Manifest:  # noqa: ANN401  keys of a ConfigMap
    """Write a record."""
    return {**manifest(name, namespace, data=data() if of is None else of), **more}

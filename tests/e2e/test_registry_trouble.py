"""A registry that refuses, lies, is full or slow: what the user reads, and that no wanted tag has moved.

The registry behind the proxy is sound. What the proxy breaks is only asked for on behalf of the test's own project.
"""

import pytest

from devtools.goyaml import Value
from tests.support.fault_proxy import FaultProxy, Rule, refuse
from tests.support.monorepo import Monorepo
from tests.support.project import Project

PUSH = r"/blobs/uploads/"
MANIFESTS = r"/manifests/"


def below(project: Project, path: str, *, image: str = r"[^/]+") -> str:
    """Return the expression for a path of one of the project's images."""
    return rf"/v2/{project.name}/{image}{path}"


def through(proxy: FaultProxy, more: dict[str, Value] | None = None) -> dict[str, Value]:
    """Return the settings that lead through the proxy, with a short patience."""
    return {"registry": proxy.inside, "registry_timeout": "3s", **(more or {})}


@pytest.mark.parametrize(("status", "code", "says"), [(401, "UNAUTHORIZED", "x"), (403, "DENIED", "x"), (507, "UNKNOWN", "x"), (500, "UNKNOWN", "x")])
@pytest.mark.parametrize("who", ["look", "push", "blob", "tag"])
def test_try(status, code, says, who, proxy, project, repo):
    if who == "look":
        proxy.add(refuse(status, code, "GET", below(project, MANIFESTS)))
    elif who == "push":
        proxy.add(refuse(status, code, "PUT", below(project, MANIFESTS + "sha256")))
    elif who == "blob":
        proxy.add(refuse(status, code, "POST", below(project, PUSH)))
    else:
        proxy.add(refuse(status, code, "PUT", below(project, MANIFESTS + "latest", image="candle-store")))
    run = project.push(repo, through(proxy))
    print(who, status, round(run.seconds,1), run.exit_code, project.all_tags().keys())
    print(run.log)

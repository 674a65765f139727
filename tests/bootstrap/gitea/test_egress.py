"""Whether webhooks arrive: by version, by what the workload's environment says, and by where they go."""

from typing import Any

import pytest

from bootstrap.gitea.egress import Egress, Target, assess
from bootstrap.gitea.pod import Pod
from bootstrap.gitea.version import parse

WOODPECKER = Target(url="http://woodpecker-server.woodpecker.svc:8000/api/hook")
PUBLIC = Target(url="https://hooks.example.com/x", private=False)
WEBHOOK, SECURITY, MODE = "GITEA__webhook__ALLOWED_HOST_LIST", "GITEA__security__ALLOWED_HOST_LIST", "GITEA__security__EGRESS_MODE"


def env(**values: str) -> list[dict[str, Any]]:
    """Write a container's environment."""
    return [{"name": name, "value": value} for name, value in values.items()]


def looked_at(environment: list[dict[str, Any]], version: str | None, *targets: Target) -> Egress:
    """Decide for a version."""
    return assess(environment, parse(version) if version else None, targets or (WOODPECKER,))


@pytest.mark.parametrize(
    ("version", "environment", "is_open"),
    [
        ("1.25.5", {}, False),
        ("1.25.5", {WEBHOOK: "private"}, True),
        ("1.25.5", {WEBHOOK: "external, private"}, True),
        ("1.25.5", {"GITEA__WEBHOOK__ALLOWED_HOST_LIST": "*"}, True),
        ("1.25.5", {WEBHOOK: "external"}, False),
        ("1.25.5", {WEBHOOK: "loopback"}, False),
        ("1.25.5", {WEBHOOK: "*.svc"}, True),
        ("1.25.5", {WEBHOOK: "woodpecker-server.woodpecker.svc"}, True),
        ("1.25.5", {WEBHOOK: "10.43.0.0/16"}, True),
        ("1.25.5", {WEBHOOK: "203.0.113.0/24"}, False),
        ("1.25.5", {SECURITY: "private"}, False),
        ("1.27.3", {SECURITY: "private"}, True),
        ("1.27.3", {WEBHOOK: "private"}, True),
        ("1.27.3", {WEBHOOK: "private", SECURITY: "external"}, False),
        ("28.1.0", {WEBHOOK: "private"}, False),
        ("28.1.0", {SECURITY: "private"}, True),
        ("28.1.0", {SECURITY: "*"}, False),
        ("28.1.0", {SECURITY: "woodpecker.svc"}, True),
        ("28.1.0", {SECURITY: "woodpecker-server.woodpecker.svc:8000"}, True),
        ("28.1.0", {SECURITY: "woodpecker-server.woodpecker.svc:[80|443]"}, False),
        ("28.1.0", {SECURITY: "private", MODE: "strict"}, False),
        ("28.1.0", {SECURITY: "private:8000", MODE: "strict"}, True),
        (None, {WEBHOOK: "private"}, True),
        (None, {}, False),
    ],
)
def test_who_lets_a_webhook_into_the_cluster(version: str | None, environment: dict[str, str], is_open: bool) -> None:
    """The Service of Woodpecker, on port 8000."""
    assert looked_at(env(**environment), version).open is is_open


@pytest.mark.parametrize(
    ("version", "environment", "lines"),
    [
        ("1.25.5", {}, [f"{WEBHOOK}=external,private", f"{SECURITY}=private"]),
        ("1.25.5", {WEBHOOK: "hooks.example.com"}, [f"{WEBHOOK}=hooks.example.com,private", f"{SECURITY}=hooks.example.com,private"]),
        ("1.27.3", {SECURITY: "external"}, [f"{WEBHOOK}=external,private", f"{SECURITY}=external,private"]),
        ("28.1.0", {}, [f"{SECURITY}=private"]),
        ("28.1.0", {SECURITY: "*"}, [f"{SECURITY}=private"]),
        ("28.1.0", {SECURITY: "hooks.example.com"}, [f"{SECURITY}=hooks.example.com,private"]),
        ("28.1.0", {MODE: "strict"}, [f"{SECURITY}=woodpecker-server.woodpecker.svc:8000"]),
        (None, {}, [f"{WEBHOOK}=external,private", f"{SECURITY}=private"]),
    ],
)
def test_the_lines_that_are_missing_open_it(version: str | None, environment: dict[str, str], lines: list[str]) -> None:
    """Exactly those, with what is there kept; with them set it is open, now and after an upgrade to 28."""
    found = looked_at(env(**environment), version)
    assert list(found.env) == lines
    after = env(**{**environment, **dict(line.split("=", 1) for line in lines)})
    assert looked_at(after, version).open


def test_the_lines_for_an_older_gitea_serve_the_next_one() -> None:
    """An upgrade must not close what was open."""
    lines = dict(looked_at([], "1.25.5").lines)
    assert looked_at(env(**lines), "28.1.0").open


def test_public_addresses_are_never_in_the_way() -> None:
    """The default allows them."""
    assert looked_at([], "1.25.5", PUBLIC).open
    assert looked_at([], "28.1.0", PUBLIC).open
    assert not looked_at(env(**{WEBHOOK: "private"}), "1.25.5", PUBLIC).open


@pytest.mark.parametrize(
    "variable",
    [
        {"name": WEBHOOK, "valueFrom": {"secretKeyRef": {"name": "gitea-config", "key": "hosts"}}},
        {"name": f"{WEBHOOK}__FILE", "value": "/run/secrets/hosts"},
    ],
)
def test_a_value_that_comes_from_elsewhere_is_not_guessed(variable: dict[str, Any]) -> None:
    """Neither open nor closed: a person looks."""
    found = looked_at([variable], "1.25.5")
    assert found.message == f"whether Gitea may send webhooks into the cluster can't be seen: {WEBHOOK} comes from elsewhere"
    assert found.lines == ()


def test_what_a_person_reads() -> None:
    """Where to, why not, and the command."""
    found = looked_at([], "1.25.5")
    assert found.message == ("Gitea may not send webhooks to woodpecker-server.woodpecker.svc:8000: it allows public addresses only")
    assert (
        "kubectl -n gitea set env deployment/gitea "
        "GITEA__webhook__ALLOWED_HOST_LIST=external,private GITEA__security__ALLOWED_HOST_LIST=private"
    ) in found.remedy(Pod(namespace="gitea", workload="deployment/gitea"))
    assert looked_at(env(**{WEBHOOK: "external"}), "1.25.5").message.endswith(": it allows external only")
    assert looked_at(env(**{WEBHOOK: "private"}), "1.25.5").message == ""

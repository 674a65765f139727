"""The secrets of a whole run are where they belong and nowhere else: not in what is printed, not in arguments, not in Helm's values."""

import base64
import gzip
import json
from collections.abc import Iterator

import pytest
import yaml

from devtools.platform.api import Api
from tests.support.platform_journey import Journey, plain

pytestmark = pytest.mark.timeout(1200)
# What Secrets hold beside secrets: names, addresses, and certificates, which everybody may see.
PUBLIC = frozenset(
    {"username", "url", "type", "repoURL", "name", "ca.crt", "tls.crt", "client-id", "WOODPECKER_GITEA_CLIENT", "namespace", "token-for"}
)
SHORTEST = 8
CHART = "app.kubernetes.io/managed-by"
SOURCES = (
    "gitea-admin/password",
    "woodpecker/client-secret",
    "woodpecker/token",
    "kargo-notify/token",
    "environment STONKS_GITHUB_DEPLOY_KEY",
)


def secrets(journey: Journey) -> dict[str, str]:
    """Return every secret that was generated or given, by where it comes from; those of charts are not ours."""
    world = journey.world
    with Api(world.plane) as api:
        live = [each for each in api.objects("v1", "secrets") if (each["metadata"].get("labels") or {}).get(CHART) != "Helm"]
    found = {f"{name}/{key}": value for name, key, value in plain(live) if key not in PUBLIC and len(value) >= SHORTEST}
    found |= {f"Gitea user {user.name}": user.password for user in world.gitea.world.users.values() if user.password}
    found |= {f"Gitea application {each.name}": each.client_secret for each in world.gitea.world.applications}
    found |= {f"Gitea token {each.name}": each.value for each in world.gitea.world.tokens}
    accounts = world.woodpecker.world
    found |= {f"Woodpecker user {each.document['login']}": accounts.token(each) for each in accounts.accounts}
    found |= {f"environment {name}": value for name, value in world.secrets.items()}
    return {name: value for name, value in found.items() if "BEGIN CERTIFICATE" not in value}


def shapes(value: str) -> Iterator[str]:
    """Return the shapes in which a secret may be seen: as it is, each long line of it, encoded, escaped."""
    text = value.strip()
    yield text
    yield from (line for line in text.splitlines() if len(line) >= 3 * SHORTEST and "-----" not in line)
    yield base64.b64encode(value.encode()).decode()
    yield json.dumps(text)[1:-1]


def seen(journey: Journey, text: str) -> list[str]:
    """Return which secrets a text shows."""
    return sorted(name for name, value in secrets(journey).items() if any(shape in text for shape in shapes(value)))


def test_there_are_secrets_to_look_for(journey: Journey) -> None:
    """Else nothing would be found anywhere."""
    found = secrets(journey)
    for source in SOURCES:
        assert source in found, sorted(found)
    assert any(name.startswith("kargo/") for name in found)


def test_no_secret_is_printed(journey: Journey) -> None:
    """In plan, up, status and down, for people and as JSON, on either output."""
    for arguments in (("status",), ("down", "--dry-run", "--json")):
        done = journey.world.command_line.run(*arguments)
        journey.printed += [done.stdout, done.stderr]
    assert seen(journey, "\n".join(journey.printed)) == []


def test_no_secret_is_an_argument_of_a_program(journey: Journey) -> None:
    """Everybody on the machine can read those."""
    calls = journey.world.children.calls()
    assert any("helm upgrade" in call for call in calls)
    assert any("git" in call and "push" in call for call in calls)
    assert seen(journey, "\n".join(calls)) == []


def test_no_secret_is_a_value_of_a_release(journey: Journey) -> None:
    """Charts are told the names of Secrets: their values can be read by `helm get values`."""
    with Api(journey.world.plane) as api:
        records = [each for each in api.objects("v1", "secrets") if each.get("type") == "helm.sh/release.v1"]
    releases = [json.loads(gzip.decompress(base64.b64decode(base64.b64decode(each["data"]["release"])))) for each in records]
    assert {each["name"] for each in releases} == {"woodpecker", "argo-rollouts", "argocd", "kargo"}
    assert seen(journey, yaml.safe_dump([each.get("config") for each in releases], width=100_000)) == []

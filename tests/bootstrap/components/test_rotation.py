"""Which generated secrets can be made anew, and what there is to know of them."""

from typing import Any

import pytest

from bootstrap.components import rotation
from bootstrap.core.errors import BootstrapError
from bootstrap.platform.platform import Platform
from tests.support.bootstrap_run import a_platform
from tests.support.projects import shop
from tests.support.still_cluster import StillCluster, record


def platform(**more: Any) -> Platform:  # noqa: ANN401  keys of platform.yaml
    """Describe a platform whose Gitea is installed here."""
    return a_platform(**{"gitea": {"mode": "install"}, "projects": [shop()], **more})


def names(wanted: Platform) -> list[str]:
    """Return the names of the list."""
    return [each.name for each in rotation.rotatables(wanted)]


def test_what_is_generated_is_listed() -> None:
    """One token of Kargo for each project."""
    found = names(platform(projects=[shop(), shop("blog")]))
    assert found == [
        "oauth-client",
        "agent-secret",
        "grpc-secret",
        "kargo-sessions",
        "kargo-admin",
        "gitea-password",
        "kargo-token-shop",
        "kargo-token-blog",
    ]


def test_what_is_the_users_is_not_listed() -> None:
    """It changes where platform.yaml takes it from; and an external Gitea takes no password from here."""
    password = {"env": "PASSWORD"}
    assert "gitea-password" not in names(platform(gitea={"mode": "external"}))
    assert "gitea-password" not in names(platform(gitea={"mode": "install", "admin": {"password": password}}))
    assert "kargo-admin" not in names(platform(kargo={"admin_password": password}))


@pytest.mark.parametrize(("name", "hint"), [("agent-secrt", "did you mean agent-secret?"), ("zzz", "there are oauth-client, ")])
def test_an_unknown_name_is_answered_with_those_that_there_are(name: str, hint: str) -> None:
    """And with where the others are changed."""
    with pytest.raises(BootstrapError, match=f"{name} is no secret") as error:
        rotation.find(platform(), name)
    assert (error.value.hint or "").startswith(hint)
    assert "Secrets of yours change where platform.yaml takes them from" in (error.value.hint or "")


def test_the_list_says_when_a_secret_was_last_written() -> None:
    """The day, and nothing where there is no value."""
    wanted = platform()
    live = record(wanted, "kargo", admin_password="p")
    live["metadata"]["creationTimestamp"] = "2026-01-02T10:00:00Z"
    live["metadata"]["managedFields"] = [{"manager": "local-cicd", "time": "2026-11-23T13:20:32Z"}, {"manager": "kubectl"}]
    context = StillCluster(live).context(wanted)
    found = {each.name: each.changed(context) for each in rotation.rotatables(wanted)}
    assert (found["kargo-admin"], found["kargo-sessions"], found["agent-secret"]) == ("2026-11-23", "", "")

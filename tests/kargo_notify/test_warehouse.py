"""A Warehouse as it is read, and which of a commit's tags it takes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kargo_notify.warehouse import Discovered, ImageSubscription, Warehouse, read_duration
from tests.support.kargo_recording import DIGEST, REPOSITORY, TAG, body

SHA = ("^[0-9a-f]{40}$",)


def test_a_recorded_warehouse_is_read_whole() -> None:
    """Subscriptions, policy, interval, both sides of the refresh, and what was discovered when."""
    found = Warehouse.read(body("warehouse, older image discovered but not newest"))
    assert (found.name, found.manual, found.interval, found.others) == ("shop-images", False, timedelta(minutes=5), ())
    assert found.images == (ImageSubscription(repo_url=REPOSITORY, strategy="NewestBuild", allow=SHA, cached=True),)
    assert found.asked == found.handled == "2026-11-23T13:22:08Z"
    assert found.discovered_at == datetime(2026, 11, 23, 13, 22, 8, tzinfo=UTC)
    first, second = found.discovered[REPOSITORY]
    assert first == Discovered(tag=TAG, digest=DIGEST, created=datetime(2026, 11, 23, 13, 21, 21, tzinfo=UTC))
    assert second.created == datetime(2020, 1, 1, tzinfo=UTC)
    assert found.reason("FreightCreated") == "AlreadyExists"


def test_a_warehouse_that_never_discovered_is_read() -> None:
    """There is no list, no time and no refresh, but a reason."""
    found = Warehouse.read(body("warehouse, nothing discovered"))
    assert (found.asked, found.handled, found.discovered_at, found.discovered) == (None, None, None, {})
    assert found.reason("Ready") == "DiscoveryFailure"


def test_other_subscriptions_are_named() -> None:
    """Freight needs one artifact for each, so that they must be known."""
    spec: dict[str, Any] = {
        "freightCreationPolicy": "Manual",
        "interval": "1h30m",
        "subscriptions": [{"image": {"repoURL": "nginx"}}, {"git": {"repoURL": "http://git.lan/shop.git"}}, {"chart": {"name": "shop"}}],
    }
    found = Warehouse.read({"metadata": {"name": "w"}, "spec": spec})
    assert found.manual
    assert found.interval == timedelta(minutes=90)
    assert found.others == ("git http://git.lan/shop.git", "chart shop")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m0s", 300), ("1h", 3600), ("90s", 90), ("1.5h", 5400), ("1m30s", 90), ("250ms", 0.25), ("", 0), ("soon", 0)],
)
def test_durations_of_go_are_read(text: str, seconds: float) -> None:
    """As Kubernetes writes them."""
    assert read_duration(text) == timedelta(seconds=seconds)


def test_kargo_polls_no_more_often_than_its_chart_allows() -> None:
    """An interval below five minutes is raised to that."""
    assert Warehouse.read({"spec": {"interval": "30s", "subscriptions": []}}).interval == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("subscription", "tag", "taken"),
    [
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=SHA), TAG, True),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=SHA), f"feature-{TAG}", False),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=SHA), "latest", False),
        (ImageSubscription(repo_url="r", strategy="NewestBuild"), "latest", True),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=("[0-9a-f]{40}",)), f"feature-{TAG}", True),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=("^v", *SHA)), TAG, True),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", ignore=("^07",)), TAG, False),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=SHA, ignore=("^latest$",)), TAG, True),
        (ImageSubscription(repo_url="r", strategy="Lexical", allow=("(?i)^[0-9A-F]+$",)), TAG, True),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=("[[:xdigit:]]{40}",)), TAG, None),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=(r"^\pL",)), TAG, None),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=("(?!x)",)), TAG, None),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=("[",)), TAG, None),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=("[", *SHA)), TAG, True),
        (ImageSubscription(repo_url="r", strategy="NewestBuild", allow=SHA, ignore=("[[:upper:]]",)), TAG, None),
        (ImageSubscription(repo_url="r", strategy="SemVer"), TAG, False),
        (ImageSubscription(repo_url="r", strategy="SemVer"), "1.2.3", None),
        (ImageSubscription(repo_url="r", strategy="SemVer"), "v1.2.3-rc.1", None),
        (ImageSubscription(repo_url="r", strategy="Digest", constraint="latest"), "latest", True),
        (ImageSubscription(repo_url="r", strategy="Digest", constraint="latest"), TAG, False),
    ],
)
def test_which_tags_a_subscription_takes(subscription: ImageSubscription, tag: str, *, taken: bool | None) -> None:
    """Go's expressions are not anchored; what Python would read differently is not guessed at."""
    assert subscription.accepts(tag) is taken


def test_a_subscription_is_found_by_another_name_of_the_registry() -> None:
    """Kargo reads plain http by IP address only, so that the same registry has two names in such a network."""
    spec = {"subscriptions": [{"image": {"repoURL": "192.168.1.5:5000/shop/api"}}]}
    warehouse = Warehouse.read({"spec": spec})
    assert warehouse.subscription("registry.lan:5000/shop/api") == warehouse.images[0]
    assert warehouse.subscribed(["registry.lan:5000/shop/api", "registry.lan:5000/shop/web"]) == ("registry.lan:5000/shop/api",)

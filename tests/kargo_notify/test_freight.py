"""Freight as Kargo names it, reads it and compares it."""

from datetime import UTC, datetime

import pytest

from kargo_notify.freight import Artifact, Freight, freight_name, normalise_image, same_repository
from tests.support.kargo_recording import CALLS, DIGEST, PROMOTIONS, REPOSITORY, TAG, items

LISTS = [name for name, call in CALLS.items() if call["request"]["path"].startswith("/v1beta1/projects/shop/freight?origins")]


@pytest.mark.parametrize("name", LISTS)
def test_the_name_of_every_recorded_freight_is_computed(name: str) -> None:
    """Kargo's own names are what we compute from Warehouse, repository, tag and digest."""
    for item in items(name):
        freight = Freight.read(item)
        assert freight_name(freight.warehouse, freight.images) == freight.name


def test_the_name_does_not_depend_on_the_order_of_the_images() -> None:
    """Kargo sorts the parts before it hashes them."""
    one, other = (Artifact(repo_url=f"registry.lan/shop/{name}", tag=TAG, digest=DIGEST) for name in ("api", "web"))
    assert freight_name("shop", [one, other]) == freight_name("shop", [other, one])
    assert freight_name("shop", [one]) != freight_name("other", [one])


def test_a_recorded_freight_is_read_whole() -> None:
    """Alias, origin, images, the time of its discovery, and the Stages that it is in."""
    found = Freight.read(items("freight in stages")[0])
    assert found == Freight(
        name="92be33f0e96a70d761118b65097d02464d0ea4e2",
        alias="full-marmot",
        warehouse="shop-images",
        images=(Artifact(repo_url=REPOSITORY, tag=TAG, digest=DIGEST),),
        discovered_at=datetime(2026, 11, 23, 13, 21, 22, tzinfo=UTC),
        in_stages=("beta",),
        verified_in=("beta",),
    )
    assert str(found) == "full-marmot (92be33f0e96a)"


def test_a_freight_can_be_in_several_stages() -> None:
    """All of them are told, in a stable order."""
    item = PROMOTIONS["calls"]["freight in all three stages"]["body"]["groups"][""]["items"][0]
    assert Freight.read(item).in_stages == ("beta", "live", "paper")


def test_a_freight_of_nothing_but_git_can_be_read() -> None:
    """Other people's Freight may have no image, no alias and no status."""
    found = Freight.read({"metadata": {"name": "0da4b684c1c3"}, "origin": {"kind": "Warehouse", "name": "code"}, "commits": [{}]})
    assert (found.images, found.alias, found.in_stages, str(found)) == ((), "", (), "0da4b684c1c3")


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("registry.lan:5000/shop/api", "registry.lan:5000/shop/api"),
        ("registry.lan/shop/api", "registry.lan/shop/api"),
        ("localhost/shop/api", "localhost/shop/api"),
        ("docker.io/library/nginx", "nginx"),
        ("index.docker.io/library/nginx", "nginx"),
        ("docker.io/acme/api", "acme/api"),
        ("library/nginx", "nginx"),
        ("acme/api", "acme/api"),
        ("nginx", "nginx"),
    ],
)
def test_names_of_docker_hub_are_compared_in_their_shortest_form(written: str, compared: str) -> None:
    """Kargo drops docker.io and library/, and leaves every other name as it is."""
    assert normalise_image(written) == compared


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("registry.lan:5000/shop/api", "registry.lan:5000/shop/api", True),
        ("registry.lan:5000/shop/api", "192.168.1.5:5000/shop/api", True),
        ("registry.lan:5000/shop/api", "registry.lan:5000/shop/web", False),
        ("registry.lan:5000/shop/api", "registry.lan:5000/other/api", False),
        ("docker.io/acme/api", "acme/api", True),
    ],
)
def test_a_registry_may_have_several_names(one: str, other: str, *, same: bool) -> None:
    """Kargo may read by address what is pushed by name: the path decides, and the digest is compared anyway."""
    assert same_repository(one, other) is same


def test_an_exact_match_beats_one_by_path() -> None:
    """Where the Warehouse also has the very repository, its namesake elsewhere is another one."""
    both = ["mirror.lan/shop/api", "registry.lan/shop/api"]
    assert not same_repository("registry.lan/shop/api", "mirror.lan/shop/api", others=both)
    assert same_repository("registry.lan/shop/api", "registry.lan/shop/api", others=both)

"""Kargo's REST API, its refusals, and the addresses that people write for it."""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from devtools.kargo.server import stand_in
from kargo_notify.api import base_url, events
from kargo_notify.freight import Artifact
from kargo_notify.kargo import Kargo, KargoError, KargoRefused, KargoUnreachable, connect
from plugin_kit.errors import SettingsError
from tests.support.kargo_recording import CALLS
from tests.support.kargo_scene import OTHER, REPOSITORY, REVISION, Scene, ci, commit_of, digest_for, scene


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Scene]:
    """Run a Kargo that has discovered an earlier commit."""
    with scene(tmp_path) as made:
        yield made


def artifact(repository: str = REPOSITORY) -> Artifact:
    """Make the artifact of the commit."""
    return Artifact(repo_url=repository, tag=REVISION, digest=digest_for(REVISION))


@pytest.mark.parametrize(
    ("written", "base"),
    [
        ("https://kargo.lan", "https://kargo.lan"),
        ("https://kargo.lan/", "https://kargo.lan"),
        ("https://kargo.lan/v1beta1", "https://kargo.lan"),
        ("https://kargo.lan/v1beta1/", "https://kargo.lan"),
        ("http://10.0.0.5:8080", "http://10.0.0.5:8080"),
        ("https://tools.lan/kargo/", "https://tools.lan/kargo"),
    ],
)
def test_addresses_may_be_written_in_several_ways(written: str, base: str) -> None:
    """With or without slash and version."""
    assert base_url(written) == base


@pytest.mark.parametrize("written", ["ftp://kargo.lan", "https://", "https://ada:secret@kargo.lan"])
def test_what_is_no_address_is_refused(written: str) -> None:
    """And a password in it is not quoted."""
    with pytest.raises(ValueError, match="address") as caught:
        base_url(written)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("written", ["kargo.lan", "kargo.lan:8443", "localhost:8080/kargo"])
def test_an_address_without_scheme_is_refused_with_the_one_to_write(written: str) -> None:
    """Whether Kargo speaks http or https is not guessed."""
    with pytest.raises(ValueError, match=f"the address has no scheme; write https://{written}"):
        base_url(written)


def test_the_warehouse_is_read_and_refreshed(there: Scene) -> None:
    """A refresh changes what the Warehouse was asked for, and Kargo handles it."""
    kargo = there.connected()
    before = kargo.warehouse()
    kargo.refresh()
    assert there.kargo.world.settle()
    after = kargo.warehouse()
    assert (before.name, before.asked) == ("shop-images", None)
    assert after.asked == after.handled is not None


def test_freight_is_found_by_its_name_and_listed(there: Scene) -> None:
    """One that is not there is None, and other Warehouses' are listed only when asked for."""
    kargo = there.connected()
    (earlier,) = kargo.freights()
    there.kargo.world.add_warehouse("other", [REPOSITORY])
    assert kargo.freight(earlier.name) == earlier
    assert kargo.freight("nope") is None
    assert kargo.freights() == [earlier]
    assert {freight.warehouse for freight in kargo.freights(all_warehouses=True)} == {"shop-images", "other"}


def test_stages_tell_what_they_run_and_what_holds_them(there: Scene) -> None:
    """Freight, images, and who has put auto-promotion on hold."""
    (earlier,) = there.connected().freights()
    there.kargo.world.hold("beta", "shop-images", earlier.name, actor="email:ada@shop.lan")
    (beta,) = there.connected().stages()
    assert (beta.name, beta.warehouses, beta.direct, beta.freights) == ("beta", ("shop-images",), ("shop-images",), (earlier.name,))
    assert beta.artifacts == earlier.images
    (hold,) = beta.holds
    assert (hold.warehouse, hold.freight, hold.actor) == ("shop-images", earlier.name, "email:ada@shop.lan")


def test_a_watch_gives_what_is_there_and_what_comes(there: Scene) -> None:
    """New Freight is seen without asking again; ending the watch lets its reader go."""
    kargo = there.connected()
    seen = kargo.watch(10)
    assert next(seen).images[0].tag == "e" * 40
    there.push()
    there.kargo.world.refresh("shop-images")
    assert next(freight for freight in seen if freight.images[0].tag == REVISION)
    kargo.stop_watching()
    assert len(list(seen)) <= 3, "what was on its way, and then the end"


def test_a_watch_of_the_warehouse_sees_why_discovery_failed(there: Scene) -> None:
    """The reason stands in the status for a moment only."""
    kargo = there.connected()
    there.kargo.world.faults.fail_discovery = 1
    seen = kargo.watch_warehouse(10)
    next(seen)
    there.kargo.world.refresh("shop-images")
    failed = next(warehouse for warehouse in seen if warehouse.reason("Ready") == "DiscoveryFailure")
    assert "MANIFEST_UNKNOWN" in failed.conditions["Ready"].message
    kargo.stop_watching()


@pytest.mark.parametrize("how", ["end", "break"])
def test_a_watch_that_ends_is_over(there: Scene, how: str) -> None:
    """Whether politely or in the middle of a frame."""
    there.kargo.world.faults.watch = how
    assert list(there.connected().watch(10)) == []


def test_a_watch_that_says_nothing_is_given_up(there: Scene) -> None:
    """Kargo sends a comment each half minute; silence for longer than the wait is no watch."""
    there.kargo.world.faults.watch = "hang"
    with pytest.raises(KargoUnreachable, match="no answer in time"):
        list(there.connected().watch(0.3))


def test_a_watch_is_ended_from_another_thread(there: Scene) -> None:
    """A reader that waits for the next frame must not outlive the step."""
    there.kargo.world.faults.watch = "hang"
    kargo = there.connected()
    reader = threading.Thread(target=lambda: list(kargo.watch(60)))
    reader.start()
    for _ in range(500):
        if there.kargo.count("GET", "watch=true"):
            break
        reader.join(0.01)
    while reader.is_alive():
        kargo.stop_watching()
        reader.join(0.05)
    assert not reader.is_alive()


def test_recorded_frames_are_read() -> None:
    """Each data line is an event; comments, blank lines and what is no JSON are passed over."""
    frames = [frame for frame in CALLS["freight watch (server-sent events)"]["frames"][1:] if not frame.startswith("ReadTimeout")]
    read = list(events(iter([": keepalive", "", "data: {broken", "", *frames, ""])))
    assert [event["type"] for event in read] == ["ADDED", "ADDED", "MODIFIED", "MODIFIED", "MODIFIED"]


def test_freight_is_created_once(there: Scene) -> None:
    """Its name is a hash of the contents: a second time it is there already, which is just as good."""
    there.kargo.world.add_warehouse("by-hand", [REPOSITORY], manual=True)
    kargo = there.connected(warehouse="by-hand")
    first, second = kargo.create([artifact()]), kargo.create([artifact()])
    assert (first.name, first.images) == (second.name, (artifact(),))
    assert kargo.freights() == [first]


def test_refused_freight_is_explained_by_the_webhooks_last_words(there: Scene) -> None:
    """Its sentence quotes objects before it comes to the point."""
    there.kargo.world.add_warehouse("by-hand", [REPOSITORY, OTHER], manual=True)
    with pytest.raises(KargoRefused) as caught:
        there.connected(warehouse="by-hand").create([artifact()])
    assert caught.value.status == 422
    assert caught.value.details == (f'no artifact found for subscription "{OTHER}" of Warehouse "by-hand"',)
    assert caught.value.hint == "the Warehouse subscribes to something that this commit has no image of"


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("create Freight, image without subscription", 'no subscription found for image repository in Warehouse "shop-manual"'),
        ("create Freight, image missing", 'no artifact found for subscription "127.0.0.1:5000/shop/query-api" of Warehouse "shop-manual"'),
        ("create Freight, warehouse absent", "warehouse does not exist"),
    ],
)
def test_recorded_refusals_come_to_the_point(name: str, end: str) -> None:
    """What the real webhook said, without the object that it quotes."""
    from kargo_notify.api import refused_freight  # noqa: PLC0415  of this test only

    (said,) = refused_freight("Kargo", "shop-manual", CALLS[name]["body"]["error"]).details
    assert said.endswith(end)
    assert len(said) < 200


@pytest.mark.parametrize(
    ("changes", "status", "message", "hint"),
    [
        ({"kargo_token": "wrong"}, 401, "does not accept `kargo_token` (401 Unauthorized)", "kargo create token --project shop"),
        ({"kargo_project": "nope"}, 404, "has no project 'nope'", "`kargo_project`"),
        ({"warehouse": "nope"}, 404, "has no Warehouse 'nope' in project 'shop'", "kargo get warehouses --project shop"),
    ],
)
def test_what_is_written_wrong_is_named(there: Scene, changes: dict[str, str], status: int, message: str, hint: str) -> None:
    """Each refusal says which setting it is about and what to do; the token is never in it."""
    kargo = there.connected(**changes)
    for call in (kargo.refresh, kargo.warehouse):
        with pytest.raises(KargoRefused) as caught:
            call()
        assert (caught.value.status, message in caught.value.message) == (status, True)
        assert hint in (caught.value.hint or "")
        assert "wrong" not in " ".join(caught.value.details)


def test_a_role_without_rights_is_told_which_it_needs(there: Scene) -> None:
    """403 names the verbs and the resources."""
    there.kargo.world.faults.set({"answers": {"warehouse": (403, -1), "create": (403, -1)}})
    with pytest.raises(KargoRefused, match="may not read the Warehouse") as caught:
        there.connected().warehouse()
    assert "get, list and watch on freights and warehouses" in (caught.value.hint or "")
    with pytest.raises(KargoRefused, match="may not create Freight"):
        there.connected().create([artifact()])


@pytest.mark.parametrize("status", [500, 501])
def test_kargos_own_trouble_may_pass(there: Scene, status: int) -> None:
    """A server error is told as such."""
    there.kargo.world.faults.set({"answers": {"freights": (status, 1)}})
    with pytest.raises(KargoRefused, match=str(status)) as caught:
        there.connected().freights()
    assert caught.value.passing


def test_a_busy_kargo_is_asked_again(there: Scene) -> None:
    """503 and 429 are followed by another try, refreshes included: one more does no harm."""
    there.kargo.world.faults.set({"answers": {"refresh": (503, 1), "warehouse": (429, 1)}})
    kargo = there.connected()
    kargo.refresh()
    assert kargo.warehouse().name == "shop-images"


def test_a_web_page_is_not_the_api(there: Scene) -> None:
    """A wrong host, or a login page in front of Kargo, answers 200 with HTML."""
    there.kargo.world.faults.web_page = True
    for call in (there.connected().refresh, there.connected().warehouse, lambda: list(there.connected().watch(5))):
        with pytest.raises(KargoError, match="not the address of Kargo's API: it answers with a web page"):
            call()


def test_another_service_is_not_the_api(there: Scene) -> None:
    """A path that no Kargo has answers 404 without JSON."""
    with pytest.raises(KargoRefused, match="not the address of Kargo's API"):
        there.connected(kargo_url=f"{there.kargo.url}/elsewhere").warehouse()


def test_nobody_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few seconds, with the host and no more."""
    monkeypatch.setattr("kargo_notify.api.PATIENCE", 0.3)
    with scene(tmp_path) as gone:
        kargo = gone.connected()
    with pytest.raises(KargoUnreachable, match=r"can't reach Kargo at 127\.0\.0\.1:\d+: connection refused"):
        kargo.warehouse()


def test_a_private_ca_is_trusted_when_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the error says which setting is missing; `kargo_insecure` is the other way."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    monkeypatch.setattr("kargo_notify.api.PATIENCE", 0.3)
    with stand_in(tls=context) as running, contextlib.ExitStack() as stack:
        running.world.add_warehouse("shop-images", [REPOSITORY])
        there = Scene(running, tmp_path)
        stack.callback(there.close)
        with pytest.raises(KargoUnreachable, match="can't be trusted: certificate refused") as caught:
            there.connected().warehouse()
        assert "kargo_ca_cert" in (caught.value.hint or "")
        assert there.connected(kargo_ca_cert=authority.cert_pem.bytes().decode()).warehouse().name == "shop-images"
        assert there.connected(kargo_insecure=True).warehouse().name == "shop-images"
        with pytest.raises(KargoError):
            there.connected(kargo_url=running.url.replace("https", "http")).warehouse()


def test_plain_http_is_not_https(there: Scene) -> None:
    """The other way round the scheme is what is wrong."""
    with pytest.raises(KargoUnreachable, match="speaks plain http"):
        there.connected(kargo_url=there.kargo.url.replace("http", "https")).warehouse()


def test_everything_that_is_missing_is_told_at_once(there: Scene) -> None:
    """Nothing is asked of Kargo before the settings are whole."""
    settings = there.settings(via="api", kargo_url="", kargo_token=None, warehouse="")
    with pytest.raises(SettingsError) as caught:
        connect(settings, ci(there.workspace), there.console)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["warehouse", "kargo_url", "kargo_token"]


def test_the_project_is_the_repositorys_name_by_default(there: Scene) -> None:
    """`ada/shop` on the forge is the Kargo project `shop`."""
    kargo: Kargo = there.connected(kargo_project="")
    assert kargo.project == "shop"
    assert kargo.warehouse().subscribed(commit_of().repositories) == (REPOSITORY,)

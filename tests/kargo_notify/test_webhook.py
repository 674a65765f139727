"""A generic webhook receiver: what its answers mean, and that its address stays secret."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kargo_notify import webhook
from kargo_notify.kargo import KargoRefused, KargoUnreachable
from kargo_notify.notify import Ending
from plugin_kit.errors import SettingsError
from tests.support.kargo_recording import CALLS
from tests.support.kargo_scene import REPOSITORY, REVISION, Scene, scene
from tests.support.scripted_server import Answer, scripted_server

RESULT = CALLS["generic receiver, refreshes one warehouse"]["body"]["results"][0]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Scene]:
    """Run a Kargo with a receiver that refreshes its Warehouse."""
    with scene(tmp_path) as made:
        yield made


def judge(body: object, status: int = 200) -> str:
    """Judge an answer."""
    return webhook.judge("the receiver", status, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize("name", ["generic receiver, refreshes one warehouse", "generic receiver, empty body"])
def test_a_refreshed_warehouse_is_a_success(name: str) -> None:
    """Recorded: the summary is passed on."""
    assert judge(CALLS[name]["body"]) == "Refreshed 1 of 1 selected resources"


def test_the_answer_of_registry_receivers_is_understood() -> None:
    """They say no more than a number."""
    assert judge({"msg": "refreshed 2 warehouse(s)"}) == "refreshed 2 warehouse(s)"


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({"results": [{**RESULT, "selectedTargets": [], "summary": "Refreshed 0 of 0 selected resources"}]}, "targetSelectionCriteria"),
        ({"results": [{**RESULT, "selectedTargets": None}]}, "targetSelectionCriteria"),
        ({"results": [{"action": "Refresh", "matchedWhenExpression": False, "result": "NotApplicable"}]}, "whenExpression"),
        ({"results": [RESULT, {**RESULT, "selectedTargets": []}]}, "targetSelectionCriteria"),
        ({"results": [{**RESULT, "selectedTargets": [{"namespace": "shop", "name": "w", "success": False}]}]}, "targetSelectionCriteria"),
        ({"results": []}, "targetSelectionCriteria"),
        ({"msg": "refreshed 0 warehouse(s)"}, "targetSelectionCriteria"),
        ({}, "targetSelectionCriteria"),
    ],
)
def test_two_hundred_may_mean_nothing(body: dict[str, Any], hint: str) -> None:
    """Kargo answers 200 when it selected no Warehouse, or when its condition was false: that is a failure, with what to check."""
    with pytest.raises(KargoRefused, match="answered 200 and refreshed nothing") as caught:
        judge(body)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("generic receiver, wrong path", "changes with it"), ("generic receiver, not JSON", "must be of type generic")],
)
def test_recorded_refusals_are_explained(name: str, hint: str) -> None:
    """A wrong path is the usual one: it changes with the Secret."""
    with pytest.raises(KargoRefused) as caught:
        judge(CALLS[name]["body"], CALLS[name]["status"])
    assert caught.value.status == CALLS[name]["status"]
    assert hint in (caught.value.hint or "")


def test_a_partial_refresh_names_who_failed() -> None:
    """500: the targets that were not refreshed are listed."""
    failed = {**RESULT, "result": "Failure", "summary": "Refreshed 0 of 1 selected resources"}
    failed["selectedTargets"] = [{"namespace": "shop", "name": "shop-images", "success": False}]
    with pytest.raises(KargoRefused) as caught:
        judge({"results": [failed]}, 500)
    assert caught.value.details == ("Refreshed 0 of 1 selected resources (shop/shop-images failed)",)


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]"])
def test_what_is_no_receiver_is_told(body: bytes) -> None:
    """A login page answers 200, too."""
    with pytest.raises(KargoRefused, match="no webhook receiver"):
        judge(body)


def test_the_warehouse_is_refreshed(there: Scene) -> None:
    """Kargo makes the Freight; nobody waits, which is said where `wait` asks for it."""
    there.push()
    outcome = there.tell(via="webhook", webhook_url=there.kargo.webhook_url)
    assert there.kargo.world.settle()
    assert outcome.ending is Ending.REFRESHED
    assert any(image["tag"] == REVISION for freight in there.kargo.world.every("Freight") for image in freight["images"])
    assert "`wait` is ignored" in there.log


@pytest.mark.parametrize("receiver", ["nothing", "false", "partial"])
def test_a_refresh_of_nothing_is_a_warning_or_an_error(there: Scene, receiver: str) -> None:
    """Forgiven with the time by which Kargo sees it; with `strict` the step fails."""
    there.kargo.world.faults.receiver = receiver
    outcome = there.tell(via="webhook", webhook_url=there.kargo.webhook_url)
    assert outcome.ending is Ending.NOT_TOLD
    assert "within its poll interval, 5 minutes by default" in there.log
    with pytest.raises(KargoRefused):
        there.tell(via="webhook", webhook_url=there.kargo.webhook_url, strict=True)


def test_the_address_is_never_printed(there: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its path is the only authentication: in no message, no warning and no error, whatever goes wrong."""
    monkeypatch.setattr("kargo_notify.webhook.PATIENCE", 0.3)
    path = there.kargo.receiver.rsplit("/", 1)[-1]
    for address in (there.kargo.webhook_url, f"{there.kargo.webhook_url}x", there.kargo.webhook_url.replace("http", "https")):
        there.tell(via="webhook", webhook_url=address)
    there.kargo.world.faults.set({"answers": {"receiver": (500, -1)}})
    there.tell(via="webhook", webhook_url=there.kargo.webhook_url)
    gone = f"http://127.0.0.1:1{there.kargo.receiver}"
    with pytest.raises(KargoUnreachable) as caught:
        there.tell(via="webhook", webhook_url=gone, strict=True)
    said = " ".join([there.log, caught.value.message, *caught.value.details, caught.value.hint or ""])
    assert path not in said
    assert "127.0.0.1:1" in caught.value.message


def test_an_address_that_is_none_is_refused_without_being_quoted(there: Scene) -> None:
    """Somebody may have written the path alone."""
    with pytest.raises(SettingsError) as caught:
        there.tell(via="webhook", webhook_url=there.kargo.receiver)
    assert there.kargo.receiver not in str(caught.value.problems)


def test_what_the_receivers_expressions_may_look_at(there: Scene) -> None:
    """The commit and its images are sent as JSON."""
    with scripted_server() as server:
        server.on("POST", "/generic/", Answer(body=json.dumps({"results": [RESULT]}).encode()))
        there.tell(via="webhook", webhook_url=f"{server.url}/generic/abc")
        (asked,) = server.asked("/generic/")
    assert json.loads(asked.body) == {"revision": REVISION, "images": [REPOSITORY]}

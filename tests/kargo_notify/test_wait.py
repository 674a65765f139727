"""Waiting for Freight on a Kargo that has a bad day."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kargo_notify.kargo import KargoError
from kargo_notify.notify import Ending
from plugin_kit.errors import Cancelled
from plugin_kit.process import terminated
from tests.support.kargo_scene import REPOSITORY, REVISION, Scene, scene


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Scene]:
    """Run a Kargo that has discovered an earlier commit."""
    with scene(tmp_path) as made:
        yield made


def test_a_slow_kargo_is_waited_for(there: Scene) -> None:
    """The watch tells as soon as it is done."""
    there.push()
    there.kargo.world.faults.lag = 1.5
    assert there.tell().ending is Ending.FOUND
    assert there.kargo.count("POST", "/refresh") == 1


@pytest.mark.parametrize("how", ["hang", "end", "break"])
def test_without_a_watch_kargo_is_asked_each_second(there: Scene, how: str) -> None:
    """A watch that hangs, ends or breaks is no obstacle."""
    there.push()
    there.kargo.world.faults.watch = how
    there.kargo.world.faults.lag = 0.3
    assert there.tell().ending is Ending.FOUND


def test_a_watch_that_is_refused_is_done_without(there: Scene) -> None:
    """The role may get and list and not watch."""
    there.push()
    there.kargo.world.faults.set({"answers": {"watch": (403, -1)}, "lag": 0.3})
    assert there.tell().ending is Ending.FOUND


def test_a_failed_discovery_is_asked_for_again(there: Scene) -> None:
    """The trap: Kargo says that it is fine. The second refresh brings the Freight, and the log says why it took longer."""
    there.push()
    there.kargo.world.faults.set({"fail_discovery": 1, "lag": 0.2})
    assert there.tell().ending is Ending.FOUND
    assert there.kargo.count("POST", "/refresh") == 2
    assert "MANIFEST_UNKNOWN" in there.log
    assert "asking again" in there.log


def test_a_failed_discovery_without_a_watch_is_asked_for_again(there: Scene) -> None:
    """Kargo has forgotten the reason by then; only its clock shows that nothing was discovered."""
    there.push()
    there.kargo.world.faults.set({"fail_discovery": 1, "watch": "end"})
    assert there.tell().ending is Ending.FOUND
    assert there.kargo.count("POST", "/refresh") == 2


def test_a_discovery_that_always_fails_ends_at_the_deadline(there: Scene) -> None:
    """A warning that says what Kargo said and what to do, and promises no time that can't hold; with `strict` an error."""
    there.push()
    there.kargo.world.faults.set({"fail_discovery": -1, "lag": 0.2})
    assert there.tell(wait=3).ending is Ending.LATE
    end = there.log.rpartition("warning: ")[2]
    assert f"no Freight of {REVISION[:12]} after 3s: Kargo could not read the registry" in end
    assert "MANIFEST_UNKNOWN" in end
    assert "a tag without manifest stops Kargo's discovery" in end
    assert there.kargo.count("POST", "/refresh") > 1
    assert there.log.count("Kargo could not read the registry; asking again") == 1
    assert "by itself every 5m, and will see the images once it can read the registry." in end
    with pytest.raises(KargoError, match="no Freight"):
        there.tell(wait=1, strict=True)


def test_a_warehouse_that_never_could_read_its_registry(there: Scene) -> None:
    """The first set-up: Kargo keeps the reason in its status."""
    there.kargo.world.add_warehouse("new", ["registry.lan:5000/elsewhere/query-api"])
    there.kargo.world.registries.written.pop(REPOSITORY)
    there.kargo.world.add_warehouse("newer", [REPOSITORY])
    assert there.tell(warehouse="newer", wait=2).ending is Ending.LATE
    assert "connection refused" in there.log
    assert "can't reach the registry under this address" in there.log


def test_a_tag_that_kargo_does_not_see_is_told_after_a_second_look(there: Scene) -> None:
    """It may have looked a moment too early; twice is enough."""
    with pytest.raises(KargoError, match=f"^Kargo has looked at the registry and did not find {REVISION[:12]}") as caught:
        there.tell(wait=30, strict=True)
    assert there.kargo.count("POST", "/refresh") in {2, 3}, "one more where two fell into one second"
    assert any("1 image discovered" in line for line in caught.value.details)


def test_a_tag_that_comes_late_is_found_by_the_second_look(there: Scene) -> None:
    """A registry that lags behind its own answers."""
    pushed = threading.Timer(0.5, there.push)
    pushed.start()
    assert there.tell().ending is Ending.FOUND
    pushed.join()


def test_a_refresh_that_is_never_handled_ends_at_the_deadline(there: Scene) -> None:
    """Kargo's controller is down, and its API is not."""
    there.push()
    there.kargo.world.faults.lose_refresh = -1
    assert there.tell(wait=2).ending is Ending.LATE
    assert "Kargo has not handled the refresh yet" in there.log
    assert "if its controller runs, it will see the images by" in there.log


def test_trouble_during_the_wait_passes(there: Scene) -> None:
    """A server error is no reason to give up."""
    there.push()
    there.kargo.world.faults.set({"answers": {"freight": (500, 3), "watch": (500, -1)}, "lag": 0.5})
    assert there.tell().ending is Ending.FOUND


def test_a_right_that_is_missing_does_not_pass(there: Scene) -> None:
    """403 is told at once, not after the deadline."""
    there.push()
    there.kargo.world.faults.set({"answers": {"freights": (403, -1), "warehouse": (403, -1), "freight": (403, -1)}})
    assert there.tell(wait=250).ending is Ending.LATE
    assert "get, list and watch on freights" in there.log


def test_a_superseding_commit_during_the_wait(there: Scene) -> None:
    """The first refresh fails, and when the second one is handled a newer commit is first."""
    there.push()
    there.kargo.world.faults.fail_discovery = 1
    pushed = threading.Timer(0.3, there.push, kwargs={"revision": "9" * 40, "created": "2026-11-23T13:00:00Z"})
    pushed.start()
    assert there.tell().ending is Ending.SUPERSEDED
    pushed.join()


@contextmanager
def started(timer: threading.Timer) -> Iterator[None]:
    """Start a timer that is done when the block ends."""
    timer.start()
    try:
        yield
    finally:
        timer.join()


def test_sigterm_ends_the_wait_at_once(there: Scene) -> None:
    """Woodpecker cancels a step by SIGTERM and kills it twenty seconds later."""
    there.kargo.world.faults.lose_refresh = -1
    killer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    with pytest.raises(Cancelled) as caught, terminated(), started(killer):
        there.tell(wait=250)
    assert caught.value.message == "cancelled by SIGTERM"
    assert caught.value.details == (
        f"{REVISION[:12]} is released: its tags are set",
        "Kargo was told; only the wait for its Freight was cut short",
    )


def test_sigterm_before_kargo_was_told_says_so(there: Scene) -> None:
    """It is still down, and is asked again."""
    killer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
    with pytest.raises(Cancelled) as caught, terminated(), started(killer):
        there.tell(kargo_url="http://127.0.0.1:1", wait=250)
    released, told = caught.value.details
    assert released == f"{REVISION[:12]} is released: its tags are set"
    assert told.startswith("Kargo was not told. Kargo polls the registry by itself")

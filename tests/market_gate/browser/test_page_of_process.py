"""The page of the real service as a process of its own, with the machine's clock and records from a cluster."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devtools.bench.market_gate_cluster import StandIn, record
from tests.market_gate.browser.chromium import Browser, Tab
from tests.market_gate.test_process import STARTED, answers, get
from tests.support.processes import wait_for

# Blocked at all hours, so that the page is the same whenever this runs.
CONFIG = """
projects: {shop-cd: {stages: {paper: {}, live: {rollback: allow}}}}
windows: [{name: freeze, kind: blocked, from: 2000-01-01T00:00, until: 2100-01-01T00:00, reason: the books are closed}]
display_zones: [Europe/Berlin]
listen: 127.0.0.1:0
"""


@pytest.fixture
def place(tmp_path: Path, cluster: StandIn) -> Iterator[str]:
    """Run the service; give its address."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    log = tmp_path / "log"
    environment = {name: value for name, value in os.environ.items() if name != "KUBERNETES_SERVICE_HOST"}
    with log.open("w") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "market_gate", "--config", str(tmp_path / "config.yaml")],
            env={**environment, "KUBECONFIG": str(cluster.kubeconfig(tmp_path))},
            stdout=out,
            stderr=out,
        )
    try:
        assert wait_for(lambda: child.poll() is not None or STARTED.search(log.read_text()) is not None, seconds=60), log.read_text()
        found = STARTED.search(log.read_text())
        assert found is not None, log.read_text()
        assert wait_for(lambda: answers(int(found[1])), seconds=60), log.read_text()
        yield f"http://127.0.0.1:{found[1]}"
    finally:
        child.terminate()
        child.wait(30)


def text(tab: Tab, selector: str) -> str:
    """Return what stands in an element, "" where there is none."""
    found = tab.evaluate(f"(document.querySelector({selector!r}) ?? document.createElement('p')).textContent")
    assert isinstance(found, str)
    return found


def shows(tab: Tab, place: str, condition: Callable[[], bool]) -> bool:
    """Load the page until it shows something: the gate hears of the cluster a moment later."""

    def loaded() -> bool:
        tab.open(f"{place}/")
        return condition()

    return wait_for(loaded, seconds=60)


def test_break_glass_is_seen_and_the_cluster_missed(chrome: Browser, place: str, cluster: StandIn) -> None:
    """From the record in the cluster to the screen, and what the page says when the cluster is gone; without JavaScript."""
    port = int(place.rpartition(":")[2])
    assert get(port, "/v1/gate?project=shop-cd&stage=live&promotion=live.01")[1]["allow"] is False
    with chrome.tab(javascript=False) as tab:
        tab.open(f"{place}/")
        assert text(tab, "h1") == "Promotions are held"
        assert "Blocked by the window freeze until Fri 1 Jan 2100 00:00 New York, 06:00 Berlin: the books are closed." in text(
            tab, ".state"
        )
        assert "live.01" in text(tab, "[aria-labelledby=waiting]")
        assert text(tab, "#alarm") == ""
        cluster.world.put(record("paper-1", now=datetime.now(UTC), lasts=timedelta(minutes=30), data={"operator": "<i>ada</i>"}))
        assert shows(tab, place, lambda: text(tab, "#alarm") == "Break-glass is active")
        assert text(tab, ".alarm .who strong") == "<i>ada</i>"
        assert "by break-glass of <i>ada</i>" in text(tab, "[aria-labelledby=stages]")
        cluster.stop()
        assert shows(tab, place, lambda: "Cluster not reachable since" in text(tab, ".notices"))
        assert text(tab, "#alarm") == "Break-glass is active"
        assert tab.complaints() == []
        assert set(tab.requests()) == {f"{place}/"}


def test_a_record_that_ends_leaves_the_page_by_itself(chrome: Browser, place: str, cluster: StandIn) -> None:
    """Nobody touches the browser: the page asks again when the record has expired."""
    cluster.world.put(record("paper-1", now=datetime.now(UTC), lasts=timedelta(seconds=20)))
    with chrome.tab() as tab:
        assert shows(tab, place, lambda: text(tab, "#alarm") == "Break-glass is active")
        loads = tab.loads()
        tab.wait_for_load(loads + 1)
        assert wait_for(lambda: text(tab, "#alarm") == "" and "paper-1" in text(tab, "[aria-labelledby=break-glass]"), seconds=40)

"""Cut off after any change and run again, `up` and `down` end as if nothing had happened."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from bootstrap.core import generate, history
from bootstrap.core.chart import ChartSource
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest, ref_of
from bootstrap.core.record import RecordResource
from bootstrap.core.release import ReleaseResource
from bootstrap.core.resource import Awaited, ObjectResource, Resource
from bootstrap.core.transport import Wrap
from devtools.controlplane import ControlPlane, programs
from devtools.platform.chart_files import ChartFiles
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import config_map, lasting, namespace_of
from tests.support.transport_faults import Slow, disturb_every_mutation


@pytest.fixture(scope="session", autouse=True)
def _helm() -> None:
    """Build Helm before the first test: none may take that long."""
    programs.build("helm3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A platform of a namespace, a secret, what is made of the secret, a release, and an object after all of them."""

    runner: Runner
    place: str
    chart: Path
    down: bool

    def parts(self, context: Context) -> list[Resource]:
        """Return them, in order."""
        record = RecordResource(name="agent", values={"secret": generate.hexadecimal()})
        secret = context.records.value("agent", "secret")
        label = f"ConfigMap {self.place}/made"
        made = (
            Awaited(label=label, reason="the Secret of record agent is there")
            if secret is None
            else ObjectResource(manifest=config_map(self.place, "made", length=str(len(secret))))
        )
        release = ReleaseResource(
            name="shop", namespace=self.place, chart=ChartSource(reference=str(self.chart), version="1.2.3", local=True), timeout=60
        )
        # Without controllers a namespace never goes.
        return [
            ObjectResource(manifest=namespace_of(self.place), kept="this test's"),
            record,
            made,
            release,
            ObjectResource(manifest=self.last),
        ]

    @property
    def last(self) -> Manifest:
        """The last object."""
        return config_map(self.place, "last", colour="blue")

    def run(self, wrap: Wrap | None) -> None:
        """Run `up`, or `down` on what `up` has made."""
        component = Parts(parts=self.parts)
        with self.runner.engine(component, wrap=wrap) as started:
            if self.down:
                started.engine.down()
            else:
                started.engine.up()

    def state(self) -> object:
        """Return what lasts of every object."""
        with self.runner.engine() as started:
            refs = [ref_of(config_map(self.place, name)) for name in ("made", "last", "shop-settings")]
            found = [started.cluster.get(ref) for ref in refs]
            revisions = history.read(started.cluster, "shop", self.place, superseded=True).revisions
            secret = started.context.records.value("agent", "secret")
            shown = [str(lasting(live)).replace(self.place, "PLACE") for live in found]
            return shown, [(each.number, each.status) for each in revisions], secret is not None

    def kept(self) -> Mapping[str, object]:
        """Return the secret, if there is one."""
        with self.runner.engine() as started:
            secret = started.context.records.value("agent", "secret")
            return {"secret": secret} if secret else {}


@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
def test_a_run_that_was_cut_off_is_brought_to_its_end_by_the_next_one(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, *, down: bool
) -> None:
    """No secret is made twice, no release gets a revision too many, nothing is forgotten."""
    chart = ChartFiles(folder=tmp_path).pack()

    def make(name: str) -> Shop:
        place = f"{namespace}-{name}"
        runner = Runner(plane=control_plane, platform=a_platform(f"{place}-lock"))
        shop = Shop(runner=runner, place=place, chart=chart, down=False)
        if down:
            shop.run(None)
        return Shop(runner=runner, place=place, chart=chart, down=down)

    # namespace of the lock, lock, its end; up: namespace, secret, two objects; down: two objects
    assert disturb_every_mutation(make) >= (4 if down else 7)


def test_a_slow_line_makes_a_plan_no_slower_than_its_reads_need(control_plane: ControlPlane, namespace: str) -> None:
    """Independent reads run at once: a hundred objects, three requests each at most, and none of them waits for the other."""
    runner = Runner(plane=control_plane, platform=a_platform(f"{namespace}-lock"))
    parts = [ObjectResource(manifest=config_map(namespace, f"settings-{number}")) for number in range(100)]
    at_once = Counting()

    def slow(inner: httpx2.BaseTransport) -> httpx2.BaseTransport:
        return at_once.watching(Slow(inner, 0.02))

    with runner.engine(Parts(parts=parts), wrap=slow) as started:
        assert len(started.engine.plan().changes) == 100
    assert at_once.most >= 8


class Counting:
    """Counts how many requests are under way at once."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def watching(self, inner: httpx2.BaseTransport) -> httpx2.BaseTransport:
        """Put it around a transport."""
        counting = self

        class Watched(httpx2.BaseTransport):
            def handle_request(self, request: httpx2.Request) -> httpx2.Response:
                with counting._lock:
                    counting._now += 1
                    counting.most = max(counting.most, counting._now)
                try:
                    return inner.handle_request(request)
                finally:
                    with counting._lock:
                        counting._now -= 1

            def close(self) -> None:
                inner.close()

        return Watched()

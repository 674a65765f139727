"""Only one run changes a platform at a time, and a dead one is not waited for longer than its lock lasts."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bootstrap.core import lease
from bootstrap.core.errors import BootstrapError, LockedError
from bootstrap.core.lease import Lease, Unheld
from bootstrap.core.objects import Ref, ref_of
from bootstrap.core.resource import ObjectResource
from devtools.controlplane import ControlPlane
from devtools.platform.run import Run
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import config_map, there, version
from tests.support.processes import wait_for


@pytest.fixture
def runner(control_plane: ControlPlane, namespace: str) -> Runner:
    """Run on a platform of this test's own."""
    return Runner(plane=control_plane, platform=a_platform(namespace))


@pytest.fixture
def run(runner: Runner) -> Iterator[Run]:
    """Start a run without components, for its context."""
    with runner.engine() as started:
        yield started


def a_lease(run: Run) -> Lease:
    """Make the lock of the run's platform, as another run would have it."""
    context = run.context
    return Lease(context.cluster, context.platform.namespace, waiter=context.waiter, clock=context.clock)


def left_behind(run: Run, holder: str, *, seconds_ago: float) -> Ref:
    """Leave a lock as a run does that was killed; return it."""
    renewed = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "acquireTime": renewed, "renewTime": renewed}
    metadata = {"name": "bootstrap", "namespace": run.context.platform.namespace}
    manifest = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
    run.cluster.create(manifest)
    return ref_of(manifest)


def spec_of(run: Run, ref: Ref) -> dict[str, Any]:
    """Return what the lock says."""
    return dict(there(run.cluster, ref)["spec"])


def test_a_second_run_is_refused_and_told_who_is_at_work(run: Run, namespace: str) -> None:
    """And since when; nothing of the first one is disturbed."""
    first, second = a_lease(run), a_lease(run)
    with first.held():
        with pytest.raises(LockedError) as refused, second.held():
            pass
        assert f"another run is at work on this platform: {first.holder}, since 20" in refused.value.message
        first.check()
    assert spec_of(run, first.ref)["holderIdentity"] == ""
    assert namespace == first.ref.namespace


def test_up_is_refused_while_another_run_is_at_work(runner: Runner, run: Run, namespace: str) -> None:
    """Before it has changed anything."""
    manifest = config_map(namespace)
    with a_lease(run).held(), runner.engine(Parts(parts=[ObjectResource(manifest=manifest)])) as started:
        with pytest.raises(LockedError):
            started.engine.up()
        assert started.cluster.mutations == 0
    assert run.cluster.get(ref_of(manifest)) is None


def test_of_many_that_want_it_at_once_one_gets_it(run: Run) -> None:
    """The API server decides."""
    leases = [a_lease(run) for _ in range(6)]
    begin, end = threading.Barrier(len(leases)), threading.Barrier(len(leases))
    got: list[str] = []

    def take(each: Lease) -> None:
        begin.wait()
        try:
            with each.held():
                got.append(each.holder)
                end.wait()
        except LockedError:
            end.wait()

    threads = [threading.Thread(target=take, args=(each,)) for each in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_a_lock_that_was_not_renewed_is_taken_over(run: Run) -> None:
    """After 15 s, whoever held it."""
    ref = left_behind(run, "elsewhere.1.0a0a0a0a.0b0b0b0b", seconds_ago=18.5)
    taken = a_lease(run)
    with taken.held():
        assert spec_of(run, ref)["holderIdentity"] == taken.holder
        assert spec_of(run, ref)["leaseTransitions"] == 1


def test_a_lock_of_elsewhere_is_waited_for_as_long_as_it_lasts(run: Run) -> None:
    """Whoever holds it may still be alive."""
    ref = left_behind(run, "elsewhere.1.0a0a0a0a.0b0b0b0b", seconds_ago=15)
    taken = a_lease(run)
    with taken.held():
        seen = there(run.cluster, ref)["spec"]
    assert seen["holderIdentity"] == taken.holder


def test_the_lock_of_a_dead_process_of_this_machine_is_free_at_once(run: Run) -> None:
    """Its number tells."""
    code = "from bootstrap.core.lease import identity; print(identity())"
    dead = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=dict(os.environ)).stdout.strip()
    left_behind(run, dead, seconds_ago=0)
    assert lease.is_dead_here(dead)
    with a_lease(run).held():
        pass
    assert "The lock" not in run.printed


def test_a_living_process_is_not_taken_for_dead() -> None:
    """Nor is one in a container with the same number."""
    name, _, rest = lease.identity().partition(f".{os.getpid()}.")
    assert not lease.is_dead_here(f"{name}.{os.getppid()}.{rest}")
    assert not lease.is_dead_here("elsewhere.999999999.0a0a0a0a.0b0b0b0b")
    assert not lease.is_dead_here("nonsense")


def test_who_runs_is_a_label() -> None:
    """At most 63 characters of a few kinds."""
    assert len(lease.identity()) <= 63
    assert set(lease.identity()) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")


def test_a_held_lock_is_renewed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the run takes."""
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    held = a_lease(run)
    with held.held():
        first = spec_of(run, held.ref)["renewTime"]
        assert wait_for(lambda: spec_of(run, held.ref)["renewTime"] != first)


def test_who_has_lost_the_lock_changes_nothing_more(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what it has started is stopped."""
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    lost = threading.Event()
    context = run.context
    held = Lease(context.cluster, context.platform.namespace, waiter=context.waiter, clock=context.clock, lost=lost.set)
    with held.held():
        # Somebody deletes it, and another run takes it.
        context.cluster.delete(held.ref)
        assert lost.wait(10)
        with pytest.raises(LockedError, match="lost"):
            held.check()


def test_without_the_lock_nothing_is_changed(run: Run, namespace: str) -> None:
    """Whatever a component does in its observation."""
    manifest = config_map(namespace)
    resource = ObjectResource(manifest=manifest)
    change = resource.observe(run.context).change
    assert change
    with pytest.raises(BootstrapError, match="without the lock"):
        resource.apply(run.context, change)
    assert run.cluster.get(ref_of(manifest)) is None


def test_which_run_is_dead_can_be_told_from_outside(run: Run, namespace: str) -> None:
    """A plan must know it of the holder of a pending release."""
    outside = Unheld(run.cluster, namespace)
    held = a_lease(run)
    assert outside.is_dead(held.holder)
    left_behind(run, "elsewhere.1.0a0a0a0a.0b0b0b0b", seconds_ago=0)
    assert not outside.is_dead("elsewhere.1.0a0a0a0a.0b0b0b0b")
    run.cluster.delete(held.ref)
    with held.held():
        assert outside.is_dead("any.1.0a0a0a0a.0b0b0b0b")
        assert not held.is_dead(held.holder)


def test_a_second_platform_has_a_lock_of_its_own(runner: Runner, run: Run, namespace: str) -> None:
    """Its namespace is made for it."""
    other = Runner(plane=runner.plane, platform=a_platform(f"{namespace}-b"))
    manifest = config_map(namespace, "other")
    with a_lease(run).held(), other.engine(Parts(parts=[ObjectResource(manifest=manifest)])) as started:
        started.engine.up()
    assert version(run.cluster, ref_of(manifest))

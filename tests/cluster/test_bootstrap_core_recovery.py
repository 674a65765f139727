"""A release over which a run has died is brought to its end by the next run, and one that somebody is at work on is left alone."""

import contextlib
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightkube
import pytest
from lightkube.resources.core_v1 import Namespace, Secret

from bootstrap.core import history
from bootstrap.core.change import Action, State
from bootstrap.core.context import Options
from bootstrap.core.errors import HelmError, PlanError
from bootstrap.core.objects import Ref
from devtools.controlplane import ControlPlane, programs
from devtools.platform.chart_files import CONFIG_MAP, ChartFiles
from devtools.platform.run import Run
from tests.support.bootstrap_run import Parts
from tests.support.charts import DEPLOYMENT, NOWHERE, STATEFUL_SET
from tests.support.cluster_objects import made_by, namespace_of, there
from tests.support.processes import is_gone, runs, wait_for
from tests.support.release_run import ReleaseRun

SECONDS = 60


@pytest.fixture(scope="session", autouse=True)
def _helm() -> None:
    """Build Helm before the first test: none may take that long."""
    programs.build("helm3", "helm4")


@pytest.fixture
def place(cluster: ControlPlane) -> Iterator[str]:
    """Make a namespace and take it away, with that of the lock."""
    name = f"shop-{secrets.token_hex(4)}"
    with cluster.client() as client:
        made_by(client, Namespace, namespace_of(name))
        yield name
        for each in (name, f"{name}-lock"):
            with contextlib.suppress(lightkube.ApiError):
                client.delete(Namespace, each)


@pytest.fixture(params=["helm3", "helm4"])
def shop(request: pytest.FixtureRequest, cluster: ControlPlane, place: str, tmp_path: Path) -> ReleaseRun:
    """Describe a run that brings up a Deployment, a StatefulSet and a ConfigMap."""
    chart = ChartFiles(folder=tmp_path, templates={"a.yaml": CONFIG_MAP, "b.yaml": DEPLOYMENT, "c.yaml": STATEFUL_SET})
    return ReleaseRun(
        kubeconfig=str(cluster.admin_kubeconfig), helm=request.param, namespace=place, chart=str(chart.pack()), version="1.2.3", values={}
    )


@pytest.fixture
def run(shop: ReleaseRun) -> Iterator[Run]:
    """Start a run without components, for its context."""
    with shop.runner().engine() as started:
        yield started


def last(run: Run, shop: ReleaseRun) -> history.Revision | None:
    """Return the last revision."""
    return history.read(run.cluster, "shop", shop.namespace).last


def status(run: Run, shop: ReleaseRun) -> str:
    """Return what Helm says of the last revision."""
    revision = last(run, shop)
    return revision.status if revision else "none"


def with_values(shop: ReleaseRun, values: Mapping[str, Any]) -> ReleaseRun:
    """Describe the run with other values."""
    return replace(shop, values=dict(values))


def up(shop: ReleaseRun, **options: bool) -> Run:
    """Run `up` here, to its end."""
    with shop.runner().engine(Parts(parts=[shop.release()]), options=Options(**options)) as started:
        started.engine.up()
    return started


def helm_of(parent: int) -> int | None:
    """Return the process that a run has started."""
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        if found := task.read_text().split():
            return int(found[0])
    return None


def killed_while(run: Run, shop: ReleaseRun, wanted: str, seen: Callable[[Run, ReleaseRun], bool]) -> None:
    """Start a run, and kill it while Helm waits; what it has started dies with it."""
    with shop.started() as child:
        assert wait_for(lambda: status(run, shop) == wanted and seen(run, shop), SECONDS), status(run, shop)
        helm = helm_of(child.pid)
        assert helm
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    assert is_gone(helm)
    assert not runs(helm)
    assert status(run, shop) == wanted


def exists(run: Run, shop: ReleaseRun) -> bool:
    """Tell whether Helm has begun to make objects."""
    return run.cluster.get(Ref(api_version="apps/v1", kind="StatefulSet", name="shop-db", namespace=shop.namespace)) is not None


def test_a_killed_first_installation_is_done_again_at_once(shop: ReleaseRun, run: Run) -> None:
    """Helm alone would refuse for ever; what it had made is taken over, not deleted."""
    killed_while(run, with_values(shop, {"nodeSelector": NOWHERE}), "pending-install", exists)
    uid = there(run.cluster, Ref(api_version="v1", kind="ConfigMap", name="shop-settings", namespace=shop.namespace))["metadata"]["uid"]
    begin = time.monotonic()
    again = up(shop)
    assert status(run, shop) == "deployed"
    assert "pending-install was interrupted; revision 1 is set up again first" in again.printed
    kept = there(run.cluster, Ref(api_version="v1", kind="ConfigMap", name="shop-settings", namespace=shop.namespace))
    assert kept["metadata"]["uid"] == uid
    assert shop.release().status(run.context).state is State.READY
    # Not by its age: the timeout of the release is 120 s.
    assert time.monotonic() - begin < 100


def test_a_killed_upgrade_is_recovered_at_once(shop: ReleaseRun, run: Run) -> None:
    """With a StatefulSet whose pod of the abandoned version would never be replaced."""
    up(shop)
    # Scheduled nowhere, and so never ready.
    killed_while(run, with_values(shop, {"nodeSelector": NOWHERE, "tag": "two"}), "pending-upgrade", pod_hangs)
    again = up(with_values(shop, {"tag": "three"}))
    assert status(run, shop) == "deployed"
    assert "pending-upgrade was interrupted; revision 1 is set up again first" in again.printed
    pod = there(run.cluster, Ref(api_version="v1", kind="Pod", name="shop-db-0", namespace=shop.namespace))
    assert pod["spec"]["containers"][0]["image"].endswith(":three")
    assert shop.release().status(run.context).state is State.READY


def pod_hangs(run: Run, shop: ReleaseRun) -> bool:
    """Tell whether the pod of the StatefulSet is the new one, which no node takes."""
    pod = run.cluster.get(Ref(api_version="v1", kind="Pod", name="shop-db-0", namespace=shop.namespace))
    return pod is not None and pod["spec"].get("nodeSelector") == NOWHERE


def test_what_the_abandoned_installation_has_made_and_nobody_wants_is_deleted(shop: ReleaseRun, run: Run, tmp_path: Path) -> None:
    """The next run may have another chart."""
    killed_while(run, with_values(shop, {"nodeSelector": NOWHERE}), "pending-install", exists)
    smaller = ChartFiles(folder=tmp_path / "smaller", templates={"a.yaml": CONFIG_MAP})
    up(replace(shop, chart=str(smaller.pack())))
    refs = [
        Ref(api_version="apps/v1", kind=kind, name=name, namespace=shop.namespace)
        for kind, name in (("Deployment", "shop"), ("StatefulSet", "shop-db"))
    ]
    assert [run.cluster.get(ref) for ref in refs] == [None, None]


def test_a_stopped_run_leaves_a_release_that_the_next_one_takes(shop: ReleaseRun, run: Run) -> None:
    """SIGTERM, as from a CI server or Ctrl-C: Helm gets it, too, and says that it has failed."""
    hanging = with_values(shop, {"nodeSelector": NOWHERE})
    with hanging.started() as child:
        assert wait_for(lambda: status(run, shop) == "pending-install" and exists(run, shop), SECONDS)
        child.send_signal(signal.SIGTERM)
        assert child.wait() == 143
    lease = there(
        run.cluster, Ref(api_version="coordination.k8s.io/v1", kind="Lease", name="bootstrap", namespace=f"{shop.namespace}-lock")
    )
    assert lease["spec"]["holderIdentity"] == ""
    up(shop)
    assert status(run, shop) == "deployed"


def make_pending(client: lightkube.Client, run: Run, shop: ReleaseRun, *, age: float, holder: str = "") -> None:
    """Make the last revision look as if somebody was at work on it since that many seconds."""
    revision = last(run, shop)
    assert revision
    labels = {"status": "pending-upgrade", "modifiedAt": str(int(datetime.now(UTC).timestamp() - age))}
    # What Helm hands on to revisions that a person makes is the number of ours.
    labels |= {history.HOLDER: holder} if holder else {history.REVISION: str(revision.number - 1)}
    client.patch(Secret, revision.secret.name, {"metadata": {"labels": labels}}, namespace=shop.namespace)


@pytest.fixture
def admin(cluster: ControlPlane) -> Iterator[lightkube.Client]:
    """Connect as who may do everything."""
    with cluster.client() as client:
        yield client


@pytest.mark.parametrize("shop", ["helm3"], indirect=True)
def test_a_release_that_a_person_is_at_work_on_is_left_alone(shop: ReleaseRun, run: Run, admin: lightkube.Client) -> None:
    """Though it carries the labels of our last run; who and since when is told."""
    up(shop)
    make_pending(admin, run, shop, age=60)
    with shop.runner().engine(Parts(parts=[shop.release()])) as started:
        (problem,) = started.engine.plan().problems
        assert isinstance(problem.error, HelmError)
        assert "is pending-upgrade since 20" in problem.error.message
        assert problem.error.message.endswith("by somebody else")
        with pytest.raises(PlanError):
            started.engine.up()
    assert status(run, shop) == "pending-upgrade"


@pytest.mark.parametrize("shop", ["helm3"], indirect=True)
def test_what_a_person_has_left_pending_is_recovered_when_it_is_old(shop: ReleaseRun, run: Run, admin: lightkube.Client) -> None:
    """Older than the longest time it may take."""
    up(shop)
    up(with_values(shop, {"colour": "red"}))
    make_pending(admin, run, shop, age=600)
    with shop.runner().engine(Parts(parts=[shop.release()])) as started:
        plan = started.engine.plan()
        assert (plan.changes[0].action, plan.problems) == (Action.RECOVER, ())


@pytest.mark.parametrize("shop", ["helm3"], indirect=True)
def test_a_release_of_a_living_run_is_left_alone(shop: ReleaseRun, run: Run, admin: lightkube.Client) -> None:
    """A plan beside it says who is at work."""
    up(shop)
    holder = "elsewhere.1.0a0a0a0a.0b0b0b0b"
    make_pending(admin, run, shop, age=600, holder=holder)
    spec = {"holderIdentity": holder, "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "leaseDurationSeconds": 15}
    lease = Ref(api_version="coordination.k8s.io/v1", kind="Lease", name="bootstrap", namespace=f"{shop.namespace}-lock")
    run.cluster.patch(lease, {"spec": spec})
    with shop.runner().engine(Parts(parts=[shop.release()])) as started:
        (problem,) = started.engine.plan().problems
        assert problem.error.message.endswith(f"by another run of bootstrap, {holder}")

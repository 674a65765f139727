"""Helm releases, with Helm 3 and Helm 4: run only when something differs, and then it is put right."""

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightkube
import pytest
from lightkube.resources.apps_v1 import Deployment, StatefulSet
from lightkube.resources.core_v1 import ConfigMap, Namespace

from bootstrap.core import history
from bootstrap.core.change import Action, State
from bootstrap.core.chart import ChartSource
from bootstrap.core.context import Options
from bootstrap.core.errors import ChartError, ClashError, ConflictError, HelmError, PlanError, ReplacementError
from bootstrap.core.objects import Ref
from bootstrap.core.release import ReleaseResource, release_of
from bootstrap.core.resource import ObjectResource
from bootstrap.platform.chart import Chart
from devtools.controlplane import ControlPlane, programs
from devtools.platform.chart_files import CONFIG_MAP, ChartFiles
from devtools.platform.run import Run
from plugin_kit.errors import PluginError
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.charts import DEPLOYMENT, NOWHERE, SECRET, STATEFUL_SET, ChartRepository
from tests.support.cluster_objects import by_hand, config_map, made_by, namespace_of, there


@pytest.fixture(scope="session", autouse=True)
def _helm() -> None:
    """Build Helm before the first test: none may take that long."""
    programs.build("helm3", "helm4")


@pytest.fixture
def place(cluster: ControlPlane) -> Iterator[str]:
    """Name a namespace that the run makes, and take it away."""
    name = f"shop-{secrets.token_hex(4)}"
    yield name
    with cluster.client() as client:
        for each in (name, f"{name}-lock"):
            with contextlib.suppress(lightkube.ApiError):
                client.delete(Namespace, each)


@pytest.fixture(params=["helm3", "helm4"])
def runner(request: pytest.FixtureRequest, cluster: ControlPlane, place: str) -> Runner:
    """Run with one of the two Helms on a platform of this test's own."""
    return Runner(plane=cluster, helm=request.param, platform=a_platform(f"{place}-lock"))


@pytest.fixture
def admin(cluster: ControlPlane) -> Iterator[lightkube.Client]:
    """Connect as who may do everything."""
    with cluster.client() as client:
        yield client


@pytest.fixture
def run(runner: Runner, place: str) -> Iterator[Run]:
    """Start a run without components, for its context."""
    with runner.engine() as started:
        started.cluster.apply(namespace_of(place))
        yield started


@pytest.fixture
def chart(tmp_path: Path) -> ChartFiles:
    """Take a chart of a ConfigMap."""
    return ChartFiles(folder=tmp_path)


def a_release(place: str, chart: ChartFiles, values: Mapping[str, Any] | None = None, **more: Any) -> ReleaseResource:  # noqa: ANN401  fields
    """Describe the release `shop` of a chart that is written now."""
    source = ChartSource(reference=str(chart.pack()), version=chart.version, local=True)
    return ReleaseResource(**{"name": "shop", "namespace": place, "chart": source, "values": values or {}, "timeout": 60.0, **more})


def up(runner: Runner, release: ReleaseResource, **options: bool) -> Run:
    """Bring a release up and return the run, closed."""
    with runner.engine(Parts(parts=[release]), options=Options(**options)) as started:
        started.engine.up()
    return started


def planned(runner: Runner, release: ReleaseResource, **options: bool) -> tuple[list[Any], list[PluginError]]:
    """Return the changes and the problems of a plan."""
    with runner.engine(Parts(parts=[release]), options=Options(**options)) as started:
        plan = started.engine.plan()
    return list(plan.changes), [problem.error for problem in plan.problems]


def revisions(run: Run, place: str) -> list[tuple[int, str]]:
    """Return number and status of all revisions."""
    return [(each.number, each.status) for each in history.read(run.cluster, "shop", place, superseded=True).revisions]


def settings(place: str) -> Ref:
    """Name the ConfigMap of the chart."""
    return Ref(api_version="v1", kind="ConfigMap", name="shop-settings", namespace=place)


def test_a_second_run_adds_no_revision(runner: Runner, run: Run, place: str, tmp_path: Path) -> None:
    """Helm is not even started to change something; a workload, a Secret and what the API server fills in are no difference."""
    templates = {"a.yaml": CONFIG_MAP, "b.yaml": SECRET, "c.yaml": DEPLOYMENT, "d.yaml": STATEFUL_SET}
    release = a_release(place, ChartFiles(folder=tmp_path, templates=templates))
    up(runner, release)
    assert revisions(run, place) == [(1, "deployed")]
    with runner.engine(Parts(parts=[release])) as second:
        assert second.engine.up().exit_code == 0
        assert second.cluster.mutations == 0
    assert revisions(run, place) == [(1, "deployed")]


def test_the_plan_on_an_empty_cluster_names_each_object(runner: Runner, place: str, chart: ChartFiles) -> None:
    """Though the namespace is not there yet."""
    release = a_release(place, chart)
    with runner.engine(Parts(parts=[ObjectResource(manifest=namespace_of(place)), release])) as started:
        change = started.engine.plan().changes[1]
        assert (change.action, change.note) == (Action.CREATE, "chart shop 1.2.3")
        assert [(part.action, part.resource) for part in change.parts] == [(Action.CREATE, f"ConfigMap {place}/shop-settings")]
        started.engine.up()
        assert there(started.cluster, settings(place))["data"] == {"colour": "blue"}


def test_an_object_that_was_changed_by_hand_is_put_right(
    runner: Runner, run: Run, admin: lightkube.Client, place: str, chart: ChartFiles
) -> None:
    """`helm get manifest` does not know of it."""
    release = a_release(place, chart)
    up(runner, release)
    by_hand(admin, ConfigMap, settings(place), {"data": {"colour": "red"}})
    (change,), _ = planned(runner, release)
    assert [str(field) for field in change.parts[0].fields] == ["data.colour: red -> blue"]
    up(runner, release)
    assert there(run.cluster, settings(place))["data"] == {"colour": "blue"}
    assert planned(runner, release) == ([], [])


def test_a_deleted_object_comes_back(runner: Runner, run: Run, place: str, chart: ChartFiles) -> None:
    """It is planned as one to be created."""
    release = a_release(place, chart)
    up(runner, release)
    run.cluster.delete(settings(place))
    (change,), _ = planned(runner, release)
    assert [part.action for part in change.parts] == [Action.CREATE]
    up(runner, release)
    assert there(run.cluster, settings(place))["data"] == {"colour": "blue"}


def test_other_values_are_a_change_that_shows_the_fields(runner: Runner, run: Run, place: str, chart: ChartFiles) -> None:
    """And one revision more."""
    up(runner, a_release(place, chart))
    (change,), _ = planned(runner, a_release(place, chart, {"colour": "red"}))
    assert (change.action, change.note) == (Action.UPDATE, "values or chart have changed")
    assert [str(field) for part in change.parts for field in part.fields] == ["data.colour: blue -> red"]
    up(runner, a_release(place, chart, {"colour": "red"}))
    assert revisions(run, place) == [(1, "superseded"), (2, "deployed")]


def test_values_that_were_taken_away_are_not_kept(runner: Runner, run: Run, place: str, chart: ChartFiles) -> None:
    """Helm by itself would go on with the old ones where none are given."""
    up(runner, a_release(place, chart, {"colour": "red"}))
    up(runner, a_release(place, chart))
    assert there(run.cluster, settings(place))["data"] == {"colour": "blue"}


def test_a_field_of_another_manager_is_a_conflict(runner: Runner, run: Run, admin: lightkube.Client, place: str, tmp_path: Path) -> None:
    """Such as the replicas that an autoscaler has set."""
    release = a_release(place, ChartFiles(folder=tmp_path, templates={"a.yaml": DEPLOYMENT}))
    up(runner, release)
    ref = Ref(api_version="apps/v1", kind="Deployment", name="shop", namespace=place)
    by_hand(admin, Deployment, ref, {"spec": {"replicas": 2}}, manager="some-autoscaler")
    _, (problem,) = planned(runner, release)
    assert isinstance(problem, ConflictError)
    assert problem.details == ("some-autoscaler manages spec.replicas",)
    with pytest.raises(PlanError):
        up(runner, release)
    assert there(run.cluster, ref)["spec"]["replicas"] == 2
    up(runner, release, take_over=True)
    assert there(run.cluster, ref)["spec"]["replicas"] == 1


def test_a_jump_to_another_version_needs_to_be_allowed(runner: Runner, run: Run, place: str, chart: ChartFiles) -> None:
    """It is a line of its own in the plan, and without the option nothing is changed."""
    up(runner, a_release(place, chart))
    newer = a_release(place, replace(chart, version="2.0.0"))
    (change,), (problem,) = planned(runner, newer)
    assert change.action is Action.UPGRADE
    assert [str(field) for field in change.fields] == ["chart shop: 1.2.3 -> 2.0.0"]
    assert "--allow-upgrade" in (problem.hint or "")
    with pytest.raises(PlanError):
        up(runner, newer)
    assert revisions(run, place) == [(1, "deployed")]
    up(runner, newer, allow_upgrade=True)
    assert revisions(run, place) == [(1, "superseded"), (2, "deployed")]
    assert planned(runner, newer) == ([], [])


def test_a_step_within_a_major_version_is_what_platform_yaml_asks_for(runner: Runner, run: Run, place: str, chart: ChartFiles) -> None:
    """It is a line of its own, too, and may be done."""
    del run
    up(runner, a_release(place, chart))
    (change,), problems = planned(runner, a_release(place, replace(chart, version="1.3.0")))
    assert (change.action, problems) == (Action.UPGRADE, [])


def installed_by_hand(runner: Runner, run: Run, release: ReleaseResource) -> None:
    """Install a release as a person does who has never heard of bootstrap."""
    chart = run.context.helm.chart(release.chart, folder=Path())
    run.context.helm.upgrade(
        chart, release=release.name, namespace=release.namespace, values=release.values, labels={}, timeout=60, take_ownership=False
    )
    del runner


def test_an_existing_release_is_adopted(runner: Runner, run: Run, place: str, chart: ChartFiles) -> None:
    """It gets a revision with our labels, and then stays as it is."""
    release = a_release(place, chart)
    installed_by_hand(runner, run, release)
    (change,), problems = planned(runner, release)
    assert (change.action, change.note, problems) == (Action.ADOPT, "exists already, revision 1 of chart shop 1.2.3", [])
    up(runner, release)
    assert planned(runner, release) == ([], [])
    assert revisions(run, place) == [(1, "superseded"), (2, "deployed")]


def test_an_existing_release_of_another_version_is_not_upgraded_by_the_way(runner: Runner, run: Run, place: str, chart: ChartFiles) -> None:
    """Not even by a step."""
    installed_by_hand(runner, run, a_release(place, chart))
    _, (problem,) = planned(runner, a_release(place, replace(chart, version="1.2.4")))
    assert isinstance(problem, HelmError)
    assert "it was not installed by bootstrap" in problem.message


def test_an_object_that_no_release_has_made_is_a_clash(
    runner: Runner, run: Run, admin: lightkube.Client, place: str, chart: ChartFiles
) -> None:
    """Unless the chart is told to take ownership."""
    made_by(admin, ConfigMap, config_map(place, "shop-settings", colour="red"), manager="kubectl-create")
    _, (problem,) = planned(runner, a_release(place, chart))
    assert isinstance(problem, ClashError)
    assert "`take_ownership: true`" in (problem.hint or "")
    up(runner, a_release(place, chart, take_ownership=True))
    assert there(run.cluster, settings(place))["data"] == {"colour": "blue"}


def test_a_field_that_cannot_be_changed_is_found_before_helm_fails_on_it(runner: Runner, run: Run, place: str, tmp_path: Path) -> None:
    """`helm upgrade --dry-run` would not see it."""
    up(runner, a_release(place, ChartFiles(folder=tmp_path, templates={"a.yaml": STATEFUL_SET})))
    changed = STATEFUL_SET.replace("serviceName: db", "serviceName: other")
    _, (problem,) = planned(runner, a_release(place, ChartFiles(folder=tmp_path, templates={"a.yaml": changed})))
    assert isinstance(problem, ReplacementError)
    assert f"StatefulSet {place}/shop-db needs replacement" in problem.message
    assert revisions(run, place) == [(1, "deployed")]


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[ChartRepository]:
    """Serve charts on loopback."""
    with ChartRepository.serving(tmp_path / "repository") as served:
        yield served


def test_a_chart_of_a_repository_is_fetched_once_in_a_run(
    runner: Runner, run: Run, place: str, chart: ChartFiles, repository: ChartRepository
) -> None:
    """For the plan and for Helm itself."""
    repository.put(chart)
    release = replace(a_release(place, chart), chart=ChartSource(reference="shop", version="1.2.3", repo=repository.url))
    up(runner, release)
    assert there(run.cluster, settings(place))["data"] == {"colour": "blue"}
    assert repository.downloads == 1


def test_an_archive_that_changed_under_its_version_is_refused(
    runner: Runner, run: Run, place: str, chart: ChartFiles, repository: ChartRepository
) -> None:
    """Until its digest is named."""
    repository.put(chart)
    source = ChartSource(reference="shop", version="1.2.3", repo=repository.url)
    release = replace(a_release(place, chart), chart=source)
    up(runner, release)
    repository.put(replace(chart, templates={"settings.yaml": CONFIG_MAP, "more.yaml": SECRET}))
    _, (problem,) = planned(runner, release)
    assert isinstance(problem, ChartError)
    assert "another one than the one that is installed, under the same version" in problem.message
    found = str(problem.hint).partition("digest: ")[2].split("`")[0]
    up(runner, replace(release, chart=replace(source, digest=found)))
    assert revisions(run, place) == [(1, "superseded"), (2, "deployed")]


def test_a_chart_that_the_repository_does_not_have_is_named(
    runner: Runner, run: Run, place: str, chart: ChartFiles, repository: ChartRepository
) -> None:
    """And a repository that does not answer is another story."""
    del run
    repository.put(chart)
    release = replace(a_release(place, chart), chart=ChartSource(reference="shop", version="7.0.0", repo=repository.url))
    _, (problem,) = planned(runner, release)
    assert problem.message == f"there is no chart {repository.url}/shop 7.0.0"
    nowhere = replace(release, chart=ChartSource(reference="shop", version="7.0.0", repo="http://127.0.0.1:1"))
    _, (problem,) = planned(runner, nowhere)
    assert problem.message == "the chart http://127.0.0.1:1/shop 7.0.0 can't be fetched"


def test_crds_of_the_chart_come_first_and_come_back(runner: Runner, run: Run, place: str, tmp_path: Path) -> None:
    """Helm installs what lies in `crds` only with the first release."""
    group = f"{place}.example.lan"
    crd = (
        f"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: gadgets.{group}}}\n"
        f"spec:\n  group: {group}\n  scope: Namespaced\n  names: {{plural: gadgets, singular: gadget, kind: Gadget}}\n"
        "  versions:\n    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, "
        "x-kubernetes-preserve-unknown-fields: true}}}\n"
    )
    gadget = f"apiVersion: {group}/v1\nkind: Gadget\nmetadata: {{name: one}}\nsize: 3\n"
    release = a_release(place, ChartFiles(folder=tmp_path, templates={"a.yaml": gadget}, crds={"gadgets.yaml": crd}))
    up(runner, release)
    ref = Ref(api_version=f"{group}/v1", kind="Gadget", name="one", namespace=place)
    assert there(run.cluster, ref)["size"] == 3
    assert planned(runner, release) == ([], [])


def test_a_release_that_does_not_come_up_says_why(runner: Runner, place: str, run: Run, tmp_path: Path) -> None:
    """The object, its state and its events; the next run tries again."""
    chart = ChartFiles(folder=tmp_path, templates={"a.yaml": DEPLOYMENT})
    with pytest.raises(HelmError) as failed:
        up(runner, a_release(place, chart, {"nodeSelector": NOWHERE}, timeout=4.0))
    told = "\n".join(failed.value.details)
    assert f"Deployment {place}/shop: 0 of 1 pods are available" in told
    assert "FailedScheduling" in told
    assert revisions(run, place) == [(1, "failed")]
    up(runner, a_release(place, chart))
    assert revisions(run, place)[-1][1] == "deployed"


def test_secrets_of_the_values_are_in_no_output(runner: Runner, place: str, run: Run, tmp_path: Path) -> None:
    """Nor on a command line: Helm reads values on its standard input."""
    release = a_release(place, ChartFiles(folder=tmp_path, templates={"a.yaml": SECRET}), {"password": "correct-horse-battery"})
    with runner.engine(Parts(parts=[release])) as started:
        started.context.hide("correct-horse-battery")
        plan = started.engine.up()
    assert "correct-horse" not in started.printed + str(plan.json())
    changed = replace(release, values={"password": "other-horse-battery"})
    with runner.engine(Parts(parts=[changed])) as started:
        plan = started.engine.up()
    assert [str(field) for part in plan.changes[0].parts for field in part.fields] == ["data.password: (secret) changed"]
    assert "horse" not in started.printed + str(plan.json())
    assert revisions(run, place)[-1] == (2, "deployed")


LOOKUP = """
{{- $found := lookup "v1" "ConfigMap" .Release.Namespace "mark" }}
apiVersion: v1
kind: ConfigMap
metadata: {name: shop-settings}
data: {mark: {{ if $found }}{{ $found.data.colour }}{{ else }}none{{ end }}}
"""


def test_a_chart_that_looks_things_up_finds_them(runner: Runner, run: Run, place: str, tmp_path: Path) -> None:
    """Else a password that a chart makes once would be another one in each plan."""
    run.cluster.apply(config_map(place, "mark", colour="green"))
    release = a_release(place, ChartFiles(folder=tmp_path, templates={"a.yaml": LOOKUP}))
    up(runner, release)
    assert there(run.cluster, settings(place))["data"] == {"mark": "green"}
    assert planned(runner, release) == ([], [])


def test_status_looks_at_the_workloads(runner: Runner, run: Run, admin: lightkube.Client, place: str, tmp_path: Path) -> None:
    """A release that Helm calls deployed may since have fallen over."""
    release = a_release(place, ChartFiles(folder=tmp_path, templates={"a.yaml": DEPLOYMENT, "b.yaml": STATEFUL_SET}))
    assert release.status(run.context).state is State.ABSENT
    up(runner, release)
    assert release.status(run.context).state is State.READY
    ref = Ref(api_version="apps/v1", kind="StatefulSet", name="shop-db", namespace=place)
    by_hand(admin, StatefulSet, ref, {"spec": {"replicas": 2, "template": {"spec": {"nodeSelector": NOWHERE}}}})
    seen = release.status(run.context)
    assert seen.state is State.PROGRESSING
    assert seen.message.startswith(f"StatefulSet {place}/shop-db: ")


def test_down_uninstalls_and_up_installs_again(runner: Runner, run: Run, place: str, chart: ChartFiles) -> None:
    """What is not there is no error, the second time."""
    release = a_release(place, chart)
    up(runner, release)
    with runner.engine(Parts(parts=[release])) as started:
        started.engine.down()
        assert started.engine.down().removals == ()
    assert run.cluster.get(settings(place)) is None
    up(runner, release)
    assert revisions(run, place) == [(1, "deployed")]


def test_a_chart_of_platform_yaml_becomes_a_release(runner: Runner, run: Run, place: str, chart: ChartFiles) -> None:
    """A person's own values win over ours, map by map."""
    settings_ = Chart(source=str(chart.pack()), name="shop", version="1.2.3", release="shop", namespace=place, values={"colour": "green"})
    up(runner, release_of(settings_, {"colour": "red", "tag": "two"}))
    assert there(run.cluster, settings(place))["data"] == {"colour": "green"}


def test_a_missing_chart_is_named(runner: Runner, run: Run, place: str, chart: ChartFiles) -> None:
    """With what to look at."""
    del run
    release = a_release(place, chart)
    lost = replace(release, chart=replace(release.chart, reference="charts/none.tgz"))
    _, (problem,) = planned(runner, lost)
    assert isinstance(problem, ChartError)
    assert problem.message.endswith("charts/none.tgz")
    other = replace(release, chart=replace(release.chart, version="9.9.9"))
    _, (problem,) = planned(runner, other)
    assert "has version 1.2.3, and platform.yaml names 9.9.9" in problem.message
    pinned = replace(release, chart=replace(release.chart, digest=f"sha256:{'0' * 64}"))
    _, (problem,) = planned(runner, pinned)
    assert "is not the one that platform.yaml names" in problem.message

"""Secrets of record are made once, stay as they are, and are never shown."""

import base64
from collections.abc import Iterator

import lightkube
import pytest
from lightkube.resources.core_v1 import Secret

from bootstrap.core import generate
from bootstrap.core.change import Action
from bootstrap.core.component import Component
from bootstrap.core.context import Context, Options
from bootstrap.core.errors import ClashError, DriftError, PlanError
from bootstrap.core.objects import Ref
from bootstrap.core.record import RecordResource
from bootstrap.core.resource import Awaited, ObjectResource, Resource
from devtools.controlplane import ControlPlane
from devtools.platform.run import Run
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import config_map, made_by, namespace_of, there


@pytest.fixture
def runner(control_plane: ControlPlane, namespace: str) -> Runner:
    """Run on a platform of this test's own."""
    return Runner(plane=control_plane, platform=a_platform(namespace))


@pytest.fixture
def run(runner: Runner) -> Iterator[Run]:
    """Start a run without components, for its context."""
    with runner.engine() as started:
        yield started


def up(runner: Runner, *components: Component) -> Run:
    """Run `up` and return the run, closed."""
    with runner.engine(*components) as started:
        started.engine.up()
    return started


def test_a_value_is_generated_once(runner: Runner, run: Run) -> None:
    """The second run has nothing to do, random though it is."""
    record = Parts(parts=[RecordResource(name="agent", values={"secret": generate.hexadecimal()}, purpose="agents log in with it")])
    up(runner, record)
    first = run.context.records.read("agent")
    assert len(first["secret"]) == 64
    with runner.engine(record) as second:
        assert second.engine.up().exit_code == 0
    assert run.context.records.read("agent") == first


def test_a_missing_key_is_added_and_the_others_stay(runner: Runner, run: Run) -> None:
    """What a later version of a component needs comes to what is there."""
    up(runner, Parts(parts=[RecordResource(name="admin", values={"password": generate.password()})]))
    first = run.context.records.read("admin")
    more = RecordResource(name="admin", values={"password": generate.password(), "token": generate.hexadecimal(8)})
    up(runner, Parts(parts=[more]))
    second = run.context.records.read("admin")
    assert second["password"] == first["password"]
    assert len(second["token"]) == 16


def test_what_the_user_sets_follows_the_user(runner: Runner, run: Run) -> None:
    """A new value rotates the record; the plan does not show it."""
    for value in ("first-password", "second-password"):
        with runner.engine(Parts(parts=[RecordResource(name="login", given={"password": value})])) as started:
            plan = started.engine.up()
            shown = started.printed + str(plan.json())
            assert "-password" not in shown
    assert plan.changes[0].action is Action.ROTATE
    assert "password: (secret) changed" in shown
    assert run.context.records.value("login", "password") == "second-password"


def test_a_value_is_in_no_output(runner: Runner, run: Run) -> None:
    """From the moment on that it was read or made."""
    up(runner, Parts(parts=[RecordResource(name="agent", values={"secret": generate.hexadecimal()})]))
    value = str(run.context.records.value("agent", "secret"))
    run.context.console.info(f"the secret is {value}, or {base64.b64encode(value.encode()).decode()}")
    assert run.printed == "the secret is ********, or ********\n"
    assert value in run.context.secrecy.known


def test_values_of_an_api_are_stored_at_once(runner: Runner, run: Run) -> None:
    """As the OAuth client that can never be read again; what the record holds already stays."""
    del runner
    run.context.records.store("oauth", {"client_id": "one"}, purpose="Woodpecker logs in to Gitea with it")
    run.context.records.store("oauth", {"client_secret": "two"})
    run.context.records.add("oauth", {"client_id": "three", "note": "four"})
    assert run.context.records.read("oauth") == {"client_id": "one", "client_secret": "two", "note": "four"}
    metadata = there(run.cluster, run.context.records.ref("oauth"))["metadata"]
    assert metadata["annotations"]["local-cicd.dev/purpose"] == "Woodpecker logs in to Gitea with it"
    assert metadata["labels"]["local-cicd.dev/record"] == "true"


def test_somebody_elses_secret_is_no_record(runner: Runner, admin: lightkube.Client, namespace: str) -> None:
    """It is neither read nor changed, and the way out is told."""
    data = {"secret": base64.b64encode(b"precious").decode()}
    metadata = {"name": "agent", "namespace": namespace}
    made_by(admin, Secret, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    with runner.engine(Parts(parts=[RecordResource(name="agent", values={"secret": generate.hexadecimal()})])) as started:
        (problem,) = started.engine.plan().problems
        assert isinstance(problem.error, ClashError)
        assert f"kubectl label secret -n {namespace} agent" in (problem.error.hint or "")
        with pytest.raises(PlanError):
            started.engine.up()
    assert admin.get(Secret, "agent", namespace=namespace).data == data


def test_what_is_made_of_a_record_comes_in_the_same_run(runner: Runner, run: Run, namespace: str) -> None:
    """The plan announces it, since its content can't be known yet."""

    def parts(context: Context) -> list[Resource]:
        record = RecordResource(name="agent", values={"name": generate.hexadecimal(4)})
        name = context.records.value("agent", "name")
        if name is None:
            return [record, Awaited(label=f"ConfigMap {namespace}/settings", reason="the Secret of record agent is there")]
        return [record, ObjectResource(manifest=config_map(namespace, agent=name))]

    with runner.engine(Parts(parts=parts)) as started:
        plan = started.engine.up()
    assert [later.resource for later in plan.later] == [f"ConfigMap {namespace}/settings"]
    ref = Ref(api_version="v1", kind="ConfigMap", name="settings", namespace=namespace)
    assert there(run.cluster, ref)["data"]["agent"] == run.context.records.value("agent", "name")


def test_what_hangs_on_a_record_that_changes_is_not_passed_over(runner: Runner, run: Run, namespace: str) -> None:
    """A component that the plan left alone would have something to do at the end of the run: it stops there, and the next one does it."""

    def parts(value: str) -> list[Component]:
        record = Parts(parts=[RecordResource(name="login", given={"name": value})], name="first")

        def made_of_it(context: Context) -> list[Resource]:
            return [ObjectResource(manifest=config_map(namespace, who=context.records.value("login", "name") or "nobody"))]

        return [record, Parts(parts=made_of_it, name="second")]

    for value in ("ann", "ben"):
        with runner.engine(*parts(value)) as started:
            if value == "ann":
                started.engine.up()
                continue
            with pytest.raises(DriftError, match=r"ConfigMap .*/settings would change in a way that the plan has not shown") as stopped:
                started.engine.up()
            assert "what it is made of has changed in this run" in (stopped.value.hint or "")
    up(runner, *parts("ben"))
    ref = Ref(api_version="v1", kind="ConfigMap", name="settings", namespace=namespace)
    assert there(run.cluster, ref)["data"]["who"] == "ben"


def test_a_record_on_an_empty_cluster_waits_for_its_namespace(control_plane: ControlPlane, namespace: str) -> None:
    """It is planned as something that comes later, and is there after the run."""
    place = f"{namespace}-new"
    runner = Runner(plane=control_plane, platform=a_platform(place))
    component = Parts(
        parts=[ObjectResource(manifest=namespace_of(place)), RecordResource(name="agent", values={"secret": generate.hexadecimal()})]
    )
    with runner.engine(component) as started:
        plan = started.engine.up()
        assert [later.reason for later in plan.later] == [f"namespace {place} is there"]
        assert started.context.records.value("agent", "secret")


@pytest.mark.parametrize("forget", [False, True])
def test_down_forgets_secrets_only_when_told_to(runner: Runner, run: Run, *, forget: bool) -> None:
    """What can't be made again is kept."""
    component = Parts(parts=[RecordResource(name="agent", values={"secret": generate.hexadecimal()})])
    up(runner, component)
    with runner.engine(component, options=Options(forget_secrets=forget)) as started:
        started.engine.down()
    assert (run.context.records.value("agent", "secret") is None) == forget

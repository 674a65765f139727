"""BuildKit on a real API server with controllers; cert-manager is played, and nodes run nothing."""

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Pod, Secret
from lightkube.types import PatchType

from bootstrap.components.buildkit.certificate import CLIENT_SECRET, KEY, SERVER_SECRET, issued
from bootstrap.components.buildkit.component import BuildKit
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.core.change import Action
from bootstrap.core.objects import Manifest, Ref
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from devtools.platform import prerequisites
from devtools.platform.api import Api, path, path_of, playing
from devtools.platform.run import Run
from tests.support.bootstrap_run import Runner, a_platform
from tests.support.cluster_objects import by_hand, there
from tests.support.processes import wait_for

PREFIX = "bk-test"
BUILDERS = BuildKit(needs=("namespaces",))
STATEFUL_SET = Ref(api_version="apps/v1", kind="StatefulSet", name="buildkitd", namespace=f"{PREFIX}-buildkit")


def platform(**buildkit: object) -> Platform:
    """Return a platform with namespaces of its own."""
    charts = {
        key: {"chart": {"namespace": f"{PREFIX}-{key.replace('_', '-')}"}} for key in ("woodpecker", "argo_cd", "kargo", "argo_rollouts")
    }
    wanted = {"namespace": f"{PREFIX}-buildkit", "storage": {"size": "1Gi", "storage_class": "local-path"}, **buildkit}
    return a_platform(f"{PREFIX}-platform", **charts, buildkit=wanted)


@pytest.fixture(scope="module")
def prepared(cluster: ControlPlane) -> ControlPlane:
    """Put cert-manager's kinds, classes and volumes into the cluster."""
    prerequisites.prepare(cluster)
    prerequisites.local_volumes(cluster, PREFIX, 2)
    return cluster


@pytest.fixture(scope="module")
def runner(prepared: ControlPlane) -> Iterator[Runner]:
    """Make runs while cert-manager works, and take everything down after the last one."""
    runner = Runner(plane=prepared, platform=platform())
    with prerequisites.signing(prepared):
        yield runner
        with runner.engine(Namespaces(), BUILDERS) as run:
            run.engine.down()


def digest(run: Run) -> str:
    """Return what tells pods of one configuration from those of another."""
    template: Manifest = there(run.cluster, STATEFUL_SET)["spec"]["template"]
    return str(template["metadata"]["annotations"]["local-cicd.dev/inputs"])


def test_it_comes_up_once_and_then_nothing_changes(runner: Runner) -> None:
    """What only cert-manager knows is announced by the plan, and known when it is there."""
    with runner.engine(Namespaces(), BUILDERS) as run:
        plan = run.engine.plan()
        assert STATEFUL_SET.label in {later.resource for later in plan.later}
        assert plan.problems == ()
        assert issued(run.context, CLIENT_SECRET).parts is None
        run.engine.up()
        assert there(run.cluster, STATEFUL_SET)["status"]["readyReplicas"] == 1
        # For the pipelines: it is there as soon as `up` is through.
        found = issued(run.context, CLIENT_SECRET).parts
        assert found
        assert found[KEY] == "one tls.key"
    with runner.engine(Namespaces(), BUILDERS) as run:
        before = run.cluster.mutations
        assert run.engine.up().exit_code == 0
        assert run.cluster.mutations == before


def test_the_namespace_lets_privileged_pods_in_and_stays_the_namespaces(runner: Runner) -> None:
    """Two components write to it: neither takes away what the other has set."""
    with runner.engine(Namespaces(), BUILDERS) as run:
        run.engine.up()
        namespace = Ref(api_version="v1", kind="Namespace", name=f"{PREFIX}-buildkit")
        labels = there(run.cluster, namespace)["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "privileged"
        assert labels["app.kubernetes.io/managed-by"] == "local-cicd"
        others = run.cluster.list("v1", "Namespace", labels={"pod-security.kubernetes.io/enforce": "privileged"})
        assert [each["metadata"]["name"] for each in others] == [f"{PREFIX}-buildkit"]
    with runner.engine(Namespaces(), BUILDERS) as run:
        assert run.engine.plan().changes == ()


def test_a_change_by_hand_is_put_right(runner: Runner, prepared: ControlPlane) -> None:
    """Somebody has scaled it down and opened the way to it."""
    with runner.engine(Namespaces(), BUILDERS) as run:
        run.engine.up()
    with prepared.client() as client:
        by_hand(client, StatefulSet, STATEFUL_SET, {"spec": {"replicas": 0}})
    with runner.engine(Namespaces(), BUILDERS) as run:
        (change,) = run.engine.up().changes
        assert [(field.path, field.before, field.after) for field in change.fields] == [("spec.replicas", 0, 1)]
        assert there(run.cluster, STATEFUL_SET)["spec"]["replicas"] == 1


def test_a_renewed_certificate_restarts_the_builder(runner: Runner, prepared: ControlPlane) -> None:
    """Buildkitd would go on with the old one until it runs out."""
    with runner.engine(Namespaces(), BUILDERS) as run:
        run.engine.up()
        before = digest(run)
    with prepared.client() as client:
        renewed = {"data": {"tls.crt": "cmVuZXdlZA=="}}
        client.patch(Secret, "buildkitd-tls", renewed, namespace=f"{PREFIX}-buildkit", patch_type=PatchType.MERGE)
        old = client.get(Pod, "buildkitd-0", namespace=f"{PREFIX}-buildkit").metadata
        assert old
    with runner.engine(Namespaces(), BUILDERS) as run:
        (change,) = run.engine.up().changes
        assert (change.resource, change.action) == (STATEFUL_SET.label, Action.UPDATE)
        assert digest(run) != before
    with prepared.client() as client:
        new = client.get(Pod, "buildkitd-0", namespace=f"{PREFIX}-buildkit").metadata
        assert new
        assert new.uid != old.uid


def reissue(api: Api) -> None:
    """Play cert-manager where a Certificate has changed: another Secret, and only then a condition about this generation."""
    for live in api.objects(prerequisites.API_VERSION, "certificates"):
        metadata, conditions = live["metadata"], (live.get("status") or {}).get("conditions") or [{}]
        generation = metadata["generation"]
        if not metadata["namespace"].startswith(PREFIX) or conditions[0].get("observedGeneration") == generation:
            continue
        if generation > 1:
            secret = path("v1", "secrets", metadata["namespace"], live["spec"]["secretName"])
            api.merge(secret, {"data": {"tls.crt": base64.b64encode(f"issue {generation}".encode()).decode()}})
        seen = {"type": "Ready", "status": "True", "observedGeneration": generation}
        api.merge(path_of(live, prerequisites.API_VERSION, "certificates", "status"), {"status": {"conditions": [seen]}})


def test_a_certificate_that_platform_yaml_changes_takes_one_run(runner: Runner, prepared: ControlPlane) -> None:
    """It is issued anew in the middle of it: the plan announces the builder, and nothing is left to do."""
    with runner.engine(Namespaces(), BUILDERS) as run, playing(prepared, reissue):
        run.engine.up()
        certificate = Ref(api_version=prerequisites.API_VERSION, kind="Certificate", name=SERVER_SECRET, namespace=f"{PREFIX}-buildkit")
        assert wait_for(lambda: "observedGeneration" in there(run.cluster, certificate)["status"]["conditions"][0], 30)
        run.cluster.patch(certificate, {"spec": {"commonName": "somebody"}})
        assert wait_for(lambda: there(run.cluster, certificate)["status"]["conditions"][0]["observedGeneration"] > 1, 30)
    with runner.engine(Namespaces(), BUILDERS) as run, playing(prepared, reissue):
        before = digest(run)
        plan = run.engine.up()
        assert [change.resource for change in plan.changes] == [certificate.label]
        assert [later.resource for later in plan.later] == [STATEFUL_SET.label]
        assert digest(run) != before
        assert run.engine.plan().exit_code == 0


def test_a_bigger_cache_needs_a_person(runner: Runner) -> None:
    """The template of a StatefulSet's claims can't be changed in place; nothing is deleted by itself."""
    with runner.engine(Namespaces(), BUILDERS) as run:
        run.engine.up()
    bigger = replace(runner, platform=platform(storage={"size": "2Gi", "storage_class": "local-path"}))
    with bigger.engine(Namespaces(), BUILDERS) as run:
        (problem,) = run.engine.plan().problems
        assert problem.resource == STATEFUL_SET.label
        assert "can't be changed in place" in problem.error.message

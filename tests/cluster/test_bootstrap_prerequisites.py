"""Prerequisites on a real API server: what is missing, who may not, and probes whose answers a status writer gives."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, Pod

from bootstrap.components.images.nodes import NodeTrust
from bootstrap.components.prerequisites import api, certificates, classes
from bootstrap.components.prerequisites.component import Prerequisites
from bootstrap.core.change import Action, State
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import ref_of
from bootstrap.core.resource import ObjectResource
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from devtools.platform import prerequisites, probes
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.scripted_server import Answer, scripted_server

NAMESPACE = "pre-test"


def platform(registry_url: str, **more: object) -> Platform:
    """Return a platform whose registry answers at this address."""
    registry = {"mode": "external", "host": "registry.lan", "bootstrap_url": registry_url}
    return a_platform(NAMESPACE, registry=registry, **more)


@pytest.fixture(scope="module")
def prepared(cluster: ControlPlane) -> ControlPlane:
    """Give the cluster what a cluster has."""
    prerequisites.prepare(cluster)
    return cluster


@pytest.fixture
def runner(prepared: ControlPlane) -> Iterator[Runner]:
    """Make runs, with a registry that answers."""
    with scripted_server() as server:
        server.on("GET", "^/v2/$", Answer())
        yield Runner(plane=prepared, platform=platform(server.url))
    with prepared.client() as client:
        for pod in client.list(Pod, namespace=NAMESPACE):
            assert pod.metadata
            client.delete(Pod, str(pod.metadata.name), namespace=NAMESPACE, grace_period=0)


def test_a_cluster_that_has_everything_is_asked_once_from_inside(runner: Runner, prepared: ControlPlane) -> None:
    """The probe stays as the evidence, so that a second run changes nothing."""
    with probes.answering(prepared, NAMESPACE, probes.REACHED):
        with runner.engine(Prerequisites()) as run:
            (change,) = run.engine.up().changes
            assert (change.resource, change.action) == (f"Pod {NAMESPACE}/probe-network", Action.CREATE)
        with runner.engine(Prerequisites()) as run:
            before = run.cluster.mutations
            assert run.engine.up().changes == ()
            assert run.cluster.mutations == before
            assert {state.state for each in run.engine.status().components for _, state in each.rows} == {State.READY}
            run.engine.down()
            assert run.cluster.list("v1", "Pod", namespace=NAMESPACE) == []


def test_what_pods_do_not_reach_stops_up_before_anything_else(runner: Runner, prepared: ControlPlane) -> None:
    """And when it is put right, the next run asks again."""
    bad = {"probe-network": "registry\tfailed\twget: bad address 'registry.lan'\ngitea\tok\tHTTP 200\n"}
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "after", "namespace": NAMESPACE}, "data": {}}
    after = Parts(parts=[ObjectResource(manifest=made)], needs=("prerequisites",))
    with (
        probes.answering(prepared, NAMESPACE, bad),
        runner.engine(Prerequisites(), after) as run,
        pytest.raises(BootstrapError, match="from inside the cluster registry can't be reached") as caught,
    ):
        run.engine.up()
    assert "CoreDNS" in str(caught.value.hint)
    with runner.engine() as run:
        assert run.cluster.get(ref_of(made)) is None
    with probes.answering(prepared, NAMESPACE, probes.REACHED), runner.engine(Prerequisites()) as run:
        (change,) = run.engine.up().changes
        assert change.action is Action.REPLACE
        assert "the last time: from inside the cluster registry can't be reached" in change.note


def test_who_may_do_nothing_is_told_each_right_that_is_missing(runner: Runner) -> None:
    """Before anything is begun that could not be ended."""
    with replace(runner, user="nobody").engine() as run, pytest.raises(BootstrapError) as caught:
        api.rights(run.context)
    assert len(caught.value.details) == len(api.RIGHTS)
    assert "may not get, list, create, patch, delete: Namespace" in caught.value.details
    with runner.engine() as run:
        api.rights(run.context)


def test_the_classes_of_the_cluster_are_the_ones_that_are_looked_at(runner: Runner) -> None:
    """With the real objects, as the API server gives them."""
    with runner.engine() as run:
        classes.ingress_class(run.context)
        classes.storage_class(run.context, None)
        certificates.cert_manager(run.context)
        certificates.issuer(run.context, None)
        api.version(run.context)
    rwx = a_platform(NAMESPACE, woodpecker={"workspace": {"rwx": True}})
    with replace(runner, platform=rwx).engine() as run, pytest.raises(BootstrapError, match=r"rancher.io/local-path"):
        classes.storage_class(run.context, None)


def test_every_node_is_asked_whether_it_can_pull(runner: Runner, prepared: ControlPlane) -> None:
    """A pod on each; those of KWOK take whatever they are given."""
    with prepared.client() as client:
        client.apply(Namespace(metadata=ObjectMeta(name=NAMESPACE)))
    trust = Parts(parts=[NodeTrust(image="registry.lan/local-cicd/registry-push:1.0")])
    with runner.engine(trust) as run:
        run.engine.up()
        pods = run.cluster.list("v1", "Pod", namespace=NAMESPACE)
        assert {each["spec"]["nodeName"] for each in pods} == {"node-1", "node-2"}
    with runner.engine(trust) as run:
        before = run.cluster.mutations
        assert run.engine.up().changes == ()
        assert run.cluster.mutations == before
        run.engine.down()
    trouble = {"waiting": {"reason": "ErrImagePull", "message": "x509: certificate signed by unknown authority"}}
    other = Parts(parts=[NodeTrust(image="registry.lan/local-cicd/registry-push:2.0")])
    with runner.engine(other) as run, prepared.client() as client:
        (resource,) = other.resources(run.context)
        change = resource.observe(run.context).change
        assert change
        assert [field.path for field in change.fields] == ["node node-1", "node node-2"]
        run.engine.up()
        probes.write(prepared, NAMESPACE, "pull-node-2", "Pending", trouble)
        with pytest.raises(BootstrapError, match=r"node-2 can't pull registry.lan") as caught:
            resource.verify(run.context, run.context.deadline(5))
    assert any("hosts.toml" in line for line in caught.value.details)

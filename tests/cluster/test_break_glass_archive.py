"""Archives of restored records on a real API server: an administrator makes them, and nobody changes or forges one."""

import json
from collections.abc import Iterator
from typing import Any

import lightkube
import pytest
from lightkube.resources.core_v1 import ConfigMap

from bootstrap.break_glass.policy import API_VERSION, KIND, archive_in_force
from bootstrap.break_glass.record import ARCHIVE_LABEL, LABEL
from bootstrap.components.break_glass.component import BreakGlass
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.core.cluster import Cluster
from bootstrap.core.context import Options
from bootstrap.core.errors import InvalidError
from bootstrap.core.objects import Manifest, Ref, ref_of
from devtools.controlplane import ControlPlane
from tests.support.bootstrap_run import Runner
from tests.support.break_glass import NAMESPACE, USERS, acting, guarded_platform, record, refusal, up
from tests.support.cluster_objects import config_map, there, version

POLICY = f"break-glass-archive.{NAMESPACE}"
BY_ADMINISTRATORS = "an archive of break-glass records is restored by an administrator, who may create ClusterRoleBindings"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Start a control plane with controllers, and bring the component up; Dev may change everything in namespaces."""
    with ControlPlane.start(tmp_path_factory.mktemp("archive"), controllers=True, users=USERS) as started:
        up(started, guarded_platform())
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "dev"}
        binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "developers"}}
        started.apply(json.dumps({**binding, "roleRef": role, "subjects": [subject]}))
        yield started


@pytest.fixture
def administrator(plane: ControlPlane) -> Iterator[Cluster]:
    """Connect as who may do everything."""
    with acting(plane.kubeconfig("admin")) as cluster:
        yield cluster


def archive(name: str, namespace: str = NAMESPACE, **more: Any) -> Manifest:  # noqa: ANN401  keys of a ConfigMap
    """Write an archive."""
    metadata = {"name": f"break-glass-archive-{name}", "namespace": namespace, "labels": {ARCHIVE_LABEL: "true"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": True, "data": {"live-1.uid-1.yaml": "{}"}, **more}


@pytest.mark.parametrize("user", ["ada", "dev"])
def test_nobody_forges_an_archive(plane: ControlPlane, user: str) -> None:
    """Not an operator, nor who may make ConfigMaps everywhere."""
    assert refusal(plane, archive("forged"), user, POLICY) == BY_ADMINISTRATORS


@pytest.mark.parametrize("user", ["admin", "grace", "system:admin"])
def test_an_administrator_makes_one_that_nobody_changes(plane: ControlPlane, user: str) -> None:
    """As `bootstrap restore` does, also on k3s, where that is `system:admin`."""
    with acting(plane.kubeconfig(user)) as cluster:
        ref = ref_of(cluster.create(archive(user.replace(":", "-"))))
        before = version(cluster, ref)
        for labels in ({ARCHIVE_LABEL: None}, {"team": "blue"}):
            with pytest.raises(InvalidError, match="does not take") as caught:
                cluster.patch(ref, {"metadata": {"labels": labels}})
            assert "an archive of break-glass records is never changed or deleted" in caught.value.causes[0].message
        with pytest.raises(InvalidError, match="does not take"):
            cluster.delete(ref)
        assert version(cluster, ref) == before
    with plane.client_with(plane.kubeconfig(user)) as client, pytest.raises(lightkube.ApiError, match="never changed or deleted"):
        client.deletecollection(ConfigMap, namespace=NAMESPACE)


def test_what_an_archive_has_to_be(plane: ControlPlane) -> None:
    """Immutable, and nothing that hangs or goes with something else."""
    for immutable in (None, False):
        said = refusal(plane, archive("x", immutable=immutable), "admin", POLICY)
        assert said == "an archive of break-glass records must be immutable"
    wanted = archive("x")
    wanted["metadata"]["finalizers"] = ["example.lan/never"]
    assert refusal(plane, wanted, "admin", POLICY) == "an archive of break-glass records has no owner and no finalizers"


def test_nothing_becomes_an_archive_afterwards(administrator: Cluster) -> None:
    """The label can't be put on what was made without it."""
    ref = ref_of(administrator.create(config_map(NAMESPACE, "late", colour="blue")))
    with pytest.raises(InvalidError, match="does not take"):
        administrator.patch(ref, {"metadata": {"labels": {ARCHIVE_LABEL: "true"}}})


def test_operators_make_records_and_nothing_else(plane: ControlPlane, administrator: Cluster) -> None:
    """Who is no operator makes ConfigMaps as ever, and an operator does elsewhere what their rights say."""
    assert (
        refusal(plane, config_map(NAMESPACE, "of-ada"), policy=POLICY)
        == "operators of break-glass make records here, and no other ConfigMaps"
    )
    with acting(plane.kubeconfig("ada")) as ada:
        made = ada.create(record("of-ada"))
    assert LABEL in made["metadata"]["labels"]
    with acting(plane.kubeconfig("dev")) as dev:
        ref = ref_of(dev.create(config_map(NAMESPACE, "of-dev", colour="blue")))
        dev.patch(ref, {"data": {"colour": "red"}})
        assert dev.delete(ref)
    assert administrator.delete(ref_of(administrator.create(archive("elsewhere", "default"))))


def test_an_administrator_may_be_an_operator(plane: ControlPlane) -> None:
    """And makes other ConfigMaps all the same."""
    platform = guarded_platform("cicd-small", project="small", operators={"users": ["grace"]})
    up(plane, platform)
    with acting(plane.kubeconfig("grace")) as grace:
        grace.create(config_map("cicd-small", "of-grace", colour="blue"))
        grace.create(archive("of-grace", "cicd-small"))


def test_status_says_when_the_policy_is_gone(plane: ControlPlane, administrator: Cluster) -> None:
    """And that the API server understands every word of it, when it is there."""
    administrator.delete(Ref(api_version=API_VERSION, kind=f"{KIND}Binding", name=POLICY))
    plane.processes.wait(lambda: not archive_in_force(administrator, NAMESPACE), "an API server without the binding")
    with Runner(plane=plane, platform=guarded_platform()).engine(Namespaces(), BreakGlass()) as run:
        assert run.engine.status().exit_code == 1
        run.engine.up()
        assert run.engine.status().exit_code == 0
    assert archive_in_force(administrator, NAMESPACE)

    def checked() -> bool:
        found = (there(administrator, Ref(api_version=API_VERSION, kind=KIND, name=POLICY)).get("status") or {}).get("typeChecking")
        assert not (found or {}).get("expressionWarnings"), found
        return found is not None

    plane.processes.wait(checked, "a policy whose text was checked")


def test_down_keeps_archives_unless_everything_is_forgotten(plane: ControlPlane, administrator: Cluster) -> None:
    """The namespace does not hang in Terminating then."""
    platform = guarded_platform("cicd-gone", project="gone")
    up(plane, platform)
    ref = ref_of(administrator.create(archive("old", "cicd-gone")))
    with Runner(plane=plane, platform=platform).engine(Namespaces(), BreakGlass()) as run:
        run.engine.down()
    with pytest.raises(InvalidError):
        administrator.delete(ref)
    namespace = Ref(api_version="v1", kind="Namespace", name="cicd-gone")
    administrator.delete(namespace)
    plane.processes.wait(lambda: administrator.get(namespace) is None, "a namespace that is gone")
    with Runner(plane=plane, platform=platform).engine(Namespaces(), BreakGlass(), options=Options(forget_secrets=True)) as run:
        run.engine.down()
    assert administrator.get(Ref(api_version=API_VERSION, kind=KIND, name="break-glass-archive.cicd-gone")) is None

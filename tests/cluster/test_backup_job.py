"""The nightly Jobs: their very command lines with the rights that `up` gives them, and their pods on a cluster with nodes."""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bootstrap.backup import retention
from bootstrap.backup.archive import Archive
from bootstrap.components.backup.component import Backup
from bootstrap.components.storage.component import Storage
from bootstrap.core.cluster import Cluster
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.resource import ObjectResource, Resource
from devtools.controlplane import ControlPlane
from tests.support.backup_scene import OTHER_PASSWORD, PROJECT, Desk, connected, live_a_while, made, run
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import there

RBAC = "rbac.authorization.k8s.io/v1"
TARGETS = ("kargo", "argocd")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Sit down."""
    return Desk.made(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, desk: Desk) -> Iterator[ControlPlane]:
    """Start a cluster with a platform on it."""
    with ControlPlane.start(tmp_path_factory.mktemp("plane")) as started:
        live_a_while(started, desk)
        yield started


def night(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, plane: ControlPlane, namespace: str, folder: Path
) -> tuple[int, str]:
    """Run what the CronJob of a namespace runs, as its ServiceAccount, with its file; the volume is a folder here."""
    with connected(plane) as cluster:
        job = there(cluster, Ref(api_version="batch/v1", kind="CronJob", name="backup", namespace=namespace))
        pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        settings = there(cluster, Ref(api_version="v1", kind="ConfigMap", name="backup", namespace=namespace))
    scope = folder.parent / f"{namespace}-scope.yaml"
    scope.write_text(settings["data"]["scope.yaml"], encoding="utf-8")
    places = {"/etc/backup/scope.yaml": str(scope), "/backup": str(folder)}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/etc/backup", "/backup"}
    monkeypatch.setenv("KUBECONFIG", str(plane.service_account(namespace, pod["serviceAccountName"])))
    return run(capsys, *(places.get(each, each) for each in container["args"]))


def newest(folder: Path) -> Archive:
    """Return the backup that was made."""
    return retention.shelf(folder).archives[0]


def kinds(archive: Archive) -> dict[str, int]:
    """Return how many of what it holds."""
    return {key: count for key, count in archive.index.counts.items() if "/CustomResourceDefinition" not in key}


def test_each_job_exports_its_part_with_no_more_than_its_rights(
    plane: ControlPlane, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside Kargo what is Kargo's and the platform's own, beside Argo CD what is Argo CD's; together all that a person exports."""
    found: dict[str, int] = {}
    for namespace in TARGETS:
        code, printed = night(capsys, monkeypatch, plane, namespace, tmp_path / namespace)
        assert code == 0, printed
        assert OTHER_PASSWORD not in printed
        found |= kinds(newest(tmp_path / namespace))
    assert set(kinds(newest(tmp_path / "argocd"))) == {
        "argo-cd/Namespace",
        "argo-cd/Secret",
        "argo-cd/AppProject",
        "argo-cd/Application",
    }
    assert found == kinds(desk.back_up(plane, tmp_path / "by-hand.tar"))


def test_its_account_may_do_nothing_else(plane: ControlPlane) -> None:
    """It reads; it changes nothing, and sees no Secret of another namespace."""
    with connected(plane) as cluster:
        account = "kargo:backup"
        assert may(cluster, account, "list", "secrets", "local-cicd")
        assert may(cluster, account, "list", "freights.kargo.akuity.io", PROJECT)
        assert may(cluster, account, "get", "projects.kargo.akuity.io", "", name=PROJECT)
        for verb in ("create", "update", "patch", "delete"):
            assert not may(cluster, account, verb, "secrets", "local-cicd")
            assert not may(cluster, account, verb, "stages.kargo.akuity.io", PROJECT)
        for namespace in ("argocd", "kargo", "kube-system", "shop-live", ""):
            assert not may(cluster, account, "list", "secrets", namespace)
        assert not may(cluster, account, "get", "namespaces", "", name="kube-system")
        assert not may(cluster, account, "list", "projects.kargo.akuity.io", "")
        assert not may(cluster, "argocd:backup", "list", "secrets", "local-cicd")


def test_a_right_that_is_missing_is_named(
    plane: ControlPlane, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The night fails, and nothing half is left; `up` puts it right."""
    with connected(plane) as cluster:
        cluster.delete(Ref(api_version=RBAC, kind="RoleBinding", name="local-cicd-backup-kargo", namespace="local-cicd"))
    code, printed = night(capsys, monkeypatch, plane, "kargo", tmp_path / "volume")
    assert code == 1
    assert "may not list" in printed
    assert "in namespace local-cicd" in printed
    assert "`bootstrap up` gives the nightly Job the rights it needs" in printed
    assert not (tmp_path / "volume").exists()
    monkeypatch.delenv("KUBECONFIG")
    desk.up(plane)
    code, printed = night(capsys, monkeypatch, plane, "kargo", tmp_path / "volume")
    assert code == 0, printed


def test_without_a_recipient_it_may_read_no_secret(plane: ControlPlane, tmp_path: Path) -> None:
    """What is not exported need not be seen."""
    desk = Desk.made(tmp_path / "desk", backup={})
    with desk.runner(plane).engine(Parts(parts=lambda context: Backup().resources(context))) as asked:
        rules = [
            rule
            for resource in Backup().resources(asked.context)
            if isinstance(resource, ObjectResource)
            for rule in resource.manifest.get("rules") or ()
        ]
    assert rules
    assert not [rule for rule in rules if "secrets" in rule["resources"]]


def may(cluster: Cluster, account: str, verb: str, resource: str, namespace: str, *, name: str = "") -> bool:
    """Ask the API server what a ServiceAccount may do; the resource is written as `freights.kargo.akuity.io`."""
    plural, _, group = resource.partition(".")
    attributes = {"group": group, "verb": verb, "resource": plural, "name": name, "namespace": namespace}
    user = f"system:serviceaccount:{account}"
    review = made("authorization.k8s.io/v1", "SubjectAccessReview", "", "", spec={"user": user, "resourceAttributes": attributes})
    answer = cluster._http.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", json={**review, "metadata": {}})
    answer.raise_for_status()
    return bool(answer.json()["status"]["allowed"])


def test_its_pod_runs_under_the_strictest_rules(cluster: ControlPlane) -> None:
    """It is let in where only restricted pods are, finds its claim bound, and is scheduled."""
    mark = secrets.token_hex(3)
    namespace = f"kargo-{mark}"
    volume = {"path": "/pipelines/kargo", "persistent_volume": f"kargo-{mark}"}
    platform = a_platform(
        f"local-cicd-{mark}", name=f"p{mark}", kargo={"chart": {"namespace": namespace}}, storage={"server": "nas", "kargo": volume}
    )

    def parts(context: Context) -> Sequence[Resource]:
        return [
            ObjectResource(manifest=restricted(namespace)),
            *Storage().resources(context),
            # Argo CD's namespace is one for all tests of this cluster.
            *(each for each in Backup().resources(context) if "argocd" not in each.label),
        ]

    with Runner(plane=cluster, platform=platform).engine(Parts(parts=parts)) as up, connected(cluster) as api:
        up.engine.up()
        job = there(api, Ref(api_version="batch/v1", kind="CronJob", name="backup", namespace=namespace))
        assert (job["spec"]["schedule"], job["spec"]["timeZone"], job["spec"]["concurrencyPolicy"]) == ("15 2 * * *", "Etc/UTC", "Forbid")
        api.create(made("batch/v1", "Job", "by-hand", namespace, spec=job["spec"]["jobTemplate"]["spec"]))
        pods: list[Manifest] = []

        def ended() -> bool:
            pods[:] = api.list("v1", "Pod", namespace=namespace)
            return any(pod["status"].get("phase") in {"Running", "Succeeded"} for pod in pods)

        cluster.processes.wait(ended, "the pod of the Job")
        (pod,) = pods
        assert pod["spec"]["nodeName"]
        assert pod["spec"]["containers"][0]["image"].endswith("/local-cicd/bootstrap:" + platform.images.tag)
        claim = there(api, Ref(api_version="v1", kind="PersistentVolumeClaim", name="pipeline-kargo", namespace=namespace))
        assert claim["status"]["phase"] == "Bound"
        assert up.engine.up().exit_code == 0


def restricted(name: str) -> Manifest:
    """Write a namespace in which only restricted pods run."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}

"""Restores that must not happen: of a backup that somebody has added to, and to a cluster that is no longer as it was shown."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bootstrap.backup import making
from bootstrap.backup import run as backups
from bootstrap.backup.restoring import Choice
from bootstrap.backup.saved import Saved, saved
from bootstrap.backup.scope import Part, Scope
from bootstrap.core.errors import PlanError
from bootstrap.core.objects import Ref
from bootstrap.platform.load import load
from devtools.controlplane import ControlPlane
from tests.support.backup_scene import KARGO, PROJECT, Desk, connected, made, recorded, run, serve_kinds

RBAC = "rbac.authorization.k8s.io/v1"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Sit down."""
    return Desk.made(tmp_path / "desk")


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """Start a cluster that knows the kinds, and has nothing of them."""
    with ControlPlane.start(tmp_path / "plane") as started:
        serve_kinds(started)
        yield started


def a_backup(desk: Desk, *more: Saved) -> Path:
    """Make a backup of a project's past, and of more."""
    objects = [saved(Part.KARGO, each) for call in ("stages", "promotions") for each in recorded(call)]
    scope = Scope.of(load(desk.file).platform)
    return making.make(desk.backups, scope, [*objects, *more], cluster="https://lost", made=datetime.now(UTC)).archive.path


def test_a_right_that_somebody_has_added_is_not_given(plane: ControlPlane, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever writes to the folder of the backups is no administrator of the cluster by that; not even with `--yes`."""
    binding = {
        "apiVersion": RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "everybody"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}],
    }
    file = a_backup(desk, Saved(part=Part.RECORDS, manifest=binding))
    usual = ("-f", desk.file, "--kubeconfig", plane.admin_kubeconfig, "--identity", desk.identity, "--yes")
    code, printed = run(capsys, "restore", file, *usual)
    with connected(plane) as cluster:
        assert cluster.get(Ref(api_version=RBAC, kind="ClusterRoleBinding", name="everybody")) is None
        assert cluster.get(Ref(api_version="v1", kind="Namespace", name=PROJECT)) is None
    assert code == 1
    assert "ClusterRoleBinding everybody (records/clusterrolebinding/everybody.yaml)" in printed


def test_a_kargo_that_came_while_somebody_was_asked_gets_no_promotion(plane: ControlPlane, desk: Desk) -> None:
    """It would carry it out; what was shown was for a cluster without Kargo, so it is planned again under the lock, and told."""
    file = a_backup(desk)

    def kargo_comes(number: int) -> bool:
        assert number == len(recorded("stages")) + len(recorded("promotions"))
        labels = {"app.kubernetes.io/name": "kargo"}
        containers = [{"name": "controller", "image": "ghcr.io/akuity/kargo:v1.11.2"}]
        spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}}
        with connected(plane) as cluster:
            cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kargo"}})
            cluster.create(made("apps/v1", "Deployment", "kargo-controller", "kargo", labels=labels, spec=spec))
        return True

    with desk.runner(plane).engine() as asked, pytest.raises(PlanError, match="the cluster has changed since the plan was shown") as caught:
        backups.restore(asked.context, [file], desk.identity, without_secrets=False, choice=Choice(), dry_run=False, confirm=kargo_comes)
    promotion = min(each["metadata"]["name"] for each in recorded("promotions"))
    assert f"Promotion {PROJECT}/{promotion}: create, and now left out (Kargo runs, and would promote it again" in caught.value.details[0]
    assert caught.value.hint == "run it again"
    with connected(plane) as cluster:
        assert cluster.list(KARGO, "Promotion", namespace=PROJECT) == []
        assert cluster.list(KARGO, "Stage", namespace=PROJECT) == []

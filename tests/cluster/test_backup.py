"""Backup and restore on real API servers: what was lost with one cluster is on the next, and `up` finds nothing to make anew."""

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from bootstrap.backup import archive as archives
from bootstrap.backup.archive import Archive
from bootstrap.components.break_glass.component import BreakGlass
from bootstrap.components.forge import PASSWORD, RECORD
from bootstrap.core.chart import ChartSource
from bootstrap.core.cluster import Cluster
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Ref
from bootstrap.core.release import ReleaseResource
from devtools.controlplane import ControlPlane, programs
from devtools.platform.chart_files import ChartFiles
from devtools.platform.status_writer import StatusWriter
from plugin_kit.errors import PluginError
from tests.support.backup_scene import (
    BROKEN,
    FREIGHT,
    KARGO,
    KARGO_FINALIZER,
    OTHER_PASSWORD,
    PARTS,
    PROJECT,
    Desk,
    connected,
    live_a_while,
    made,
    recorded,
    refusing_stages,
    run,
    serve_kinds,
)
from tests.support.bootstrap_run import Parts
from tests.support.cluster_objects import there
from tests.support.transport_faults import LostAnswer

MOST_CUTS = 400
POLICY = Parts(parts=lambda context: BreakGlass().resources(context))
STAGES = ("beta", "paper", "live")


@pytest.fixture(scope="module", autouse=True)
def _helm() -> None:
    """Build Helm before the first test: none may take that long."""
    programs.build("helm3", "helm4")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Sit down."""
    return Desk.made(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, desk: Desk) -> Iterator[ControlPlane]:
    """Start the cluster that will be lost."""
    with ControlPlane.start(tmp_path_factory.mktemp("origin")) as plane:
        live_a_while(plane, desk)
        yield plane


@pytest.fixture(scope="module")
def backup(origin: ControlPlane, desk: Desk) -> Archive:
    """Make a backup of it."""
    return desk.back_up(origin, desk.folder / "whole.tar.gz")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[ControlPlane]:
    """Start a cluster on which nothing is."""
    with ControlPlane.start(tmp_path / "empty") as plane:
        yield plane


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory, desk: Desk, backup: Archive) -> Iterator[ControlPlane]:
    """Start an empty cluster and restore and install the platform on it."""
    with ControlPlane.start(tmp_path_factory.mktemp("second")) as plane:
        desk.restore(plane, backup.path)
        with StatusWriter(plane, tokens=True) as writer:
            writer.hold("Stage")
            desk.up(plane)
        yield plane


def restoring(capsys: pytest.CaptureFixture[str], plane: ControlPlane, desk: Desk, *more: object) -> tuple[int, str]:
    """Run `restore`."""
    usual = ("-f", desk.file, "--kubeconfig", plane.admin_kubeconfig, "--identity", desk.identity, "--yes")
    return run(capsys, "restore", *more, *usual)


def wait(look: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def secrets(cluster: Cluster) -> Mapping[str, Mapping[str, str]]:
    """Return the Secrets of record, but for the token that belongs to one cluster."""
    found = cluster.list("v1", "Secret", namespace="local-cicd")
    return {each["metadata"]["name"]: each["data"] for each in found if not each["metadata"]["name"].startswith("kargo-token")}


def stage(name: str) -> Ref:
    """Return which Stage."""
    return Ref(api_version=KARGO, kind="Stage", name=name, namespace=PROJECT)


def freight() -> Ref:
    """Return which Freight."""
    return Ref(api_version=KARGO, kind="Freight", name=FREIGHT, namespace=PROJECT)


def password() -> Ref:
    """Return the Secret with a password that was made once."""
    return Ref(api_version="v1", kind="Secret", name=RECORD, namespace="local-cicd")


def test_no_secret_is_made_anew(origin: ControlPlane, second: ControlPlane) -> None:
    """After restore and `up` each has the value that it had."""
    with connected(origin) as before, connected(second) as after:
        assert secrets(after) == secrets(before)
        assert RECORD in secrets(after)
        login = Ref(api_version="v1", kind="Secret", name="charts", namespace=PROJECT)
        assert base64.b64decode(there(after, login)["data"]["password"]).decode() == OTHER_PASSWORD


def test_freight_and_stages_are_back(origin: ControlPlane, second: ControlPlane) -> None:
    """Where Freight was verified, what is in each stage, and what was promoted; owned by the stages of today."""
    with connected(origin) as before, connected(second) as after:
        found = there(after, freight())
        assert found["status"] == recorded("freight in all three stages")[0]["status"]
        assert (found["alias"], found["discoveredAt"]) == ("mottled-zorse", "2026-11-23T14:24:35Z")
        uids = {}
        for name in STAGES:
            old, new = there(before, stage(name)), there(after, stage(name))
            assert new["spec"] == old["spec"]
            for key in ("freightHistory", "lastPromotion", "health"):
                assert new["status"].get(key) == old["status"].get(key)
            uids[name] = new["metadata"]["uid"]
        assert there(after, stage("beta"))["metadata"]["finalizers"] == [KARGO_FINALIZER]
        promotions = after.list(KARGO, "Promotion", namespace=PROJECT)
        assert {each["metadata"]["name"]: (each["spec"], each["status"]) for each in promotions} == {
            each["metadata"]["name"]: (each["spec"], each["status"]) for each in recorded("promotions")
        }
        assert all(each["metadata"]["ownerReferences"][0]["uid"] == uids[each["spec"]["stage"]] for each in promotions)


def test_up_changes_nothing_of_what_was_restored(empty: ControlPlane, desk: Desk, backup: Archive) -> None:
    """The fields that bootstrap manages are its own again: nothing is adopted, and nothing conflicts."""
    desk.restore(empty, backup.path)
    with connected(empty) as cluster, StatusWriter(empty, tokens=True) as writer:
        writer.hold("Stage")
        made_by_restore = {entry.ref.label for entry in backup.index.entries if entry.ref and cluster.get(entry.ref)}
        with desk.runner(empty).engine(PARTS) as engine:
            changes = {change.resource for change in engine.engine.plan().changes}
        assert not changes & made_by_restore
        versions = {name: there(cluster, stage(name))["metadata"]["resourceVersion"] for name in STAGES}
        desk.up(empty)
        assert {name: there(cluster, stage(name))["metadata"]["resourceVersion"] for name in STAGES} == versions


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
def test_helm_takes_the_definitions_for_its_own(empty: ControlPlane, desk: Desk, backup: Archive, tmp_path: Path, helm: str) -> None:
    """`up` installs the charts over them, and a newer chart changes them."""
    desk.restore(empty, backup.path)
    name = "freights.kargo.akuity.io"
    ref = Ref(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition", name=name)
    with connected(empty) as cluster:
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kargo"}})
        spec = there(cluster, ref)["spec"]
        spec["names"]["shortNames"] = ["load"]
        definition = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": {"name": name}, "spec": spec}
        chart = ChartFiles(folder=tmp_path, name="kargo", templates={"crd.yaml": json.dumps(definition).replace("{{", '{{ "{{" }}')})
        source = ChartSource(reference=str(chart.pack()), version=chart.version, local=True)
        release = ReleaseResource(name="kargo", namespace="kargo", chart=source, timeout=60.0)
        with replace(desk.runner(empty), helm=helm).engine(Parts(parts=[release])) as up:
            up.engine.up()
            assert there(cluster, ref)["spec"]["names"]["shortNames"] == ["load"]
            assert up.engine.plan().exit_code == 0
        assert there(cluster, freight())["status"]["verifiedIn"]


def test_a_second_restore_has_nothing_to_do(second: ControlPlane, desk: Desk, backup: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even where `up` was run in between."""
    code, printed = restoring(capsys, second, desk, backup.path, "--keep")
    assert code == 0, printed
    assert "Restoring" not in printed


def test_a_promotion_that_was_under_way_is_not_carried_on(second: ControlPlane) -> None:
    """It is told, and somebody has to promote again: nobody expects a restore to deploy."""
    with connected(second) as cluster:
        names = {each["metadata"]["name"] for each in cluster.list(KARGO, "Promotion", namespace=PROJECT)}
        assert len(names) == len(recorded("promotions"))


def test_break_glass_comes_back_as_an_archive(origin: ControlPlane, second: ControlPlane) -> None:
    """Who broke glass can be read for ever; nothing claims that this API server has checked it, and no gate takes it for a record."""
    with connected(origin) as before, connected(second) as after:
        assert after.list("v1", "ConfigMap", namespace="local-cicd", labels={"local-cicd.dev/break-glass": None}) == []
        (found,) = after.list("v1", "ConfigMap", namespace="local-cicd", labels={"local-cicd.dev/break-glass-archive": None})
        (record,) = before.list("v1", "ConfigMap", namespace="local-cicd", labels={"local-cicd.dev/break-glass": None})
        (text,) = found["data"].values()
        assert found["immutable"] is True
        assert BROKEN["justification"] in text
        assert record["metadata"]["uid"] in text
        assert record["metadata"]["creationTimestamp"] in text
        assert "a backup of " in found["metadata"]["annotations"]["local-cicd.dev/restored-from"]


def test_a_lost_answer_at_any_moment(empty: ControlPlane, desk: Desk, backup: Archive) -> None:
    """Cut off after every second change, again and again: each run goes on, and the end is that of an undisturbed one."""
    for number in itertools.count(1):
        assert number < MOST_CUTS
        cuts: list[LostAnswer] = []

        def cut(inner: httpx2.BaseTransport, cuts: list[LostAnswer] = cuts) -> httpx2.BaseTransport:
            cuts.append(LostAnswer(inner, 2))
            return cuts[-1]

        try:
            left = desk.restore(empty, backup.path, wrap=cut)
        except PluginError:
            assert any(each.hit for each in cuts)
            continue
        # Giving the lock back is a change, too, and its answer may be lost without harm.
        if not any(each.hit for each in cuts):
            break
    assert number > len(backup.index.entries)
    assert left.code() == 0
    with connected(empty) as cluster:
        assert there(cluster, freight())["status"] == recorded("freight in all three stages")[0]["status"]
        for each in recorded("stages"):
            name = each["metadata"]["name"]
            assert there(cluster, stage(name))["status"]["freightHistory"] == each["status"]["freightHistory"]
        assert len(cluster.list(KARGO, "Promotion", namespace=PROJECT)) == len(recorded("promotions"))


def test_without_definitions_the_rest_comes_first(
    empty: ControlPlane, origin: ControlPlane, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Secrets at once, and Kargo's objects when `up` has brought its kinds; the first run says so, and is no success."""
    file = desk.back_up(origin, tmp_path / "bare.tar", without="CustomResourceDefinition").path
    code, printed = restoring(capsys, empty, desk, file)
    assert code == 2
    assert "can't be restored yet: the cluster does not know" in printed
    assert "run `bootstrap up`, then this command again" in printed
    with connected(empty) as cluster:
        assert RECORD in secrets(cluster)
    serve_kinds(empty)
    code, printed = restoring(capsys, empty, desk, file)
    assert code == 0, printed
    with connected(empty) as cluster:
        assert there(cluster, freight())["status"]["verifiedIn"]


def test_a_platform_that_was_installed_first(empty: ControlPlane, desk: Desk, backup: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    """Its new secrets are not overwritten unasked; Kargo, which runs, is given no promotion that it would carry out again."""
    serve_kinds(empty)
    with StatusWriter(empty, tokens=True), desk.runner(empty).engine(POLICY) as engine:
        desk.up(empty)
        engine.engine.up()
    with connected(empty) as cluster:
        fresh = there(cluster, password())["data"][PASSWORD]
        containers = [{"name": "controller", "image": "ghcr.io/akuity/kargo:v1.11.2"}]
        template = {"metadata": {"labels": {"app": "kargo"}}, "spec": {"containers": containers}}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": "kargo"}}, "template": template}
        cluster.create(made("apps/v1", "Deployment", "kargo-controller", "kargo", labels={"app.kubernetes.io/name": "kargo"}, spec=spec))

        # Kargo has found the image again, and somebody has changed a stage since.
        (found,) = recorded("freight in all three stages")
        cluster.create(
            {**found, "metadata": {"name": FREIGHT, "namespace": PROJECT}, "alias": "other-name", "discoveredAt": "2026-12-01T00:00:00Z"}
        )
        steps = {"promotionTemplate": {"spec": {"steps": [{"uses": "fail", "config": {"message": "not now"}}]}}}
        cluster.patch(stage("live"), {"spec": steps})

        code, printed = restoring(capsys, empty, desk, backup.path)
        assert code == 1
        assert "nothing was restored" in printed
        assert f"Stage {PROJECT}/live: spec" in printed
        assert f"Secret local-cicd/{RECORD}: data: {PASSWORD}" in printed
        assert "--overwrite" in printed
        assert not there(cluster, freight()).get("status")

        code, printed = restoring(capsys, empty, desk, backup.path, "--keep")
        assert code == 0, printed
        assert there(cluster, password())["data"][PASSWORD] == fresh
        assert there(cluster, freight())["status"]["verifiedIn"]
        assert there(cluster, stage("live"))["status"]["freightHistory"]
        assert there(cluster, stage("live"))["spec"]["promotionTemplate"] == steps["promotionTemplate"]
        assert cluster.list(KARGO, "Promotion", namespace=PROJECT) == []
        assert "Kargo runs, and would promote it again" in printed
        assert cluster.list("v1", "ConfigMap", namespace="local-cicd", labels={"local-cicd.dev/break-glass-archive": None})

        code, printed = restoring(capsys, empty, desk, backup.path, "--overwrite")
        assert code == 0, printed
        assert there(cluster, password())["data"][PASSWORD] != fresh
        for each in (fresh, there(cluster, password())["data"][PASSWORD]):
            assert base64.b64decode(each).decode() not in printed


def test_a_dry_run_changes_nothing(empty: ControlPlane, desk: Desk, backup: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    """And its exit code says that there is something to do."""
    code, printed = restoring(capsys, empty, desk, backup.path, "--dry-run")
    assert code == 2
    assert "create    Stage in shop-cd: beta, live, paper" in printed
    assert "nothing was restored" in printed
    with connected(empty) as cluster:
        assert cluster.get(Ref(api_version="v1", kind="Namespace", name="local-cicd")) is None


def test_a_refusal_in_the_middle_is_told_and_can_be_continued(
    empty: ControlPlane, desk: Desk, backup: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the API server says, how far it was, and that running it again goes on."""
    desk.restore(empty, backup.path, only="CustomResourceDefinition")
    policy = refusing_stages()
    with connected(empty) as cluster:
        for each in policy:
            cluster.create(each)
        wait(lambda: refuses(cluster))
        code, printed = restoring(capsys, empty, desk, backup.path)
        assert code == 1
        assert "no stages today" in printed
        assert "are back: run it again to go on" in printed
        for each in policy:
            cluster.delete(Ref(api_version=each["apiVersion"], kind=each["kind"], name=each["metadata"]["name"]))
        wait(lambda: not refuses(cluster))
    desk.restore(empty, backup.path)
    with connected(empty) as cluster:
        assert there(cluster, stage("live"))["status"]["freightHistory"]


def refuses(cluster: Cluster) -> bool:
    """Ask whether a Stage would be refused."""
    probe = made(KARGO, "Stage", "probe", "default", spec=recorded("stages")[0]["spec"])
    try:
        cluster.create(probe, dry_run=True)
    except BootstrapError as error:
        return "no stages today" in f"{error.message} {' '.join(error.details)}"
    return False


def test_another_platform_is_refused(
    empty: ControlPlane, backup: Archive, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its stages and secrets would be mixed with those of this one."""
    other = Desk.made(tmp_path / "other", name="other")
    code, printed = run(
        capsys, "restore", backup.path, "-f", other.file, "--kubeconfig", empty.admin_kubeconfig, "--identity", desk.identity, "--yes"
    )
    assert code == 1
    # The path of the backup decides where its lines end.
    assert "is of the platform local-cicd (namespace local-cicd)" in " ".join(printed.split())


def test_no_secret_is_shown_or_written_in_clear(
    origin: ControlPlane, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in the files, nor in what is printed."""
    code, printed = run(capsys, "backup", "-f", desk.file, "--kubeconfig", origin.admin_kubeconfig, "-o", tmp_path / "backups")
    assert code == 0, printed
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    with connected(origin) as cluster:
        known = base64.b64decode(there(cluster, password())["data"][PASSWORD]).decode()
    for each in (known, OTHER_PASSWORD):
        for form in (each, base64.b64encode(each.encode()).decode()):
            assert form not in printed
            assert form.encode() not in written


def test_without_a_recipient_no_secret_is_read(origin: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And each run says so."""
    desk = Desk.made(tmp_path / "desk", backup={})
    code, printed = run(capsys, "backup", "-f", desk.file, "--kubeconfig", origin.admin_kubeconfig, "-o", tmp_path / "a.tgz", "--json")
    assert code == 0, printed
    assert "no secret was exported: there is no public key to encrypt it for" in printed
    made_of = archives.read(tmp_path / "a.tgz").index
    assert not [entry for entry in made_of.entries if entry.is_sealed or (entry.ref and entry.ref.kind == "Secret")]
    assert json.loads(printed[printed.index("{") : printed.rindex("}") + 1])["secrets"] is False

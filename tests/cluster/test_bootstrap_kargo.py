"""Kargo on a real API server, its chart replaced by one that writes down its values: account, restarts, webhooks."""

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from bootstrap.components.kargo.account import HASH, PASSWORD, SIGNING_KEY
from bootstrap.components.kargo.component import Kargo
from bootstrap.core.change import Action, State
from bootstrap.core.cluster import Cluster
from bootstrap.core.errors import WaitError
from bootstrap.core.objects import Manifest, Ref
from devtools.controlplane import ControlPlane
from devtools.platform.chart_files import ChartFiles
from devtools.platform.run import Run
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import there, version

VALUES_SEEN = """
apiVersion: v1
kind: ConfigMap
metadata: {name: values-seen}
data: {values: {{ .Values | toJson | quote }}}
"""
PARTS = Parts(parts=lambda context: Kargo().resources(context), name="kargo", title="Kargo")
WEBHOOKS = "admissionregistration.k8s.io/v1"


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """Write the chart."""
    return ChartFiles(folder=tmp_path, name="kargo", version="1.11.2", templates={"values.yaml": VALUES_SEEN}).write()


def runner(plane: ControlPlane, namespace: str, chart: Path, **more: Any) -> Runner:  # noqa: ANN401  keys of platform.yaml
    """Run on a platform whose Kargo is in a namespace of this test's own."""
    kargo = {"chart": {"source": str(chart), "namespace": namespace, "release": "kargo"}, **more.pop("kargo", {})}
    return Runner(plane=plane, platform=a_platform(namespace, kargo=kargo, **more))


def up(wanted: Runner) -> Run:
    """Run `up` and return the run, closed."""
    with wanted.engine(PARTS) as run:
        run.engine.up()
    return run


def releases(cluster: Cluster, namespace: str) -> list[Manifest]:
    """Return Helm's own records of the release, one for each revision, unpacked."""
    found = cluster.list("v1", "Secret", namespace=namespace, labels={"owner": "helm"})
    return [json.loads(gzip.decompress(base64.b64decode(base64.b64decode(each["data"]["release"])))) for each in found]


def account_secret(namespace: str) -> Ref:
    """Return which Secret Kargo reads."""
    return Ref(api_version="v1", kind="Secret", name="kargo-admin-account", namespace=namespace)


def test_the_account_is_made_once_and_a_second_run_does_nothing(control_plane: ControlPlane, namespace: str, chart: Path) -> None:
    """Another bcrypt hash of the same password would be another revision, and a restart, with each run."""
    wanted = runner(control_plane, namespace, chart)
    up(wanted)
    with wanted.engine(PARTS) as run:
        first = run.context.records.read("kargo")
        assert bcrypt.checkpw(first[PASSWORD].encode(), first[HASH].encode())
        before = version(run.cluster, account_secret(namespace))
        assert {state.state for component in run.engine.status().components for _, state in component.rows} == {State.READY}
        assert run.engine.up().exit_code == 0
        assert run.context.records.read("kargo") == first
        assert version(run.cluster, account_secret(namespace)) == before
        assert len(releases(run.cluster, namespace)) == 1


def test_a_new_password_takes_one_run_and_restarts_kargo(
    control_plane: ControlPlane, namespace: str, chart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Record, Secret and release follow; the key that signs tokens stays, so that nobody else is logged out."""
    up(runner(control_plane, namespace, chart))
    monkeypatch.setenv("KARGO_PASSWORD", "a-password-of-my-own")
    wanted = runner(control_plane, namespace, chart, kargo={"admin_password": {"env": "KARGO_PASSWORD"}})
    with wanted.engine(PARTS) as run:
        before = run.context.records.read("kargo")
        plan = run.engine.up()
        assert [(change.resource, change.action) for change in plan.changes] == [("Secret of record kargo", Action.ROTATE)]
        assert {later.resource for later in plan.later} == {f"Secret {namespace}/kargo-admin-account", f"Helm release {namespace}/kargo"}
        after = run.context.records.read("kargo")
        assert bcrypt.checkpw(b"a-password-of-my-own", after[HASH].encode())
        assert after[SIGNING_KEY] == before[SIGNING_KEY]
        data = there(run.cluster, account_secret(namespace))["data"]
        assert base64.b64decode(data["ADMIN_ACCOUNT_PASSWORD_HASH"]).decode() == after[HASH]
        revisions = releases(run.cluster, namespace)
        digests = [each["config"]["api"]["podAnnotations"]["local-cicd.dev/account"] for each in revisions]
        assert len(digests) == len(set(digests)) == 2
        assert run.engine.up().exit_code == 0
        assert "a-password-of-my-own" not in run.printed


def test_no_secret_is_in_helms_records_nor_in_what_is_printed(control_plane: ControlPlane, namespace: str, chart: Path) -> None:
    """Neither in clear nor in base64."""
    run = up(runner(control_plane, namespace, chart))
    with runner(control_plane, namespace, chart).engine() as reader:
        values = reader.context.records.read("kargo").values()
        texts = [run.printed, *map(json.dumps, releases(reader.cluster, namespace))]
    for secret in values:
        for form in (secret, base64.b64encode(secret.encode()).decode()):
            assert not [text for text in texts if form in text]


@pytest.fixture
def unanswered(control_plane: ControlPlane) -> Iterator[Ref]:
    """Register a webhook that nobody answers, for the one name that bootstrap asks about."""
    ref = Ref(api_version=WEBHOOKS, kind="ValidatingWebhookConfiguration", name="kargo-is-starting")
    probe = {
        "name": "project.kargo.akuity.io",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 1,
        "clientConfig": {"service": {"namespace": "kargo", "name": "kargo-webhooks-server", "path": "/validate"}},
        "rules": [{"apiGroups": ["kargo.akuity.io"], "apiVersions": ["v1alpha1"], "resources": ["projects"], "operations": ["CREATE"]}],
        "matchConditions": [{"name": "probe", "expression": "object.metadata.name == 'local-cicd-probe'"}],
    }
    with Runner(plane=control_plane).engine() as run:
        run.cluster.apply({"apiVersion": ref.api_version, "kind": ref.kind, "metadata": {"name": ref.name}, "webhooks": [probe]})
        yield ref
        run.cluster.delete(ref)


def test_kargo_is_there_when_its_webhooks_answer(control_plane: ControlPlane, namespace: str, chart: Path, unanswered: Ref) -> None:
    """Its pods are ready a moment before; the next component would be refused. What the API server says is what a person reads."""
    short = runner(control_plane, namespace, chart, timeouts={"ready": "2s", "deleted": "60s"})
    # The API server notices a new webhook a moment after it was registered.
    for _ in range(10):
        with short.engine(PARTS) as run:
            try:
                run.engine.up()
            except WaitError as error:
                caught = error
                break
    assert "Kargo's admission webhook was not in order" in caught.message
    assert "failed calling webhook" in caught.message
    assert "kargo-webhooks-server" in str(caught.hint)
    with short.engine(PARTS) as run:
        run.cluster.delete(unanswered)
    up(runner(control_plane, namespace, chart))
    with short.engine() as run:
        projects = run.cluster.list("kargo.akuity.io/v1alpha1", "Project")
    assert "local-cicd-probe" not in {each["metadata"]["name"] for each in projects}


def test_down_keeps_the_account_and_up_uses_it_again(control_plane: ControlPlane, namespace: str, chart: Path) -> None:
    """Whoever knows the password can log in afterwards."""
    wanted = runner(control_plane, namespace, chart)
    up(wanted)
    with wanted.engine(PARTS) as run:
        before = run.context.records.read("kargo")
        teardown = run.engine.down()
        assert [each.resource for each in teardown.removals if each.kept] == ["Secret of record kargo"]
        assert run.cluster.get(account_secret(namespace)) is None
        assert releases(run.cluster, namespace) == []
    up(wanted)
    with wanted.engine(PARTS) as run:
        assert run.context.records.read("kargo") == before

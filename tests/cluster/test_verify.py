"""`bootstrap verify` on a platform that runs: each row holds, each one is made to fail, and the remedy is read."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import trustme

from bootstrap.break_glass.policy import API_VERSION as ADMISSION
from bootstrap.break_glass.policy import policy_name
from bootstrap.break_glass.record import LABEL
from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.results.result import Outcome
from bootstrap.verify.rows import AFTER_DOWN, GATE, LIVE
from devtools.platform.clone import git
from devtools.platform.status_writer import ARGO_CD, KARGO, condition, seen
from tests.support.break_glass import record
from tests.support.gate_process import FREEZE, OTHERWISE_OPEN
from tests.support.live_platform import LivePlatform, found_now
from tests.support.processes import wait_for

PUSHED: dict[str, Any] = {"agreed": True}
# Times that a row is looked at until what was changed has come through: controllers take a moment.
_LOOKS = 60
SYNC = {"phase": "Failed", "message": "helm: nil pointer", "operation": {}, "startedAt": "2026-11-23T10:00:00Z"}
_WORDS = "the order book loses fills, a hotfix can't wait"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePlatform]:
    """Bring the platform of the example up."""
    with LivePlatform.start(tmp_path_factory.mktemp("verify")) as running:
        yield running


@contextmanager
def cluster(live: LivePlatform) -> Iterator[Cluster]:
    """Reach the cluster as who may do everything."""
    with Cluster(Connection.find(kubeconfig=live.world.kubeconfig)) as connected:
        yield connected


@contextmanager
def patched(live: LivePlatform, ref: Ref, patch: Manifest, back: Manifest) -> Iterator[None]:
    """Change an object by hand, and change it back."""
    with cluster(live) as hand:
        hand.patch(ref, patch)
        yield
        hand.patch(ref, back)


@contextmanager
def there(live: LivePlatform, manifest: Manifest) -> Iterator[None]:
    """Put an object into the cluster, and take it away."""
    with cluster(live) as hand:
        hand.create(manifest)
        yield
        hand.delete(ref_of(manifest))


@contextmanager
def away(live: LivePlatform, ref: Ref) -> Iterator[None]:
    """Take an object out of the cluster, and bring it back."""
    with cluster(live) as hand:
        found = hand.get(ref)
        assert found is not None
        hand.delete(ref)
        yield
        metadata = {key: found["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in found["metadata"]}
        hand.create({**{key: value for key, value in found.items() if key != "status"}, "metadata": metadata})


@contextmanager
def gitea_down(live: LivePlatform) -> Iterator[None]:
    """Stop Gitea."""
    live.world.gitea.stop()
    yield
    live.world.gitea.start()


@contextmanager
def without_branch(live: LivePlatform) -> Iterator[None]:
    """Delete a branch that an Application follows."""
    (repository,) = live.world.gitea.world.repositories.values()
    head = repository.bare.head("stage/paper")
    assert head
    repository.bare.delete_branch("stage/paper")
    yield
    repository.bare.set_branch("stage/paper", head)


@contextmanager
def agents_without_a_node(live: LivePlatform) -> Iterator[None]:
    """Ask for a node that there is not; a pod that waits for it has to go afterwards, which no StatefulSet does by itself."""
    ref = Ref(api_version="apps/v1", kind="StatefulSet", name="woodpecker-agent", namespace="woodpecker")
    with patched(live, ref, *({"spec": {"template": {"spec": {"nodeSelector": value}}}} for value in ({"disk": "gone"}, None))):
        yield
    with cluster(live) as hand:
        hand.delete(Ref(api_version="v1", kind="Pod", name="woodpecker-agent-1", namespace="woodpecker"))


@contextmanager
def sick_database(live: LivePlatform) -> Iterator[None]:
    """Let Woodpecker lose its database."""
    faults = live.world.woodpecker.world.faults
    faults.answers["health"] = (500, "database is locked", -1)
    yield
    faults.answers.clear()


@contextmanager
def another_version(live: LivePlatform) -> Iterator[None]:
    """Let Woodpecker be another version than is wanted."""
    world = live.world.woodpecker.world
    version, world.version = world.version, "3.16.0"
    yield
    world.version = version


@contextmanager
def other_application(live: LivePlatform) -> Iterator[None]:
    """Change where Gitea's OAuth2 application leads to."""
    (application,) = live.world.gitea.world.applications
    kept, application.redirect_uris = application.redirect_uris, ["https://elsewhere.example.lan/authorize"]
    yield
    application.redirect_uris = kept


@contextmanager
def no_ingress(live: LivePlatform) -> Iterator[None]:
    """Let the ingress controller know nothing of Argo CD."""
    live.argo_cd = 404
    yield
    live.argo_cd = 200


def says(kind: str, *conditions: dict[str, Any], **more: Any) -> Callable[[LivePlatform], AbstractContextManager[None]]:  # noqa: ANN401  of a status
    """Let a controller say something else."""

    @contextmanager
    def said(live: LivePlatform) -> Iterator[None]:
        writer = live.world.writer
        writer.says(kind, lambda each: {**seen(each, *conditions), **more})
        yield
        # What is written is merged: what was there only now is taken away.
        keys = (*more, "conditions")
        writer.says(kind, lambda _: dict.fromkeys(keys))
        api_version = ARGO_CD if kind == "Application" else KARGO
        with cluster(live) as hand:
            assert wait_for(lambda: not any(key in (each.get("status") or {}) for each in hand.list(api_version, kind) for key in keys))
        writer.forget()
        writer.says("Warehouse", found_now(datetime.now(UTC)))

    return said


@contextmanager
def cascading(live: LivePlatform) -> Iterator[None]:
    """Let deleting an Application delete what runs."""
    ref = Ref(api_version="argoproj.io/v1alpha1", kind="Application", name="stonks-live", namespace="argocd")
    held = {"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}}
    with patched(live, ref, held, {"metadata": {"finalizers": None}}):
        yield


@contextmanager
def elsewhere(live: LivePlatform) -> Iterator[None]:
    """Let an Application read GitHub."""
    ref = Ref(api_version="argoproj.io/v1alpha1", kind="Application", name="stonks-beta", namespace="argocd")
    with cluster(live) as hand:
        source = (hand.get(ref) or {})["spec"]["source"]["repoURL"]
    patches = ({"spec": {"source": {"repoURL": url}}} for url in ("https://github.com/celesrenata/stonks-oracle.git", source))
    with patched(live, ref, *patches):
        yield


@contextmanager
def registry_elsewhere(live: LivePlatform) -> Iterator[None]:
    """Look for the registry where nobody listens."""

    def edit(document: dict[str, Any]) -> None:
        document["registry"]["bootstrap_url"] = "http://127.0.0.1:9"

    live.world.describe(edit)
    yield
    live.world.describe()


@contextmanager
def ends_soon(live: LivePlatform) -> Iterator[None]:
    """Let no certificate have been renewed."""
    metadata = {"name": "woodpecker-tls", "namespace": "woodpecker"}
    spec = {
        "secretName": "woodpecker-tls",
        "dnsNames": ["stonks-ci.celestium.life"],
        "issuerRef": {"name": "ca-issuer", "kind": "ClusterIssuer"},
    }
    live.names.shows(left=timedelta(days=10, hours=1))
    with there(live, {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": metadata, "spec": spec}):
        yield
    live.names.shows()


@contextmanager
def ended(live: LivePlatform) -> Iterator[None]:
    """Let all certificates have ended."""
    live.names.shows(left=timedelta(days=-1))
    yield
    live.names.shows()


@contextmanager
def other_authority(live: LivePlatform) -> Iterator[None]:
    """Let another CA have signed them."""
    live.names.shows(authority=trustme.CA())
    yield
    live.names.shows()


@contextmanager
def not_retained(live: LivePlatform) -> Iterator[None]:
    """Let a volume be deleted with its claim."""
    ref = Ref(api_version="v1", kind="PersistentVolume", name="pipeline-kargo-pv")
    with patched(live, ref, *({"spec": {"persistentVolumeReclaimPolicy": policy}} for policy in ("Delete", "Retain"))):
        yield


@contextmanager
def arc_is_back(live: LivePlatform) -> Iterator[None]:
    """Let somebody have installed the runners again."""
    with there(live, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "arc-system"}}):
        yield


@contextmanager
def gate_with(live: LivePlatform, *windows: dict[str, str]) -> Iterator[None]:
    """Give the gate other windows."""
    live.gate.kill()
    live.gate.start(*windows)
    yield
    live.gate.kill()
    live.gate.start()


@contextmanager
def gate_dead(live: LivePlatform) -> Iterator[None]:
    """Kill the gate."""
    live.gate.kill()
    yield
    live.gate.start()


def lying(**answer: Any) -> Callable[[LivePlatform], AbstractContextManager[None]]:  # noqa: ANN401  of the gate's answer
    """Let the gate say something else."""

    @contextmanager
    def lie(live: LivePlatform) -> Iterator[None]:
        live.lie = lambda said: {**said, **answer}
        yield
        live.lie = lambda said: said

    return lie


@contextmanager
def no_policy(live: LivePlatform) -> Iterator[None]:
    """Let records be whatever somebody writes."""
    ref = Ref(api_version=ADMISSION, kind="ValidatingAdmissionPolicyBinding", name=policy_name("local-cicd"))
    with away(live, ref):
        yield


@contextmanager
def garbage(live: LivePlatform) -> Iterator[None]:
    """Let somebody have written a record while there was no policy; nobody may delete it while there is one."""
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "forged", "namespace": "local-cicd", "labels": {LABEL: "true"}}}
    with no_policy(live):
        eventually(live, "break-glass", "anybody could write a record")
        with there(live, made):
            yield


BROKEN: list[tuple[str, Callable[[LivePlatform], AbstractContextManager[None]], Outcome, str, str]] = [
    ("gitea", gitea_down, Outcome.FAILED, "it does not answer", "kubectl -n git-server logs deployment/gitea --tail 50"),
    ("repository", without_branch, Outcome.FAILED, "it has no stage/paper: nothing can be deployed there", "bootstrap up"),
    ("woodpecker", agents_without_a_node, Outcome.FAILED, "no node takes it", "kubectl -n woodpecker describe pod woodpecker-agent-"),
    ("dashboard", sick_database, Outcome.FAILED, "its database is not (it says: database is locked)", "see whether the volume"),
    ("dashboard", another_version, Outcome.WARNING, "it runs 3.16.0, and platform.yaml says v3.17.0", "bootstrap plan"),
    ("login", other_application, Outcome.FAILED, "Unregistered Redirect URI", "run `bootstrap up`"),
    ("argocd", no_ingress, Outcome.FAILED, "it answered 404", "kubectl -n argocd get pods,ingress"),
    ("sync", elsewhere, Outcome.FAILED, "it syncs from https://github.com/celesrenata/stonks-oracle.git", "bootstrap up"),
    (
        "sync",
        says("Application", condition("ComparisonError", message="authentication required")),
        Outcome.FAILED,
        "Argo CD can't read the repository: authentication required, since",
        "kubectl -n argocd describe application stonks-",
    ),
    (
        "sync",
        says("Application", sync={"status": "Synced"}, health={"status": "Degraded", "message": "0 of 1 pods"}),
        Outcome.WARNING,
        "what it has deployed is Degraded: 0 of 1 pods",
        "kubectl -n stonks-beta get pods",
    ),
    (
        "sync",
        says("Application", sync={"status": "OutOfSync"}, operationState=SYNC),
        Outcome.FAILED,
        "its last sync has failed: helm: nil pointer",
        "put the chart right and push",
    ),
    (
        "warehouse",
        says("Warehouse", condition("Ready", status="False", message="x509: unknown authority")),
        Outcome.FAILED,
        "Kargo can't read the registry: x509: unknown authority, since",
        "kubectl -n stonks-oracle-cd describe warehouse stonks-images",
    ),
    (
        "warehouse",
        says("Warehouse", condition("Ready"), discoveredArtifacts={"discoveredAt": "2026-01-01T00:00:00Z", "images": []}),
        Outcome.FAILED,
        "Kargo has not looked at the registry for",
        "rollout restart deployment kargo-controller",
    ),
    ("registry", registry_elsewhere, Outcome.FAILED, "can't reach", "registry.bootstrap_url"),
    ("certificates", ends_soon, Outcome.WARNING, "its certificate ends in 10d", "cmctl renew -n woodpecker"),
    ("certificates", ended, Outcome.FAILED, "its certificate is refused: certificate has expired", "kubectl get certificates -A"),
    (
        "certificates",
        other_authority,
        Outcome.FAILED,
        "its certificate is refused",
        "is it signed by the CA that `ca` of platform.yaml names?",
    ),
    ("volumes", not_retained, Outcome.FAILED, "its data would be deleted with its claim", "bootstrap up sets it to Retain"),
    ("arc", arc_is_back, Outcome.FAILED, "is still there, with 0 pods, since", "bootstrap up removes it"),
    ("teardown", not_retained, Outcome.FAILED, "would not be retained", "`bootstrap up` sets it to Retain"),
    ("teardown", cascading, Outcome.WARNING, "whoever deletes it by hand deletes what runs in stonks-oracle", "bootstrap up takes it away"),
    ("market-block", lying(would_allow=True), Outcome.FAILED, "it lets promotions through at", "bootstrap up gives it that"),
    ("market-block", lying(market={"state": "closed"}), Outcome.FAILED, "it says of none of the next 14 days", "holidays"),
    ("market-block", gate_dead, Outcome.FAILED, "the gate does not answer (503", "kubectl -n local-cicd get pods"),
    ("market-allow", lying(would_allow=False), Outcome.FAILED, "it holds promotions back at", "bootstrap up gives it that"),
    ("market-allow", gate_dead, Outcome.FAILED, "the gate does not answer (503", "kubectl -n local-cicd get pods"),
    ("break-glass", no_policy, Outcome.FAILED, "anybody could write a record", "bootstrap up puts the policy in force again"),
    (
        "break-glass",
        lying(records={"source": "unreachable", "age_s": 700.0, "unreachable_since": "2026-11-23T10:00:00-05:00"}),
        Outcome.FAILED,
        "a new break-glass would open nothing, since",
        "bootstrap up gives it the right",
    ),
    ("audit", garbage, Outcome.FAILED, "it has the label of a record and is none", "keep a copy for the audit"),
]


def eventually(live: LivePlatform, name: str, *texts: str, **fields: Any) -> Any:  # noqa: ANN401  of the scene; a result
    """Look at a row until it says all of this, with line breaks taken out."""
    said = ""
    for _ in range(_LOOKS):
        result = live.verify(name, **fields)[name]
        said = " ".join(live.printed.split())
        if all(text in said for text in texts):
            return result
    raise AssertionError(f"{texts} is not in:\n{live.printed}")


def test_there_are_the_rows_of_the_design() -> None:
    """Fifteen and four, each with a name and a title of its own."""
    assert (len(LIVE), len(GATE)) == (15, 4)
    rows = (*LIVE, *GATE)
    assert len({row.name for row in rows}) == len({row.title for row in rows}) == 19


def test_a_platform_that_is_in_order_is_called_so(live: LivePlatform) -> None:
    """Nothing fails, nothing is changed, and the rows that push say why they do not."""
    (repository,) = live.world.gitea.world.repositories.values()
    before = repository.bare.refs()
    results = live.verify()
    assert [name for name, result in results.items() if result.outcome is Outcome.FAILED] == [], live.printed
    assert {name for name, result in results.items() if result.outcome is Outcome.SKIPPED} == {"pipeline", "promotion"}
    assert "run it in a terminal, or with --yes" in " ".join(live.printed.split())
    assert repository.bare.refs() == before
    assert live.mutations == 0
    assert len(live.printed.splitlines()) < 50, "more than a screen"


@pytest.mark.parametrize(("name", "broken", "outcome", "problem", "remedy"), BROKEN, ids=[f"{row[0]}-{row[3][:24]}" for row in BROKEN])
def test_what_is_broken_is_told_with_a_remedy(
    live: LivePlatform,
    name: str,
    broken: Callable[[LivePlatform], AbstractContextManager[None]],
    outcome: Outcome,
    problem: str,
    remedy: str,
) -> None:
    """The row fails while it is broken, and holds again afterwards."""
    with broken(live):
        assert eventually(live, name, problem, remedy).outcome is outcome
    for _ in range(_LOOKS):
        result = live.verify(name)[name]
        if not any(problem in each.text for each in result.findings):
            return
    raise AssertionError(f"{name} does not hold again:\n{live.printed}")


def test_a_commit_is_followed_to_the_first_stage(live: LivePlatform) -> None:
    """It is empty, it is the one that was built, and what stays of it is told."""
    live.builder.well()
    results = live.verify("promotion", **PUSHED)
    (repository,) = live.world.gitea.world.repositories.values()
    head = repository.bare.head("main")
    assert head == live.builder.built[-1]
    assert results["promotion"].outcome is Outcome.OK, live.printed
    assert f"{head[:12]} runs in beta" in results["promotion"].looked_at
    assert f"What stays: the empty commit {head[:12]} on main" in live.printed
    assert repository.bare._git("diff-tree", "--no-commit-id", "-r", head) == ""


def test_with_promote_it_goes_to_the_last_stage(live: LivePlatform) -> None:
    """Through paper, and by hand to live."""
    live.builder.well()
    with gate_with(live, OTHERWISE_OPEN):
        results = live.verify("promotion", to_the_end=True, **PUSHED)
    assert "runs in beta, paper, live" in results["promotion"].looked_at, live.printed


def test_a_closed_gate_is_no_failure(live: LivePlatform) -> None:
    """It does what it is there for; nothing waits for hours."""
    live.builder.well()
    with gate_with(live, FREEZE):
        result = live.verify("promotion", to_the_end=True, **PUSHED)["promotion"]
    assert result.outcome is Outcome.OK, live.printed
    assert any("paper: the gate blocks it now, as it should" in each and "it goes on by itself" in each for each in result.unseen)


@pytest.mark.parametrize(
    ("row", "wrong", "problem", "remedy"),
    [
        (
            "pipeline",
            {"pipeline": "failure"},
            "step hello has failed: exit code 2",
            "its log: https://stonks-ci.celestium.life/repos/1/pipeline/",
        ),
        ("pipeline", {"pipeline": "killed"}, "somebody has pushed a newer commit", "run it again when nobody pushes"),
        ("pipeline", {"pipeline": ""}, "no pipeline has started", "settings/hooks; `bootstrap up` repairs it"),
        ("pipeline", {"pipeline": "blocked"}, "it waits for somebody's approval", "/pipeline/"),
        ("pipeline", {"images": False}, "stonks-oracle/query-api:", "the step that pushes images"),
        ("promotion", {"freight": False}, "Kargo has made none yet", "Kargo makes Freight of the newest only"),
        ("promotion", {"promotion": "Errored"}, "Argo CD could not sync", "kubectl -n stonks-oracle-cd describe promotion beta."),
        ("promotion", {"promotion": "none"}, "Kargo has not begun to promote to beta", "describe stage beta"),
        ("promotion", {"runs": False}, "no workload in stonks-beta has an image of it", "the chart does not use `image.tag`"),
    ],
)
def test_where_a_commit_gets_stuck_is_told(live: LivePlatform, row: str, wrong: dict[str, Any], problem: str, remedy: str) -> None:
    """With the place to look at."""
    live.builder.well()
    for key, value in wrong.items():
        setattr(live.builder, key, value)
    result = live.verify(row, patience=4.0, **PUSHED)[row]
    live.builder.well()
    said = " ".join(live.printed.split())
    assert result.outcome is Outcome.FAILED, live.printed
    assert problem in said
    assert remedy in said


def test_where_the_filters_allow_it_the_pipeline_is_tried_on_a_branch_of_its_own(live: LivePlatform, tmp_path: Path) -> None:
    """Which is gone afterwards, and main stays where it was."""
    live.builder.well()
    (repository,) = live.world.gitea.world.repositories.values()
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(repository.bare.folder), str(clone))
    step = "{name: images, image: registry.example.lan/local-cicd/registry-push:1}"
    pipeline = f"when: {{event: push, branch: [main, 'verify/*']}}\nsteps: [{step}]\n"
    (clone / ".woodpecker.yml").write_text(pipeline, encoding="utf-8")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message=a pipeline")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    head = repository.bare.head("main")
    result = live.verify("pipeline", promotes=False, **PUSHED)["pipeline"]
    assert result.outcome is Outcome.OK, live.printed
    assert re.search(r"pushed \w{12} to verify/\w{8} ", live.printed)
    assert repository.bare.head("main") == head
    assert [name for name in repository.bare.refs() if "verify" in name] == []


def test_a_real_record_is_seen_by_all(live: LivePlatform) -> None:
    """The gate honours it, and it can't be changed; it stays for ever, so this comes behind the others."""
    wanted = record("break-glass-live-1", {**_data(), "operator": "admin"}, namespace="local-cicd")
    with cluster(live) as hand:
        hand.create(wanted)
    assert "1 record" in eventually(live, "break-glass", "1 record").looked_at
    assert "the last by admin for live" in live.verify("audit")["audit"].looked_at
    with no_policy(live):
        result = eventually(live, "audit", "its label can be changed afterwards", "bootstrap up puts the policy in force again")
        assert result.outcome is Outcome.FAILED


def test_the_command_writes_json_and_junit(live: LivePlatform, tmp_path: Path) -> None:
    """Here, where no name resolves and no pod answers, it ends with 1; what it could see is in order."""
    junit = tmp_path / "verify.xml"
    done = live.world.command_line.run("verify", "--json", "--junit", str(junit), "--only", "gitea,volumes,arc,argocd")
    document = json.loads(done.stdout)
    outcomes = {check["name"]: check["outcome"] for check in document["checks"]}
    assert outcomes == {"gitea": "ok", "argocd": "failed", "volumes": "ok", "arc": "ok"}, done.stdout
    assert (done.code, document["outcome"], document["left_behind"]) == (1, "failed", [])
    assert all(check["how"] for check in document["checks"])
    assert next(ET.fromstring(junit.read_text()).iter("testcase")).get("name") == "Gitea accessible"
    assert live.world.command_line.run("verify", "--only", "gitea", "--only", "volumes").code == 0


def test_a_gate_without_a_network_is_told(live: LivePlatform) -> None:
    """The real API server says what it can't reach."""
    done = live.world.command_line.run("verify", "--only", "market-block")
    assert done.code == 1
    assert "market-gate" in done.stdout
    assert "hint:" in done.stdout


def test_an_unknown_row_is_told(live: LivePlatform) -> None:
    """With the one that was meant."""
    done = live.world.command_line.run("verify", "--only", "gitae")
    assert done.code == 1
    assert 'there is no check "gitae", did you mean "gitea"?' in done.stdout


def test_after_down_what_must_stay_is_there(live: LivePlatform) -> None:
    """Before it the rest is still there; after it a volume that is gone is told. Nothing can come behind this."""
    before = live.verify(rows=AFTER_DOWN)["teardown"]
    assert before.outcome is Outcome.FAILED
    assert "is still there" in live.printed
    assert live.world.command_line.run("down", "--yes").code == 0
    after = live.verify(rows=AFTER_DOWN)["teardown"]
    assert after.outcome is Outcome.OK, live.printed
    assert "3 volumes" in after.looked_at
    with cluster(live) as hand:
        hand.patch(Ref(api_version="v1", kind="PersistentVolume", name="pipeline-kargo-pv"), {"metadata": {"finalizers": None}})
        hand.delete(Ref(api_version="v1", kind="PersistentVolume", name="pipeline-kargo-pv"))
    lost = live.verify(rows=AFTER_DOWN)["teardown"]
    assert lost.outcome is Outcome.FAILED
    assert "its data lie on 192.168.42.8:/volume1/Kubernetes/pipelines/kargo" in " ".join(live.printed.split())


def _data() -> dict[str, str]:
    expires = (datetime.now(UTC) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"project": "stonks-oracle-cd", "stage": "live", "justification": _WORDS, "expires": expires}

"""What Argo CD is told of a project, and when it counts as being in order."""

import base64
from typing import Any

import pytest
import yaml

from bootstrap.components.project_argo_cd.application import ApplicationResource, judge
from bootstrap.components.project_argo_cd.component import ProjectArgoCd
from bootstrap.core.change import State
from bootstrap.core.objects import Manifest
from bootstrap.core.resource import Awaited, Resource
from devtools.paths import ROOT
from tests.support.bootstrap_run import a_platform
from tests.support.projects import GITEA, shop
from tests.support.still_cluster import StillCluster, manifest_of, record

VERIFIED = ROOT / "tests/data/kargo/stages-verified.yaml"
PASSWORD = "the-password-of-gitea"
URL = "http://gitea.example.lan:3000/platform/shop.git"


def resources(*projects: dict[str, Any], known: bool = True, **platform: Any) -> list[Resource]:  # noqa: ANN401  keys of platform.yaml
    """Return what Argo CD gets of these projects."""
    there = [record(a_platform(), "gitea-admin", password=PASSWORD)] if known else []
    wanted = a_platform(**{"gitea": GITEA, "projects": list(projects), **platform})
    return list(ProjectArgoCd().resources(StillCluster(*there).context(wanted)))


def applications(found: list[Resource]) -> dict[str, Manifest]:
    """Return the Applications by name."""
    return {each.manifest["metadata"]["name"]: each.manifest for each in found if isinstance(each, ApplicationResource)}


def verified(kind: str) -> list[Manifest]:
    """Return what ran on a real Kargo."""
    return [each for each in yaml.safe_load_all(VERIFIED.read_text(encoding="utf-8")) if each["kind"] == kind]


def test_what_ran_on_a_real_kargo_is_what_lies_beside_the_repository() -> None:
    """The copy is not changed by hand."""
    theirs = ROOT.parent / "shared/specs/kargo/stages-verified.yaml"
    if not theirs.exists():
        pytest.skip(f"{theirs} is not there to compare with")
    assert VERIFIED.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("stage", ["beta", "paper", "live"])
def test_an_application_is_what_ran_on_a_real_kargo(stage: str) -> None:
    """But for the one option that makes the namespace."""
    (expected,) = [each for each in verified("Application") if each["metadata"]["name"] == f"shop-{stage}"]
    found = applications(resources(shop()))[f"shop-{stage}"]
    assert found["spec"].pop("syncPolicy") == {"syncOptions": ["CreateNamespace=true"]}
    assert found == expected


def test_nothing_deletes_what_runs() -> None:
    """Neither deleting an Application nor a sync."""
    for each in applications(resources(shop())).values():
        assert "finalizers" not in each["metadata"]
        assert "automated" not in each["spec"]["syncPolicy"]


def test_the_repository_is_the_one_that_applications_name() -> None:
    """To the character: Argo CD finds the login by it."""
    found = resources(shop())
    secret = manifest_of(found, "Secret argocd/repository-shop")
    assert secret["metadata"]["labels"] == {"argocd.argoproj.io/secret-type": "repository"}
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert data == {"type": "git", "url": URL, "username": "platform", "password": PASSWORD}
    assert {each["spec"]["source"]["repoURL"] for each in applications(found).values()} == {URL}


def test_the_login_is_waited_for() -> None:
    """On an empty cluster it is made by an earlier component."""
    (awaited,) = [each for each in resources(shop(), known=False) if isinstance(each, Awaited)]
    assert (awaited.label, awaited.reason) == ("Secret argocd/repository-shop", "Secret of record gitea-admin is there")


def test_a_password_of_the_persons_needs_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from where platform.yaml says."""
    monkeypatch.setenv("GITEA_PASSWORD", "set by hand")
    gitea = {**GITEA, "admin": {"name": "cd", "password": {"env": "GITEA_PASSWORD"}}}
    secret = manifest_of(resources(shop(), known=False, gitea=gitea), "Secret argocd/repository-shop")
    assert base64.b64decode(secret["data"]["password"]) == b"set by hand"
    assert base64.b64decode(secret["data"]["username"]) == b"cd"


def test_names_of_the_persons_own_are_taken() -> None:
    """Application, namespace, AppProject, values files and Kargo project."""
    stage = {"name": "live", "promotion": "auto", "namespace": "stonks", "application": "stonks-live", "values_files": ["values.yaml"]}
    project = shop(stages=[stage], kargo={"namespace": "stonks-promotion"})
    found = applications(resources(project, argo_cd={"project": "shops", "chart": {"namespace": "cd"}}))["stonks-live"]
    assert found["metadata"] == {
        "name": "stonks-live",
        "namespace": "cd",
        "annotations": {"kargo.akuity.io/authorized-stage": "stonks-promotion:live"},
    }
    assert (found["spec"]["project"], found["spec"]["destination"]["namespace"]) == ("shops", "stonks")
    assert found["spec"]["source"]["helm"] == {"valueFiles": ["values.yaml"]}


def test_a_second_project_changes_nothing_of_the_first() -> None:
    """Adding one only adds."""
    alone = {each.label: each for each in resources(shop())}
    both = {each.label: each for each in resources(shop(), shop("books"))}
    assert {label: both[label] for label in alone} == alone
    assert len(both) == 2 * len(alone)


def test_without_projects_there_is_nothing_to_do() -> None:
    """A platform may be installed before the first one."""
    assert not ProjectArgoCd().enabled(a_platform())


SOURCE = {"repoURL": URL, "path": "chart", "targetRevision": "stage/beta"}
COMPARED = {"status": "OutOfSync", "comparedTo": {"source": SOURCE}}


def seen(**status: Any) -> tuple[State, str]:  # noqa: ANN401  a status
    """Judge an Application of this status."""
    found = judge({"kind": "Application", "metadata": {"name": "shop-beta"}, "spec": {"source": SOURCE}, "status": status})
    return found.state, found.message


def error(message: str) -> list[dict[str, str]]:
    """Write the condition of a comparison that failed."""
    return [{"type": "ComparisonError", "message": message}]


def test_an_application_is_in_order_when_its_repository_was_read() -> None:
    """Before the first promotion it is OutOfSync and Missing, which is as it should be."""
    assert seen(sync=COMPARED, health={"status": "Missing"}) == (State.READY, "")
    assert seen(sync={**COMPARED, "status": "Synced"}, health={"status": "Healthy"}) == (State.READY, "")


def test_an_application_that_is_unwell_is_told_and_not_waited_for() -> None:
    """That is up to the application."""
    assert seen(sync=COMPARED, health={"status": "Degraded"}) == (State.READY, "the application is Degraded")


def test_an_application_that_was_not_looked_at_is_waited_for() -> None:
    """Argo CD is starting."""
    assert seen() == (State.PROGRESSING, "Argo CD has not looked at it yet")


@pytest.mark.parametrize("key", ["repoURL", "path", "targetRevision"])
def test_what_was_seen_of_an_earlier_source_does_not_count(key: str) -> None:
    """An Application that followed GitHub is Synced with GitHub."""
    state, said = seen(sync={"status": "Synced", "comparedTo": {"source": {**SOURCE, key: "https://github.com/x/y.git"}}})
    assert state is State.PROGRESSING
    assert "still compares" in said


@pytest.mark.parametrize(
    "message",
    [
        "Failed to load target state: rpc error: code = Unknown desc = failed to list refs: authentication required",
        "rpc error: code = Unknown desc = failed to list refs: dial tcp 10.0.0.1:3000: connect: connection refused",
        "failed to list refs: x509: certificate signed by unknown authority",
        "repository not found",
    ],
)
def test_a_repository_that_cannot_be_read_is_waited_for_and_told(message: str) -> None:
    """Wrong password, wrong CA, Gitea down: what Argo CD says is what a person reads at the end of the wait."""
    state, said = seen(sync={"status": "Unknown", "comparedTo": {"source": SOURCE}}, conditions=error(message))
    assert state is State.PROGRESSING
    assert said == f"Argo CD can't read the repository: {message}"


@pytest.mark.parametrize(
    "message",
    [
        "rpc error: code = Unknown desc = Unable to resolve 'stage/beta' to a commit SHA",
        "Manifest generation error (cached): infra/helm/shop: app path does not exist",
        "`helm template . --name-template shop-beta` failed exit status 1: Error: open values-beta.yaml: no such file or directory",
    ],
)
def test_a_repository_without_a_chart_is_told_and_not_waited_for(message: str) -> None:
    """It was read; the person pushes the chart when it is written."""
    state, said = seen(sync={"status": "Unknown", "comparedTo": {"source": SOURCE}}, conditions=error(message))
    assert state is State.READY
    assert said == f"nothing can be deployed yet: {message}"

"""What Kargo is told of a project."""

import base64
from datetime import timedelta
from typing import Any

import pytest
import yaml

from bootstrap.components.absent import Absent
from bootstrap.components.project_argo_cd.component import application
from bootstrap.components.project_kargo.component import ProjectKargo
from bootstrap.components.project_kargo.interval import go_duration
from bootstrap.components.project_kargo.token import record_name
from bootstrap.core.objects import Manifest
from bootstrap.core.record import RecordResource
from bootstrap.core.resource import Awaited, Resource
from devtools.paths import ROOT
from tests.support.bootstrap_run import a_platform
from tests.support.projects import GITEA, shop
from tests.support.still_cluster import StillCluster, record

VERIFIED = ROOT / "tests/data/kargo/stages-verified.yaml"
PASSWORD = "the-password-of-gitea"
URL = "http://gitea.example.lan:3000/platform/shop.git"
IMAGE = "registry.example.lan/shop/query-api"


def resources(*projects: dict[str, Any], objects: tuple[Manifest, ...] = (), known: bool = True, **platform: Any) -> list[Resource]:  # noqa: ANN401  keys of platform.yaml
    """Return what Kargo gets of these projects."""
    there = (record(a_platform(), "gitea-admin", password=PASSWORD),) if known else ()
    wanted = a_platform(**{"gitea": GITEA, "projects": list(projects), **platform})
    return list(ProjectKargo().resources(StillCluster(*there, *objects).context(wanted)))


def manifests(found: list[Resource]) -> dict[str, Manifest]:
    """Return all objects by label."""
    return {each.label: each.manifest for each in found if hasattr(each, "manifest")}


def verified(kind: str, name: str) -> Manifest:
    """Return what ran on a real Kargo, without the gate, which is another component's."""
    documents = yaml.safe_load_all(VERIFIED.read_text(encoding="utf-8"))
    (found,) = [each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    if kind == "Stage":
        template = found["spec"]["promotionTemplate"]["spec"]
        template["steps"] = [step for step in template["steps"] if step.get("as") != "gate"]
    return dict(found)


def spelt_out(node: Any, stage: str) -> Any:  # noqa: ANN401  any YAML
    """Return it with the name of the stage where Kargo would put it."""
    if isinstance(node, dict):
        return {key: spelt_out(value, stage) for key, value in node.items()}
    if isinstance(node, list):
        return [spelt_out(each, stage) for each in node]
    return node.replace("${{ ctx.stage }}", stage) if isinstance(node, str) else node


def decoded(manifest: Manifest) -> dict[str, str]:
    """Return the data of a Secret."""
    return {key: base64.b64decode(value).decode() for key, value in manifest["data"].items()}


@pytest.mark.parametrize("stage", ["beta", "paper", "live"])
def test_a_stage_is_what_ran_on_a_real_kargo(stage: str) -> None:
    """Step by step; names that it had made of an expression are written out here."""
    found = manifests(resources(shop()))[f"Stage shop-cd/{stage}"]
    assert spelt_out(found, stage) == spelt_out(verified("Stage", stage), stage)


@pytest.mark.parametrize(("kind", "name"), [("Project", "shop-cd"), ("ProjectConfig", "shop-cd"), ("Warehouse", "images")])
def test_the_rest_of_a_project_is_what_ran_on_a_real_kargo(kind: str, name: str) -> None:
    """To the last field."""
    label = f"{kind} {name}" if kind == "Project" else f"{kind} shop-cd/{name}"
    assert manifests(resources(shop()))[label] == verified(kind, name)


def test_the_login_is_found_by_the_address_that_stages_clone() -> None:
    """To the character."""
    found = manifests(resources(shop()))
    secret, expected = found["Secret shop-cd/git"], verified("Secret", "git")
    assert secret["metadata"] == expected["metadata"]
    assert decoded(secret) == {**expected["stringData"], "repoURL": URL, "password": PASSWORD}
    assert {each["name"]: each["value"] for each in found["Stage shop-cd/beta"]["spec"]["vars"]} == {"gitRepo": URL, "imageRepo": IMAGE}


def test_the_login_is_waited_for() -> None:
    """On an empty cluster it is made by an earlier component."""
    (awaited,) = [each for each in resources(shop(), known=False) if isinstance(each, Awaited) and "git" in each.label]
    assert (awaited.label, awaited.reason) == ("Secret shop-cd/git", "Secret of record gitea-admin is there")


def test_a_registry_with_a_login_is_read_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the very name that the Warehouse watches."""
    assert "Secret shop-cd/registry" not in manifests(resources(shop()))
    monkeypatch.setenv("REGISTRY_PASSWORD", "secret")
    registry = {"mode": "external", "login": {"username": "ci", "password": {"env": "REGISTRY_PASSWORD"}}}
    secret = manifests(resources(shop(), registry=registry))["Secret shop-cd/registry"]
    assert secret["metadata"]["labels"] == {"kargo.akuity.io/cred-type": "image"}
    assert decoded(secret) == {"repoURL": IMAGE, "username": "ci", "password": "secret"}


def test_paths_and_names_of_the_persons_own_are_taken() -> None:
    """Chart, key, values file, Warehouse, and the Application that is synced."""
    stage = {"name": "live", "promotion": "auto", "application": "stonks-live", "values_files": ["values.yaml"], "after": None}
    project = shop(
        chart_path="deploy", tag_key="global.tag", stages=[stage], kargo={"warehouse": {"name": "stonks-images", "interval": "90s"}}
    )
    found = manifests(resources(project))
    spec = found["Stage shop-cd/live"]["spec"]
    steps = {step["uses"]: step["config"] for step in spec["promotionTemplate"]["spec"]["steps"]}
    assert steps["copy"] == {"inPath": "./src/deploy", "outPath": "./out/deploy"}
    assert steps["yaml-update"]["path"] == "./out/deploy/values.yaml"
    assert steps["yaml-update"]["updates"][0]["key"] == "global.tag"
    assert steps["git-clone"]["checkout"][1]["branch"] == "stage/live"
    assert steps["argocd-update"]["apps"][0]["name"] == "stonks-live"
    assert spec["requestedFreight"] == [{"origin": {"kind": "Warehouse", "name": "stonks-images"}, "sources": {"direct": True}}]
    assert found["Warehouse shop-cd/stonks-images"]["spec"]["interval"] == "1m30s"


def test_stage_and_application_name_each_other() -> None:
    """Kargo refuses to sync an Application that does not name its stage."""
    platform = a_platform(gitea=GITEA, projects=[shop()])
    project = platform.projects[0]
    found = manifests(resources(shop()))
    for stage in project.stages:
        app = application(platform, project, stage)
        step = found[f"Stage shop-cd/{stage.name}"]["spec"]["promotionTemplate"]["spec"]["steps"][-1]["config"]["apps"][0]
        assert step["name"] == app["metadata"]["name"]
        assert app["metadata"]["annotations"]["kargo.akuity.io/authorized-stage"] == f"shop-cd:{stage.name}"
        branch = found[f"Stage shop-cd/{stage.name}"]["spec"]["promotionTemplate"]["spec"]["steps"][0]["config"]["checkout"][1]["branch"]
        assert branch == app["spec"]["source"]["targetRevision"]


def test_only_named_people_promote_to_a_manual_stage() -> None:
    """And only to that one."""
    found = manifests(resources(shop()))
    role, binding = found["Role shop-cd/promote-live"], found["RoleBinding shop-cd/promote-live"]
    promoting = [rule for rule in role["rules"] if "promote" in rule["verbs"]]
    assert promoting == [{"apiGroups": ["kargo.akuity.io"], "resources": ["stages"], "resourceNames": ["live"], "verbs": ["promote"]}]
    group = "rbac.authorization.k8s.io"
    assert binding["subjects"] == [
        {"kind": "User", "apiGroup": group, "name": "celesrenata"},
        {"kind": "Group", "apiGroup": group, "name": "traders"},
    ]


@pytest.mark.parametrize(
    ("live", "reason"),
    [
        ({"promotion": "manual"}, "platform.yaml names nobody who promotes"),
        ({"promotion": "auto"}, "the stage is promoted by itself"),
    ],
)
def test_the_right_to_promote_is_taken_back(live: dict[str, str], reason: str) -> None:
    """Nobody would notice that somebody still has it."""
    found = resources(shop(stages=[{"name": "live", **live}]))
    (absent,) = [each for each in found if isinstance(each, Absent)]
    assert (absent.label, absent.reason) == ("RoleBinding shop-cd/promote-live", reason)


def test_kargo_notify_may_look_and_nothing_else() -> None:
    """Its token lies in the CI server."""
    found = manifests(resources(shop()))
    rules = found["Role shop-cd/kargo-notify"]["rules"]
    assert {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]} == {
        *((resource, verb) for resource in ("freights", "warehouses") for verb in ("get", "list", "watch")),
        ("stages", "list"),
    }
    assert found["RoleBinding shop-cd/kargo-notify"]["subjects"] == [
        {"kind": "ServiceAccount", "name": "kargo-notify", "namespace": "shop-cd"}
    ]


def test_the_token_is_recorded_when_kubernetes_has_made_it() -> None:
    """Until then it is waited for; the record then follows it."""
    platform = a_platform(gitea=GITEA, projects=[shop()])
    (awaited,) = [each for each in resources(shop()) if isinstance(each, Awaited)]
    name = record_name(platform.projects[0])
    assert (awaited.label, awaited.reason) == (f"Secret of record {name}", "Secret shop-cd/kargo-notify has a token")
    filled = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kargo-notify", "namespace": "shop-cd"},
        "data": {"token": base64.b64encode(b"the-token").decode()},
    }
    *_, found = resources(shop(), objects=(filled,))
    assert isinstance(found, RecordResource)
    assert (found.label, found.given) == (awaited.label, {"kargo_token": "the-token"})


def test_a_token_that_is_being_deleted_is_not_recorded() -> None:
    """It is worth nothing any more."""
    going = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kargo-notify", "namespace": "shop-cd", "deletionTimestamp": "2026-11-23T13:20:32Z"},
        "data": {"token": base64.b64encode(b"the-token").decode()},
    }
    assert isinstance(resources(shop(), objects=(going,))[-1], Awaited)


def test_a_second_project_changes_nothing_of_the_first() -> None:
    """Adding one only adds."""
    alone = {each.label: each for each in resources(shop())}
    both = {each.label: each for each in resources(shop(), shop("books"))}
    assert {label: both[label] for label in alone} == alone
    assert len(both) == 2 * len(alone)


def test_down_begins_with_the_stages_and_ends_with_the_project() -> None:
    """Backwards: they carry finalizers that only Kargo takes away, and nothing of a project can be read without it."""
    kinds = [each.label.partition(" ")[0] for each in reversed(resources(shop()))]
    wanted = [kind for kind in kinds if kind in {"Stage", "Warehouse", "ProjectConfig", "Project"}]
    assert wanted == ["Stage", "Stage", "Stage", "Warehouse", "ProjectConfig", "Project"]
    stages = [each.label for each in reversed(resources(shop())) if each.label.startswith("Stage ")]
    assert stages == ["Stage shop-cd/live", "Stage shop-cd/paper", "Stage shop-cd/beta"]


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=30), "30s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(minutes=5), "5m0s"),
        (timedelta(hours=1), "1h0m0s"),
        (timedelta(hours=25, seconds=1), "25h0m1s"),
        (timedelta(seconds=1.5), "1.5s"),
        (timedelta(seconds=0.25), "0.25s"),
    ],
)
def test_lengths_of_time_are_written_as_go_does(length: timedelta, text: str) -> None:
    """Kargo would write them back so, and the next plan would show a change."""
    assert go_duration(length) == text

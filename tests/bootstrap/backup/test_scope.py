"""What goes where, who may read it, and what platform.yaml says about it."""

from pathlib import Path
from typing import Any

import pytest

from bootstrap.backup.kinds import EXPORTED, rank
from bootstrap.backup.scope import Part, Scope, targets
from bootstrap.components.backup.job import judge
from bootstrap.components.backup.rights import cluster_rules, rules
from bootstrap.core.change import State
from bootstrap.core.errors import BootstrapError
from bootstrap.platform.load import parse
from bootstrap.platform.problems import PlatformError
from tests.bootstrap.backup.objects import scope
from tests.support.bootstrap_run import a_platform

RECIPIENT = "age1gzxplgzj70l9e9xv2wr7f53f7p84vxzkpxcuurya036l90ptqywsfj3udv"
ARGO_CD, KARGO = {"argo_cd": {"path": "/a"}}, {"kargo": {"path": "/k"}}
MINIMUM = """\
domain: example.lan
gitea: {mode: external}
registry: {mode: external}
prerequisites: {cert_manager: {mode: external}}
"""


@pytest.mark.parametrize(
    ("storage", "backup", "expected"),
    [
        (None, {}, {}),
        ({}, {}, {}),
        ({**ARGO_CD, **KARGO}, {"enabled": False}, {}),
        ({**ARGO_CD, **KARGO}, {}, {"kargo": {"records", "break-glass", "kargo"}, "argocd": {"argo-cd"}}),
        (KARGO, {}, {"kargo": {"records", "break-glass", "kargo", "argo-cd"}}),
        (ARGO_CD, {}, {"argocd": {"records", "break-glass", "kargo", "argo-cd"}}),
    ],
)
def test_each_part_goes_to_one_volume(storage: Any, backup: Any, expected: Any) -> None:  # noqa: ANN401  sections of platform.yaml
    """All of them wherever there is a volume."""
    more: dict[str, Any] = {} if storage is None else {"storage": {"server": "nas", **storage}}
    found = {target.namespace: set(target.parts) for target in targets(a_platform(backup=backup, **more))}
    assert found == expected


def test_a_rule_names_exactly_what_is_read() -> None:
    """By namespace, and by name where there is none."""
    both = scope(RECIPIENT)
    assert {namespace: sorted(kind for rule in found for kind in rule["resources"]) for namespace, found in rules(both).items()} == {
        "local-cicd": ["configmaps", "secrets"],
        "shop-cd": [
            "analysistemplates",
            "configmaps",
            "freights",
            "projectconfigs",
            "promotions",
            "promotiontasks",
            "secrets",
            "stages",
            "warehouses",
        ],
        "argocd": ["applications", "appprojects", "secrets"],
    }
    assert all(rule["verbs"] == ["list"] for found in rules(both).values() for rule in found)
    assert {rule["resources"][0]: rule["resourceNames"] for rule in cluster_rules(both)}["projects"] == ["shop-cd"]
    assert all(rule["resourceNames"] and rule["verbs"] == ["get"] for rule in cluster_rules(both))


def test_a_platform_without_projects_may_read_no_project() -> None:
    """A rule without names would be one for all."""
    alone = Scope(platform="a", namespace="a", argo_cd="argocd", projects=(), keep=1)
    assert "projects" not in {rule["resources"][0] for rule in cluster_rules(alone)}


def test_what_is_named_is_restored_first() -> None:
    """Definitions, namespaces, secrets of record, then what hangs on each other."""
    order = [
        (Part.ARGO_CD, "apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        (Part.RECORDS, "v1", "Namespace"),
        *((each.part, each.api_version, each.kind) for each in EXPORTED),
    ]
    ranks = [rank(*each) for each in order]
    assert ranks == sorted(ranks)
    kinds = [each.kind for each in EXPORTED]
    assert kinds[0] == "Secret"
    for first, later in (("Project", "Warehouse"), ("Warehouse", "Stage"), ("Stage", "Freight"), ("Freight", "Promotion")):
        assert kinds.index(first) < kinds.index(later)


def test_the_file_of_a_job_is_the_scope_again(tmp_path: Path) -> None:
    """And one that is none is told."""
    file = tmp_path / "scope.yaml"
    both = scope(RECIPIENT, parts=(Part.KARGO,))
    file.write_text(both.model_dump_json(), encoding="utf-8")
    assert Scope.read(file) == both
    for wrong in ("", "platform: a", "a: [", "[]"):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(BootstrapError, match="does not say what to export"):
            Scope.read(file)
    with pytest.raises(BootstrapError, match="does not say what to export"):
        Scope.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backup: {recipients: [ssh-ed25519 AAAA]}", "is not a public key of age"),
        (f"backup: {{recipients: [{RECIPIENT[:-1]}z]}}", "typing error"),
        ("backup: {schedule: nightly}", "is not a schedule"),
        ("backup: {schedule: 15 2 * *}", "is not a schedule"),
        ("backup: {keep: 0}", "keep"),
        ("backup: {time_zone: 'Europe/Berlin; x'}", "is not a time zone"),
    ],
)
def test_what_is_wrong_is_told(text: str, said: str) -> None:
    """With its line."""
    with pytest.raises(PlatformError) as caught:
        parse(MINIMUM + text + "\n", Path("platform.yaml"))
    assert said in " ".join([caught.value.message, *caught.value.details])


def test_a_private_key_in_platform_yaml_is_refused_and_not_shown() -> None:
    """Whoever has it reads every backup."""
    with pytest.raises(PlatformError) as caught:
        parse(MINIMUM + "backup: {recipients: [AGE-SECRET-KEY-1ABCDEF]}\n", Path("platform.yaml"))
    said = " ".join([caught.value.message, *caught.value.details])
    assert "is the private key" in said
    assert "ABCDEF" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("storage: {server: nas, kargo: {path: /k}}", "no secret is in the nightly export"),
        (f"storage: {{server: nas, kargo: {{path: /k}}}}\nbackup: {{recipients: [{RECIPIENT}]}}", ""),
        ("storage: {server: nas, kargo: {path: /k}}\nbackup: {enabled: false}", ""),
        ("backup: {keep: 7}", "nothing is backed up at night: there is no `storage.kargo` or `storage.argo_cd`"),
        ("", "nothing is backed up at night"),
        ("storage: {server: nas, woodpecker: {path: /w}}", "nothing is backed up at night"),
        ("backup: {enabled: false}", ""),
    ],
)
def test_a_plan_says_what_is_not_exported(text: str, said: str) -> None:
    """As a warning of platform.yaml."""
    warnings = [each for each in parse(f"{MINIMUM}{text}\n", Path("platform.yaml")).warnings if "night" in each]
    assert [said in each for each in warnings] == ([True] if said else [])


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({}, State.READY),
        ({"lastScheduleTime": "2026-11-23T02:15:00Z", "lastSuccessfulTime": "2026-11-23T02:15:07Z"}, State.READY),
        ({"lastScheduleTime": "2026-11-23T02:15:00Z", "lastSuccessfulTime": "2026-11-22T02:15:07Z"}, State.FAILED),
        ({"lastScheduleTime": "2026-11-23T02:15:00Z"}, State.FAILED),
        ({"lastScheduleTime": "2026-11-23T02:15:00Z", "active": [{"name": "backup-1"}]}, State.READY),
    ],
)
def test_a_night_that_failed_shows_in_status(status: Any, state: State) -> None:  # noqa: ANN401  the status of a CronJob
    """With the command that tells why."""
    found = judge({"kind": "CronJob", "metadata": {"name": "backup", "namespace": "kargo"}, "status": status})
    assert found.state is state
    if state is State.FAILED:
        assert "kubectl -n kargo logs -l app.kubernetes.io/name=backup" in found.message

"""`bootstrap verify` on a platform that runs: each row holds, each one is made to fail, and the remedy is read."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from bootstrap.results.result import Outcome
from bootstrap.verify.rows import GATE, LIVE, PUSHING
from devtools.platform.status_writer import condition
from tests.cluster.verify.breaks import (
    agents_without_a_node,
    another_version,
    arc_is_back,
    cascading,
    cluster,
    elsewhere,
    ended,
    ends_soon,
    gitea_down,
    no_ingress,
    not_retained,
    other_application,
    other_authority,
    registry_elsewhere,
    says,
    sick_database,
    without_branch,
)
from tests.cluster.verify.gate_breaks import garbage, gate_dead, lying, no_policy
from tests.support.break_glass import record
from tests.support.live_platform import LivePlatform

SYNC = {"phase": "Failed", "message": "helm: nil pointer", "operation": {}, "startedAt": "2026-11-23T10:00:00Z"}
_WORDS = "the order book loses fills, a hotfix can't wait"

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
        "Kargo has not looked at the registry (it should every 5m), since",
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
    ("break-glass", gate_dead, Outcome.FAILED, "the gate does not answer (503", "kubectl -n local-cicd get pods"),
    ("audit", garbage, Outcome.FAILED, "it has the label of a record and is none", "keep a copy for the audit"),
]


def test_there_are_the_rows_of_the_design_and_each_is_made_to_fail() -> None:
    """Fifteen and four, each with a name and a title of its own; those that push are broken in test_commit.py."""
    rows = (*LIVE, *PUSHING, *GATE)
    assert (len(LIVE) + len(PUSHING), len(GATE)) == (15, 4)
    assert len({row.name for row in rows}) == len({row.title for row in rows}) == 19
    assert {row.name for row in (*LIVE, *GATE)} == {name for name, *_ in BROKEN}


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
        assert live.verify_until(name, problem, remedy).outcome is outcome
    live.verify_until_not(name, problem)


def test_a_real_record_is_seen_by_all(live: LivePlatform) -> None:
    """The gate honours it, and it can't be changed; it stays for ever, so this comes behind the others."""
    wanted = record("break-glass-live-1", {**_data(), "operator": "admin"}, namespace="local-cicd")
    with cluster(live) as hand:
        hand.create(wanted)
    assert "1 record" in live.verify_until("break-glass", "1 record").looked_at
    assert "the last by admin for live" in live.verify("audit")["audit"].looked_at
    with no_policy(live):
        result = live.verify_until("audit", "its label can be changed afterwards", "bootstrap up puts the policy in force again")
        assert result.outcome is Outcome.FAILED


def _data() -> dict[str, str]:
    expires = (datetime.now(UTC) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"project": "stonks-oracle-cd", "stage": "live", "justification": _WORDS, "expires": expires}

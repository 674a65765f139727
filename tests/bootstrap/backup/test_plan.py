"""What a restore makes of an object, by what is on the cluster."""

from typing import Any

import pytest

from bootstrap.backup import break_glass
from bootstrap.backup.plan import Action, Plan, differences, step
from bootstrap.backup.restoring import Choice, check, wanted
from bootstrap.backup.saved import Saved, saved
from bootstrap.backup.scope import Part
from bootstrap.core.errors import PlanError
from bootstrap.core.objects import Manifest
from tests.bootstrap.backup.objects import record, stage

KARGO = "kargo.akuity.io/v1alpha1"


def live(of: Saved, **changes: Any) -> Manifest:  # noqa: ANN401  fields
    """Return what the cluster has of an object."""
    metadata = {**of.manifest["metadata"], **changes.pop("metadata", {})}
    return {**of.manifest, "metadata": metadata, **changes}


def thing(kind: str, **fields: Any) -> Saved:  # noqa: ANN401  fields
    """Make an object of Kargo."""
    manifest = {"apiVersion": KARGO, "kind": kind, "metadata": {"name": "a", "namespace": "shop-cd", "labels": {"l": "1"}}, **fields}
    return Saved(part=Part.KARGO, manifest=manifest)


@pytest.mark.parametrize(
    ("of", "changes", "action"),
    [
        (stage(), None, Action.CREATE),
        (stage(), {}, Action.SAME),
        (stage(), {"spec": {"shard": "b"}}, Action.DIFFERS),
        (stage(), {"status": {"health": {}}, "metadata": {"annotations": {"a": "b"}, "uid": "1", "generation": 7}}, Action.SAME),
        (stage(), {"metadata": {"deletionTimestamp": "now"}}, Action.GOING),
        (record(), {"data": {}}, Action.DIFFERS),
        (thing("Freight", images=[1], alias="a"), {"alias": "b", "metadata": {"labels": {}}}, Action.SAME),
        (thing("Freight", images=[1]), {"images": [2]}, Action.DIFFERS),
        (thing("Warehouse", spec={}), {"metadata": {"labels": {"l": "2"}}}, Action.DIFFERS),
        (thing("Warehouse", spec={}), {"metadata": {"labels": {"l": "1", "other": "2"}}}, Action.SAME),
        (thing("Freight", status={"verifiedIn": {"a": {}}}), {"status": {}}, Action.FINISH),
        (thing("Promotion", status={"phase": "Failed"}), None, Action.CREATE),
        (thing("Promotion", status={"phase": "Running"}), None, Action.LEFT_OUT),
        (thing("Promotion"), None, Action.LEFT_OUT),
    ],
)
def test_what_becomes_of_an_object(of: Saved, changes: Any, action: Action) -> None:  # noqa: ANN401  fields
    """By what is there."""
    assert step(of, None if changes is None else live(of, **changes), kargo_is_alive=False).action is action


def test_no_promotion_is_given_to_a_kargo_that_runs() -> None:
    """It would carry it out, under another name."""
    found = step(thing("Promotion", status={"phase": "Succeeded"}), None, kargo_is_alive=True)
    assert (found.action, found.reason) == (Action.LEFT_OUT, "Kargo runs, and would promote it again; it can be read in the backup")


def test_of_a_secret_only_the_keys_are_named() -> None:
    """Never what is in it."""
    assert differences(record(), live(record(), data={"password": "b3RoZXI=", "token": "eA=="})) == ("data: password, token",)


def test_definitions_and_namespaces_of_today_stay() -> None:
    """A newer version may have brought them."""
    of = Saved(part=Part.KARGO, manifest={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"a": "b"}}})
    assert differences(of, live(of, metadata={"labels": {}}, spec={"finalizers": ["kubernetes"]})) == ()


def test_nothing_is_restored_where_somebody_has_to_decide() -> None:
    """Unless it is decided: to overwrite, or to keep what is there; then of that only a past that Kargo has forgotten comes back."""
    history = {"freightHistory": [{"id": "a"}]}
    forgotten = step(thing("Stage", spec={}, status=history), live(thing("Stage", spec={"shard": "b"})), kargo_is_alive=True)
    other = step(stage(), live(stage(), spec={"shard": "b"}), kargo_is_alive=True)
    fresh = step(stage("beta"), None, kargo_is_alive=True)
    plan = Plan(steps=(forgotten, other, fresh))
    with pytest.raises(PlanError, match="nothing was restored: 2 objects are there and not as in the backup") as caught:
        check(plan, Choice())
    assert "Stage shop-cd/live: spec" in caught.value.details
    check(plan, Choice(keep=True))
    check(plan, Choice(overwrite=True))
    assert wanted(plan, Choice(keep=True)) == (forgotten, fresh)
    assert wanted(plan, Choice(overwrite=True)) == plan.steps
    assert (plan.code(), plan.code(keep=True)) == (1, 2)


def test_what_is_being_deleted_is_waited_for() -> None:
    """Whatever was decided."""
    plan = Plan(steps=(step(stage(), live(stage(), metadata={"deletionTimestamp": "now"}), kargo_is_alive=False),))
    with pytest.raises(PlanError, match="Stage shop-cd/live is being deleted since now"):
        check(plan, Choice(overwrite=True))
    assert plan.code(keep=True) == 1


def test_what_only_concerns_one_cluster_is_not_saved() -> None:
    """Versions, managers, what kubectl notes (a whole Secret in clear), and a sync that would be started again."""
    metadata = {
        "name": "a",
        "namespace": "argocd",
        "uid": "1",
        "resourceVersion": "2",
        "generation": 3,
        "managedFields": [{"manager": "local-cicd", "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "1"},
    }
    found = saved(
        Part.ARGO_CD, {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "operation": {}, "spec": {}}
    )
    assert found.manifest["metadata"] == {"name": "a", "namespace": "argocd", "uid": "1", "annotations": {"kept": "1"}}
    assert "operation" not in found.manifest
    assert found.fields == {"f:spec": {}}


def broken(number: int, reason: str = "the feed is down") -> Saved:
    """Make a record of break-glass."""
    labels = {"local-cicd.dev/break-glass": "true"}
    metadata = {"name": f"live-{number}", "namespace": "local-cicd", "uid": f"uid-{number}", "labels": labels}
    return Saved(
        part=Part.BREAK_GLASS, manifest={"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"justification": reason}}
    )


def test_an_archive_of_break_glass_is_the_same_for_the_same_records() -> None:
    """So that a second restore makes no second one; and it is not taken for a record."""
    one = list(break_glass.archives([broken(1), broken(2)], namespace="local-cicd", origin="a"))
    again = list(break_glass.archives([broken(2), broken(1)], namespace="local-cicd", origin="a"))
    assert one == again
    assert not break_glass.is_record(one[0])
    assert break_glass.unarchived([broken(1), broken(2)], [one[0].manifest]) == []
    assert one[0].manifest["immutable"] is True


def test_a_forged_archive_hides_no_record() -> None:
    """Whoever may write a ConfigMap can write the uid of a record into its key; only what it says word for word is archived."""
    (true,) = break_glass.archives([broken(1)], namespace="local-cicd", origin="a")
    (key,) = true.manifest["data"]
    forged = {**true.manifest, "data": {key: "nothing happened here"}}
    (other,) = break_glass.archives([broken(1, "a test")], namespace="local-cicd", origin="a")
    assert list(other.manifest["data"]) == [key]
    assert break_glass.unarchived([broken(1)], [forged, other.manifest]) == [broken(1)]
    assert break_glass.unarchived([broken(1)], [forged, true.manifest]) == []


def test_thousands_of_records_fit() -> None:
    """A ConfigMap holds a megabyte."""
    records = [broken(number, "x" * 1000) for number in range(2000)]
    found = list(break_glass.archives(records, namespace="local-cicd", origin="a"))
    assert len(found) == 3
    assert all(sum(map(len, each.manifest["data"].values())) < 1_000_000 for each in found)
    assert sum(len(each.manifest["data"]) for each in found) == 2000

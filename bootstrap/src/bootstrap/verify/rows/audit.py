"""Who broke glass is on record: operator, time and justification, and nobody can change it."""

from collections.abc import Iterator

from bootstrap.break_glass import audit
from bootstrap.break_glass.audit import Audit, Filter
from bootstrap.break_glass.record import LABEL, Record
from bootstrap.core.errors import ClusterError, ForbiddenError, InvalidError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.verify.finding import Finding, Looked, Row
from bootstrap.verify.rows.market_hours import UNGUARDED, stages
from bootstrap.verify.scene import Scene
from bootstrap.verify.times import since
from plugin_kit.console import counted


def _look(scene: Scene) -> Looked:
    if not stages(scene):
        return Looked(unseen=(UNGUARDED,))
    found = audit.audit(scene.context.cluster, scene.platform.namespace, Filter())
    live = [entry.record for entry in found.entries if not entry.archive]
    findings = [*_garbage(scene, found), *(_changeable(scene, live[-1]) if live else ())]
    unseen = [f"the promotions of {name}: this user may not list them" for name in found.hidden]
    if not found.kargo:
        unseen.append("which promotions were let through: there is no Kargo")
    return Looked(at=_told(found), findings=tuple(findings), unseen=tuple(unseen))


def _told(found: Audit) -> str:
    if not found.entries:
        return "no record yet"
    last = found.entries[-1].record
    used = sum(len(entry.used) for entry in found.entries)
    many = f"{counted(len(found.entries), 'record')}, used by {counted(used, 'promotion')}"
    return f"{many}; the last by {last.operator} for {last.stage}, {since(last.created)}"


def _garbage(scene: Scene, found: Audit) -> Iterator[Finding]:
    for each in found.unreadable:
        hint = "it was there before the policy, or the policy was away: keep a copy for the audit, then see bootstrap status"
        yield Finding(
            where=f"ConfigMap {scene.platform.namespace}/{each.name}",
            problem=f"it has the label of a record and is none: {each.problem}",
            hint=hint,
        )


def _changeable(scene: Scene, record: Record) -> Iterator[Finding]:
    """Try, by dry-run, what would falsify a record."""
    ref = Ref(api_version="v1", kind="ConfigMap", name=record.name, namespace=scene.platform.namespace)
    patches: dict[str, Manifest] = {
        "its justification": {"data": {"justification": "something else that is long enough"}},
        "its label": {"metadata": {"labels": {LABEL: None}}},
    }
    for what, patch in patches.items():
        try:
            scene.context.cluster.patch(ref, patch, dry_run=True)
        except (InvalidError, ForbiddenError):
            continue
        except ClusterError:
            # It is no answer to the question whether it could be changed.
            continue
        yield Finding(where=ref.label, problem=f"{what} can be changed afterwards", hint="bootstrap up puts the policy in force again")


ROW = Row(name="audit", title="Break-glass audit", how="the records are read, and a change of one is tried by dry-run", look=_look)

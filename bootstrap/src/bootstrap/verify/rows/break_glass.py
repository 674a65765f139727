"""Break-glass would work, and for nobody but whom it is meant for. Nothing is broken: records are only tried, by dry-run."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from bootstrap.break_glass.identity import Identity, identity
from bootstrap.break_glass.policy import in_force, policy_name
from bootstrap.break_glass.record import LABEL, GarbageError, Record, manifest, parse, write_time
from bootstrap.core.errors import ForbiddenError, InvalidError
from bootstrap.verify.finding import Finding, Looked, Row, trouble
from bootstrap.verify.gate import GateError, ask
from bootstrap.verify.rows.market_hours import UNGUARDED, stages
from bootstrap.verify.scene import Scene
from bootstrap.verify.times import moment
from plugin_kit.console import counted

_PROBE = "break-glass-verify"
_WHY = "bootstrap verify tries the rules, and makes nothing"
_UP = "bootstrap up puts the policy in force again"
_MINUTE = timedelta(minutes=1)


def records(scene: Scene) -> list[Record]:
    """Return the records that can be read, the oldest first."""
    found = []
    for live in scene.context.cluster.list("v1", "ConfigMap", namespace=scene.platform.namespace, labels={LABEL: None}):
        try:
            found.append(parse(live))
        except GarbageError:
            # What is no record is told by the row `audit`.
            continue
    return sorted(found, key=lambda each: each.created)


def _look(scene: Scene) -> Looked:
    if not stages(scene):
        return Looked(unseen=(UNGUARDED,))
    known_as = identity(scene.context.cluster)
    who = known_as.name
    findings: list[Finding] = []
    unseen: list[str] = []
    try:
        if in_force(scene.context.cluster, scene.platform.namespace):
            findings += _rules(scene, known_as)
        else:
            problem = f"the policy {policy_name(scene.platform.namespace)} is not in force: anybody could write a record"
            findings.append(Finding(where="", problem=problem, hint=_UP))
    except ForbiddenError:
        unseen.append(f"the rules for records: {who} may not make any, not even by dry-run; an administrator or an operator sees them")
    operators = scene.platform.break_glass.operators
    if not operators:
        hint = "name people in `break_glass.operators`, bootstrap up, and bootstrap operator add NAME for each"
        findings.append(Finding(where="", problem="nobody may break glass", hint=hint, is_warning=True))
    known = records(scene)
    try:
        findings += _seen_by_the_gate(scene, known)
    except GateError as error:
        findings.append(trouble("", error))
    if not findings and not any(_decided(scene, record) for record in known[-3:]):
        unseen.append("a promotion that a record has let through: none has held in market hours yet")
    people = [*operators.users, *(f"group {name}" for name in operators.groups)]
    return Looked(
        at=f"rules tried as {who}, {counted(len(known), 'record')}; operators: {', '.join(people) or 'nobody'}",
        findings=tuple(findings),
        unseen=tuple(unseen),
    )


def _rules(scene: Scene, known_as: Identity) -> Iterator[Finding]:
    """Try records that must be refused; an operator's own that is in order is taken, for everybody else that is refused, too."""
    who = known_as.name
    project, stage = stages(scene)[0]
    now = scene.now().replace(microsecond=0)
    longest = scene.platform.break_glass.max_duration
    good = {
        "project": project,
        "stage": stage,
        "operator": who,
        "justification": _WHY,
        "expires": write_time(now + min(longest, 10 * _MINUTE)),
    }
    bad = {
        "in the name of somebody else": {"operator": f"not-{who}"},
        "with hardly a justification": {"justification": "urgent"},
        "that holds longer than is allowed": {"expires": write_time(now + longest + timedelta(hours=1))},
        "for a stage that nobody guards": {"stage": "no-such-stage"},
    }
    for what, change in bad.items():
        if not _refused(scene, {**good, **change}):
            yield Finding(where="", problem=f"the API server takes a record {what}", hint=_UP)
    operators = scene.platform.break_glass.operators
    may = not who.startswith("system:") and (who in operators.users or not set(operators.groups).isdisjoint(known_as.groups))
    if may is _refused(scene, good):
        problem = (
            f"the API server {'refuses a record that is in order' if may else 'takes a record of somebody who is no operator'} ({who})"
        )
        yield Finding(where="", problem=problem, hint=_UP)


def _refused(scene: Scene, data: dict[str, str]) -> bool:
    try:
        scene.context.cluster.create(manifest(_PROBE, scene.platform.namespace, data=data), dry_run=True)
    except InvalidError:
        return True
    return False


def _seen_by_the_gate(scene: Scene, known: list[Record]) -> Iterator[Finding]:
    project, stage = stages(scene)[0]
    answer = ask(scene, project, stage, scene.now())
    seen = answer.get("records") or {}
    if seen.get("source") != "current":
        hint = "bootstrap up gives it the right to read ConfigMaps, and the way to the API server; then its log"
        problem = f"the gate does not know the records ({seen.get('source')}): a new break-glass would open nothing"
        yield Finding(where="", problem=problem, hint=hint, begun=moment(seen.get("unreachable_since")))
        return
    now = scene.now()
    for record in known:
        if record.holds(now) and (record.project, record.stage) in stages(scene):
            said = ask(scene, record.project, record.stage, now)
            if not said["would_allow"]:
                problem = f"{record.name} holds until {record.expires:%H:%M} UTC, and the gate still blocks: {said.get('reason')}"
                yield Finding(
                    where=f"{record.stage} of {record.project}",
                    problem=problem,
                    hint="restart it: kubectl rollout restart deployment market-gate",
                    begun=record.created,
                )


def _decided(scene: Scene, record: Record) -> bool:
    """Tell whether the gate says that a record has let promotions through in market hours."""
    if (record.project, record.stage) not in stages(scene):
        return False
    times: list[datetime] = [record.created + timedelta(seconds=1), record.expires - timedelta(seconds=1)]
    return any(ask(scene, record.project, record.stage, at).get("because") == "break-glass" for at in times)


ROW = Row(
    name="break-glass",
    title="Break-glass override",
    how="records are tried by dry-run, and the gate is asked whether it sees them",
    look=_look,
)

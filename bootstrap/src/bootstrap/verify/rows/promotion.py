"""A commit that was built becomes Freight, is promoted, and runs."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.components.project_kargo.component import watched_image
from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.errors import WaitError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.platform.project import Project
from bootstrap.platform.stage import Stage
from bootstrap.verify.finding import Finding, Looked, Row, trouble
from bootstrap.verify.gate import GateError, ask
from bootstrap.verify.journey import Journey
from bootstrap.verify.rows.warehouse import API_VERSION, freight, look_at, tag_of, warehouse_ref
from bootstrap.verify.scene import Scene
from plugin_kit.errors import PluginError

# Above the interval of the Warehouse, at which Kargo looks by itself.
_GRACE = 120.0
_BAD = frozenset({"Failed", "Errored", "Aborted"})
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_ULID = "0123456789abcdefghjkmnpqrstvwxyz"


class StoppedError(Exception):
    """A commit went no further: `finding` where something is wrong, else `unseen` says why that is right."""

    def __init__(self, *, finding: Finding | None = None, unseen: str = "") -> None:
        super().__init__(unseen or (finding.text if finding else ""))
        self.finding = finding
        self.unseen = unseen


def _look(scene: Scene) -> Looked:
    journey = scene.journey
    if journey is None:
        return Looked(unseen=(scene.refusal,))
    passed: list[str] = []
    unseen: list[str] = []
    findings: list[Finding] = []
    found = ""
    try:
        found = _freight(scene, journey)
        for stage in _wanted(scene, journey.project):
            _stage(scene, journey, stage, found)
            passed.append(stage.name)
    except StoppedError as stopped:
        findings += [stopped.finding] if stopped.finding else []
        unseen += [stopped.unseen] if stopped.unseen else []
    finally:
        if found:
            runs = f", which runs in {', '.join(passed)}" if passed else ", and what Kargo does with it by itself"
            scene.left.append(f"the Freight of {journey.short}{runs}")
    others = [stage.name for stage in journey.project.stages if stage not in _wanted(scene, journey.project)]
    if others and not findings:
        unseen.append(f"{', '.join(others)}: with --promote it is promoted there, too")
    at = f"{journey.short} runs in {', '.join(passed)}" if passed else f"{journey.short} of {journey.project.name}"
    return Looked(at=at, findings=tuple(findings), unseen=tuple(unseen))


def _wanted(scene: Scene, project: Project) -> Sequence[Stage]:
    return project.stages if scene.to_the_end else [stage for stage in project.stages if stage.after is None]


def _freight(scene: Scene, journey: Journey) -> str:
    project = journey.project
    image = watched_image(scene.platform, project)
    found: dict[str, str] = {}

    def look() -> Readiness:
        there = next((each for each in freight(scene, project) if tag_of(each, image) == journey.commit), None)
        if there is None:
            return Readiness(state=State.PROGRESSING, message="Kargo has made none yet")
        found["name"] = there["metadata"]["name"]
        return READY

    longest = project.kargo.warehouse.interval.total_seconds() + _GRACE
    try:
        _wait(scene, f"The Freight of {journey.short}", look, min(longest, scene.patience), [warehouse_ref(project)])
    except WaitError as error:
        _, troubles = look_at(scene, project)
        hint = troubles[0].hint if troubles else f"is {image}:{journey.commit} the newest commit? Kargo makes Freight of the newest only"
        raise StoppedError(finding=trouble(f"Warehouse of {project.name}", error, hint=hint)) from error
    scene.context.console.detail(f"Kargo has made Freight {found['name'][:12]} of {journey.short}")
    return found["name"]


def _stage(scene: Scene, journey: Journey, stage: Stage, name: str) -> None:
    project = journey.project
    if stage.gate is not None:
        _pass_gate(scene, project, stage, name)
    if stage.promotion == "manual":
        _promote(scene, project, stage, name)
    last: dict[str, Any] = {}

    def look() -> Readiness:
        live = _promotion(scene, project, stage, name)
        if live is None:
            held = _held(scene, project, stage) if stage.promotion == "auto" else ""
            # Nobody but a person ends that.
            state = State.FAILED if held else State.PROGRESSING
            return Readiness(state=state, message=held or f"Kargo has not begun to promote to {stage.name}")
        last.update(live)
        phase, said = _phase(live)
        if phase == "Succeeded":
            return READY
        return Readiness(state=State.FAILED if phase in _BAD else State.PROGRESSING, message=said)

    where = f"{stage.name} of {project.name}"
    scene.context.console.detail(f"{stage.name}: waiting for the promotion of {journey.short}")
    try:
        _wait(scene, f"The promotion to {where}", look, scene.patience, [])
    except WaitError as error:
        promotion = (last.get("metadata") or {}).get("name")
        namespace = project.kargo.namespace
        what = f"promotion {promotion}" if promotion else f"stage {stage.name}"
        raise StoppedError(finding=trouble(where, error, hint=f"kubectl -n {namespace} describe {what}")) from error
    _runs(scene, journey, stage)
    scene.context.console.detail(f"{stage.name}: {journey.short} runs")


def _pass_gate(scene: Scene, project: Project, stage: Stage, name: str) -> None:
    try:
        answer = ask(scene, project.kargo.namespace, stage.name, scene.now())
    except GateError as error:
        raise StoppedError(finding=trouble(f"{stage.name} of {project.name}", error)) from error
    if answer["would_allow"]:
        return
    by_hand = f"kargo promote --project {project.kargo.namespace} --stage {stage.name} --freight {name}"
    after = "it goes on by itself" if stage.gate == "hold" else f"promote it then: {by_hand}"
    raise StoppedError(unseen=f"{stage.name}: the gate blocks it now, as it should: {answer.get('reason')}; {after}")


def _promotion(scene: Scene, project: Project, stage: Stage, name: str) -> Manifest | None:
    found = scene.context.cluster.list(API_VERSION, "Promotion", namespace=project.kargo.namespace)
    ours = [each for each in found if (each["spec"].get("stage"), each["spec"].get("freight")) == (stage.name, name)]
    return max(ours, key=lambda each: str(each["metadata"]["name"]), default=None)


def _phase(live: Mapping[str, Any]) -> tuple[str, str]:
    status = live.get("status") or {}
    phase = str(status.get("phase") or "Pending")
    steps = [each for each in status.get("stepExecutionMetadata") or () if each.get("status") in {"Running", "Failed", "Errored"}]
    at = f" at its step {steps[-1].get('alias')}" if steps else ""
    message = status.get("message") or (steps[-1].get("message") if steps else "")
    return phase, f"{phase}{at}{f': {message}' if message else ''}"


def _held(scene: Scene, project: Project, stage: Stage) -> str:
    """Say why Kargo does not promote to a stage by itself, and how it does again."""
    if not _promotes_itself(scene, project, stage):
        return f"somebody has switched off automatic promotion to {stage.name}, or it was never on; `bootstrap up` switches it on"
    ref = Ref(api_version=API_VERSION, kind="Stage", name=stage.name, namespace=project.kargo.namespace)
    holds = ((scene.context.cluster.get(ref) or {}).get("status") or {}).get("effectiveAutoPromotionHolds")
    if not holds:
        return ""
    resume = f"kargo promote --project {ref.namespace} --stage {ref.name} --warehouse {project.kargo.warehouse.name}"
    return f"Kargo holds automatic promotions back, since somebody has promoted an earlier commit; this resumes them: {resume}"


def _promotes_itself(scene: Scene, project: Project, stage: Stage) -> bool:
    namespace = project.kargo.namespace
    live = scene.context.cluster.get(Ref(api_version=API_VERSION, kind="ProjectConfig", name=namespace, namespace=namespace))
    policies = ((live or {}).get("spec") or {}).get("promotionPolicies") or ()
    return any((each.get("stageSelector") or {}).get("name") == stage.name and each.get("autoPromotionEnabled") for each in policies)


def _promote(scene: Scene, project: Project, stage: Stage, name: str) -> None:
    namespace = project.kargo.namespace
    ref = Ref(api_version=API_VERSION, kind="Stage", name=stage.name, namespace=namespace)
    live = scene.context.cluster.get(ref)
    if live is None:
        raise StoppedError(finding=Finding(where=ref.label, problem="is not there", hint="bootstrap up"))
    # Kargo's webhook puts the Stage's own steps here; without that the API server refuses a promotion that has none.
    steps = live["spec"]["promotionTemplate"]["spec"]["steps"]
    metadata = {"name": f"{stage.name}.{_ulid()}.{name[:7]}", "namespace": namespace}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": "Promotion",
        "metadata": metadata,
        "spec": {"stage": stage.name, "freight": name, "steps": steps},
    }
    try:
        scene.context.cluster.create(manifest)
    except PluginError as error:
        hint = f"who is in `promoters` of {stage.name} may promote; a kubeconfig of theirs: bootstrap operator add"
        raise StoppedError(finding=trouble(f"{stage.name} of {project.name}", error, hint=hint)) from error
    scene.context.console.detail(f"{stage.name}: promoted by hand")


def _runs(scene: Scene, journey: Journey, stage: Stage) -> None:
    def look() -> Readiness:
        for kind in _WORKLOADS:
            for live in scene.context.cluster.list("apps/v1", kind, namespace=stage.namespace):
                containers = live["spec"]["template"]["spec"].get("containers") or ()
                if any(str(each.get("image")).endswith(f":{journey.commit}") for each in containers):
                    return READY
        return Readiness(state=State.PROGRESSING, message=f"no workload in {stage.namespace} has an image of it")

    try:
        _wait(scene, f"{journey.short} in {stage.namespace}", look, min(scene.patience, scene.platform.timeouts.ready.total_seconds()), [])
    except WaitError as error:
        key = journey.project.tag_key
        hint = f"Kargo has promoted it, and the chart does not use `{key}`: kubectl -n {stage.namespace} get deployments -o wide"
        raise StoppedError(finding=trouble(stage.namespace, error, hint=hint)) from error


def _wait(scene: Scene, what: str, look: Any, seconds: float, refs: Sequence[Ref]) -> None:  # noqa: ANN401  a function without arguments
    scene.context.waiter.wait(what, look, deadline=scene.deadline(seconds), refs=refs)


def _ulid() -> str:
    """Make the part of a promotion's name that puts it in the order of time: Kargo goes by it."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return "".join(_ULID[number >> shift & 31] for shift in range(125, -1, -5))


ROW = Row(name="promotion", title="End-to-end promotion", how="the commit is followed through Kargo", look=_look, needs=("pipeline",))

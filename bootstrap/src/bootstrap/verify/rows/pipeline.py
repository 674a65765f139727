"""A push starts a pipeline, which ends well and leaves its images in the registry.

Kargo sees nothing but tags that are commits of the branch that is built, and in most repositories Woodpecker starts nothing for any other
branch: so the commit goes there, empty, and stays. Where only the pipeline is asked for and its filters let a branch `verify/...` make
images, and nothing else, it goes to such a branch, which is deleted afterwards.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bootstrap.components.registry.client import registry
from bootstrap.components.trust import ca_pem
from bootstrap.components.woodpecker.access import woodpecker
from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.errors import BootstrapError, WaitError
from bootstrap.gitea import branch as branches
from bootstrap.gitea import repository as repositories
from bootstrap.gitea.client import Basic, Gitea
from bootstrap.gitea.clone import Place
from bootstrap.platform.project import Project
from bootstrap.verify import course
from bootstrap.verify.commit import aside, source
from bootstrap.verify.finding import Finding, Looked, Row, trouble
from bootstrap.verify.journey import Journey
from bootstrap.verify.rows.gitea import client
from bootstrap.verify.scene import Scene
from bootstrap.woodpecker import repository as builds
from bootstrap.woodpecker.client import Woodpecker
from plugin_kit.console import counted, elapsed
from plugin_kit.errors import PluginError
from plugin_kit.release import RELEASES
from plugin_kit.releases import read_release

_STARTS = 90.0
_MOST_NAMED = 3
_UNDER_WAY = frozenset({"pending", "running"})
_OVER = frozenset({"success", "failure", "error", "killed", "declined", "canceled", "skipped"})


def _look(scene: Scene) -> Looked:
    if not scene.agreed or scene.project is None:
        return Looked(unseen=(scene.refusal,))
    project, gitea = scene.project, client(scene)
    server = woodpecker(scene.context)
    if server is None:
        return Looked(
            at=project.repository.full_name,
            findings=(Finding(where="", problem="Woodpecker has no token of record, or is not up", hint="bootstrap up"),),
        )
    built = builds.lookup(server, project.repository.full_name)
    if built is None or not built.active:
        problem = f"Woodpecker does not build {project.repository.full_name}: nobody has activated it"
        return Looked(at=project.repository.full_name, findings=(Finding(where="", problem=problem, hint="bootstrap up"),))
    try:
        pushed = _pushed(scene, project, gitea, server, built)
        return _followed(scene, server, built.id, pushed) if isinstance(pushed, Journey) else pushed
    finally:
        _clean(scene, gitea)


def _pushed(scene: Scene, project: Project, gitea: Gitea, server: Woodpecker, built: builds.Repository) -> Journey | Looked:
    """Push a commit; what was found instead where that would start nothing."""
    endpoint, name = scene.platform.gitea.endpoint, project.repository.full_name
    if not isinstance(gitea.credentials, Basic):
        raise BootstrapError("Gitea has no user of the platform", hint="bootstrap up")
    place = Place(
        url=f"{endpoint.bootstrap_url}/{name}.git",
        public_url=f"{endpoint.public_url}/{name}.git",
        token=gitea.credentials,
        ca=ca_pem(scene.context),
    )
    with source(place, project.repository.branch, gitea.pod) as found:
        # Where somebody has put the files elsewhere, they are not read here.
        elsewhere = bool(built.document.get("config_file"))
        workflows = {} if elsewhere else found.workflows()
        target = project.repository.branch if scene.promotes else _target(scene, project, workflows)
        if target == project.repository.branch and not elsewhere and not course.starts(workflows, target):
            return _nothing_starts(project, workflows)
        _quiet(scene, server, built.id, target)
        try:
            commit = found.push(target)
        except PluginError:
            if found.in_doubt:
                _doubt(scene, gitea, project, target)
            raise
        journey = scene.journey = Journey(project=project, commit=commit, branch=target)
    scene.context.console.detail(f"pushed {journey.short} to {target} of {name}")
    return journey


def _target(scene: Scene, project: Project, workflows: Mapping[str, str]) -> str:
    """Choose a branch of its own for a commit that is only built, as far as nothing but its images is made there."""
    branch = aside()
    if not course.builds(workflows, branch):
        return project.repository.branch
    others = course.others(workflows, branch)
    if not others:
        return branch
    listed = ", ".join(others[:_MOST_NAMED]) + (f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else "")
    scene.context.console.detail(f"on a branch verify/... {listed} would start, too: the commit goes to {project.repository.branch}")
    return project.repository.branch


def _doubt(scene: Scene, gitea: Gitea, project: Project, target: str) -> None:
    """Take back a push of which nobody knows whether Gitea has taken it, and say what may stay of it."""
    if target == project.repository.branch:
        scene.left.append(f"perhaps an empty commit on {target} of {project.repository.full_name}, and its images: the push broke off")
        return
    _delete(scene, gitea, project, target, "perhaps the branch")
    scene.left.append(f"perhaps images {_tagged(scene, target)}")


def _nothing_starts(project: Project, workflows: Mapping[str, str]) -> Looked:
    branch, name = project.repository.branch, project.repository.full_name
    if course.starts_with_files(workflows, branch):
        why = f"a commit that changes no file starts no step on {branch} of {name}, by `when` of {', '.join(workflows)}: nothing was pushed"
        return Looked(unseen=(f"{why}; push a change, and read its pipeline in Woodpecker",))
    if workflows:
        problem = f"a push to {branch} starts nothing, by `when` of {', '.join(workflows)}: nothing was pushed"
        hint = f"let `when` name event push and branch {branch}; `bootstrap check` names mistakes in it"
    else:
        problem = f"{branch} has no file for Woodpecker, neither .woodpecker/*.yaml nor .woodpecker.yaml: nothing was pushed"
        hint = "bootstrap migrate PATH --write writes a first one"
    return Looked(at=name, findings=(Finding(where="", problem=problem, hint=hint),))


def _quiet(scene: Scene, server: Woodpecker, number: int, branch: str) -> None:
    """Wait until no pipeline of the branch is under way: Woodpecker cancels those that are when somebody pushes."""

    def look() -> Readiness:
        busy = next((each for each in _latest(server, number) if each.get("branch") == branch and each.get("status") in _UNDER_WAY), None)
        if busy is None:
            return READY
        said = f"pipeline {busy['number']} of {branch} is {busy['status']}, and a push would cancel it"
        return Readiness(state=State.PROGRESSING, message=said)

    hint = f"nothing was pushed; see whether that pipeline hangs: {scene.platform.woodpecker.public_url}/repos/{number}"
    scene.context.waiter.wait(f"Quiet on {branch}", look, deadline=scene.deadline(scene.patience), hint=hint)


def _latest(server: Woodpecker, number: int) -> Sequence[Mapping[str, Any]]:
    return server.get(f"/repos/{number}/pipelines?page=1&perPage=25", what="list the pipelines") or []


def _followed(scene: Scene, server: Woodpecker, number: int, journey: Journey) -> Looked:
    name = journey.project.repository.full_name
    at = f"{journey.short} on {journey.branch} of {name}"
    try:
        journey = scene.journey = _started(scene, server, number, journey)
    except WaitError:
        hint = (
            f"the webhook's last deliveries: {scene.platform.gitea.endpoint.public_url}/{name}/settings/hooks; `bootstrap up` repairs it;"
            f" does `when` of the pipeline let a push to {journey.branch} through?"
        )
        problem = f"no pipeline has started within {_STARTS:.0f} seconds"
        return Looked(at=at, findings=(Finding(where=journey.short, problem=problem, hint=hint),))
    at = f"{at}: pipeline {journey.pipeline}"
    try:
        ended = _ended(scene, server, number, journey)
    except WaitError as error:
        agents = f"kubectl -n {scene.platform.woodpecker.chart.namespace} get pods"
        hint = f"{journey.address}; a pipeline that stays pending has no agent: {agents}"
        return Looked(at=at, findings=(trouble("", error, hint=hint),))
    if ended.get("status") != "success":
        return Looked(at=at, findings=tuple(_why(ended, journey)))
    seconds = max(0, int(ended.get("finished") or 0) - int(ended.get("started") or 0))
    images, findings = _images(scene, journey)
    return Looked(at=f"{at} in {elapsed(seconds)}, {images}", findings=findings)


def _started(scene: Scene, server: Woodpecker, number: int, journey: Journey) -> Journey:
    found: dict[str, Any] = {}

    def look() -> Readiness:
        found.update(next((each for each in _latest(server, number) if each.get("commit") == journey.commit), {}))
        return READY if found else Readiness(state=State.PROGRESSING, message="no pipeline has started yet")

    scene.context.waiter.wait(f"The pipeline of {journey.short}", look, deadline=scene.deadline(min(_STARTS, scene.patience)))
    address = f"{scene.platform.woodpecker.public_url}/repos/{number}/pipeline/{found['number']}"
    scene.context.console.detail(f"pipeline {found['number']} has started: {address}")
    return replace(journey, pipeline=int(found["number"]), address=address)


def _ended(scene: Scene, server: Woodpecker, number: int, journey: Journey) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    told: dict[str, str] = {}

    def look() -> Readiness:
        found.update(server.get(f"/repos/{number}/pipelines/{journey.pipeline}", what=f"read pipeline {journey.pipeline}"))
        for step in _steps(found):
            name, state = str(step.get("name")), str(step.get("state"))
            if state not in {"pending", told.get(name)}:
                scene.context.console.detail(f"pipeline {journey.pipeline}: {name} {state}")
                told[name] = state
        status = str(found.get("status"))
        if status == "blocked":
            return Readiness(state=State.FAILED, message="it waits for somebody's approval")
        return READY if status in _OVER else Readiness(state=State.PROGRESSING, message=status)

    scene.context.waiter.wait(f"Pipeline {journey.pipeline}", look, deadline=scene.deadline(scene.patience))
    return found


def _why(ended: Mapping[str, Any], journey: Journey) -> Iterator[Finding]:
    where = f"pipeline {journey.pipeline}"
    if ended.get("status") in {"killed", "canceled"}:
        problem = "it was cancelled before its end: somebody has pushed a newer commit, or stopped it"
        yield Finding(where=where, problem=problem, hint="run it again when nobody pushes: bootstrap verify --only pipeline")
        return
    broken = [each for each in _steps(ended) if each.get("state") in {"failure", "error", "killed"}]
    for step in broken[:3]:
        said = step.get("error") or f"exit code {step.get('exit_code')}"
        yield Finding(where=where, problem=f"step {step.get('name')} has failed: {said}", hint=f"its log: {journey.address}")
    if not broken:
        errors = "; ".join(str(each.get("message")) for each in ended.get("errors") or ()) or str(ended.get("status"))
        yield Finding(
            where=where,
            problem=f"it has ended as {ended.get('status')}: {errors}",
            hint=f"bootstrap check --repository .; {journey.address}",
        )


def _steps(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for workflow in found.get("workflows") or ():
        yield from workflow.get("children") or ()


def _images(scene: Scene, journey: Journey) -> tuple[str, tuple[Finding, ...]]:
    """Look for what the pipeline was to leave in the registry."""
    project, host = journey.project, scene.platform.registry.host
    tag = journey.commit if journey.is_released else f"{journey.branch.replace('/', '-')}-{journey.commit}"
    again = f"the step that pushes images, in {journey.address}"
    try:
        with registry(scene.context) as found:
            record = read_release(found, f"{project.registry_project}/{RELEASES}", tag)
            path = f"{project.registry_project}/{project.watched_image}"
            wanted = {image.repository.removeprefix(f"{host}/"): image.digest for image in record[0].images} if record else {path: ""}
            bad = []
            for each, digest in wanted.items():
                manifest = found.manifest(each, tag)
                if manifest is None:
                    bad.append(f"{each}:{tag[:20]} is not there")
                elif digest and manifest.digest != digest:
                    bad.append(f"{each}:{tag[:20]} is another image than was built")
    except PluginError as error:
        return "", (trouble(host, error),)
    note = "" if record else " (without a release record, only the watched one is known)"
    return f"{counted(len(wanted), 'image')} in {host}{note}", tuple(Finding(where=host, problem=each, hint=again) for each in bad)


def _clean(scene: Scene, gitea: Gitea) -> None:
    journey = scene.journey
    if journey is None:
        return
    if journey.is_released:
        scene.left.append(f"the empty commit {journey.short} on {journey.branch} of {journey.project.repository.full_name}, and its images")
        return
    _delete(scene, gitea, journey.project, journey.branch, "the branch")
    scene.left.append(f"the images of {journey.short} {_tagged(scene, journey.branch)}")


def _delete(scene: Scene, gitea: Gitea, project: Project, branch: str, what: str) -> None:
    """Delete a branch of this run; until that is done, it is among what stays."""
    wanted = project.repository
    name = f"{what} {branch} of {wanted.full_name}"
    remedy = f"`git push {scene.platform.gitea.endpoint.public_url}/{wanted.full_name}.git --delete {branch}` does it"
    # Before it is tried: a run that is cancelled does not wait for a Gitea that hangs.
    waiting = f"{name}, which is yet to be deleted: {remedy}"
    scene.left.append(waiting)
    try:
        found = repositories.find(gitea, wanted.owner, wanted.name)
        if found is not None:
            branches.delete(gitea, found, branch)
            scene.context.console.detail(f"deleted {branch} of {wanted.full_name}")
    except PluginError as error:
        scene.left.append(f"{name}, which could not be deleted ({error.message}): {remedy}")
    scene.left.remove(waiting)


def _tagged(scene: Scene, branch: str) -> str:
    return f"in {scene.platform.registry.host}, tagged {branch.replace('/', '-')}-*"


ROW = Row(
    name="pipeline",
    title="End-to-end pipeline",
    how="a commit is pushed and followed",
    look=_look,
    needs=("gitea", "repository", "woodpecker", "dashboard", "registry"),
)

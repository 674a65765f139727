"""`down` would leave what must outlive the platform; and after it, that is there."""

from collections.abc import Iterator, Sequence

from bootstrap.components import COMPONENTS
from bootstrap.components.storage.component import uses
from bootstrap.core.change import Removal
from bootstrap.core.errors import BootstrapError, UnauthorizedError, UnreachableError
from bootstrap.core.objects import Ref
from bootstrap.core.resource import Resource
from bootstrap.verify.finding import Finding, Looked, Row, trouble
from bootstrap.verify.rows.sync import application
from bootstrap.verify.rows.volumes import on_nfs, volume_ref
from bootstrap.verify.scene import Scene
from plugin_kit import parallel
from plugin_kit.console import counted

_CASCADE = "resources-finalizer.argocd.argoproj.io"
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def removals(scene: Scene) -> tuple[Sequence[Removal], Sequence[Finding]]:
    """Return what `down` would do with what is there, and what would stop it; nothing is changed."""
    context = scene.context
    resources: list[Resource] = []
    problems: list[Finding] = []
    for component in COMPONENTS:
        if not component.enabled(context.platform):
            continue
        try:
            resources += component.resources(context)
        except (UnreachableError, UnauthorizedError):
            raise
        except BootstrapError as error:
            problems.append(trouble(component.title, error))

    def ask(resource: Resource) -> Removal | Finding | None:
        try:
            return resource.removal(context)
        except (UnreachableError, UnauthorizedError):
            raise
        except BootstrapError as error:
            return trouble("" if resource.label in error.message else resource.label, error)

    seen = parallel.each(ask, resources)
    problems += [each for each in seen if isinstance(each, Finding)]
    return [each for each in seen if isinstance(each, Removal)], problems


def _look(scene: Scene) -> Looked:
    found, problems = removals(scene)
    going = {each.resource for each in found if not each.kept}
    kept = [each for each in found if each.kept]
    findings = [*problems, *_lost(scene, going), *_cascading(scene)]
    return Looked(at=f"`down` would delete {len(going)} and keep {len(kept)}", findings=tuple(findings))


def keepers(scene: Scene) -> dict[str, str]:
    """Return the objects that `down` may never delete, with why."""
    platform = scene.platform
    kept = {f"Namespace {platform.namespace}": "the Secrets of record and the records of break-glass are in it"}
    kept |= {volume_ref(use).label: "its data would be out of reach" for use in uses(platform)}
    kept |= {
        f"Namespace {platform.gitea.namespace}": "Gitea runs in it",
        f"Namespace {platform.registry.namespace}": "the registry runs in it",
    }
    for project in platform.projects:
        kept |= {f"Namespace {stage.namespace}": f"{project.name} runs in it" for stage in project.stages}
        kept[f"Gitea repository {project.repository.full_name}"] = "it holds the code"
    return kept


def _lost(scene: Scene, going: set[str]) -> Iterator[Finding]:
    for label, why in keepers(scene).items():
        if label in going:
            yield Finding(
                where=label, problem=f"`down` would delete it, and {why}", hint="don't run `bootstrap down`; this is a bug: report it"
            )


def _cascading(scene: Scene) -> Iterator[Finding]:
    for project in scene.platform.projects:
        for stage in project.stages:
            live = application(scene, stage)
            held = ((live or {}).get("metadata") or {}).get("finalizers") or ()
            if any(each.partition("/")[0] == _CASCADE for each in held):
                problem = (
                    f"whoever deletes it by hand deletes what runs in {stage.namespace}: somebody has given it the finalizer {_CASCADE}"
                )
                yield Finding(
                    where=f"Application {stage.application}",
                    problem=problem,
                    hint="bootstrap up takes it away; down does, too",
                    is_warning=True,
                )


def _look_after(scene: Scene) -> Looked:
    found, problems = removals(scene)
    again = "run `bootstrap down` again: it goes on where it was"
    findings = [*problems, *(Finding(where=each.resource, problem="is still there", hint=again) for each in found if not each.kept)]
    findings += [finding for use in uses(scene.platform) for finding in on_nfs(scene, use)]
    namespaces = [name for name in keepers(scene) if name.startswith("Namespace ")]
    external = {f"Namespace {scene.platform.gitea.namespace}", f"Namespace {scene.platform.registry.namespace}"}
    for label in namespaces:
        ref = Ref(api_version="v1", kind="Namespace", name=label.partition(" ")[2])
        # Gitea and registry may run elsewhere; that they answer is looked at by rows of their own.
        if label not in external and scene.context.cluster.get(ref) is None:
            findings.append(
                Finding(
                    where=label,
                    problem=f"is gone, and {keepers(scene)[label]}",
                    hint="restore it from a backup: docs/how-to/back-up-and-restore.md",
                )
            )
    running = sum(
        len(scene.context.cluster.list("apps/v1", kind, namespace=stage.namespace))
        for project in scene.platform.projects
        for stage in project.stages
        for kind in _WORKLOADS
    )
    volumes = len(list(uses(scene.platform)))
    at = f"{counted(volumes, 'volume')}, {counted(len(namespaces), 'namespace')} and {counted(running, 'workload')} of the applications"
    storage = scene.platform.storage
    unseen = (f"the files on {storage.server} themselves: `bootstrap up` binds the volumes to them again",) if storage and volumes else ()
    return Looked(at=at, findings=tuple(findings), unseen=unseen)


ROW = Row(name="teardown", title="Teardown preservation", how="the list of `down --dry-run` is read", look=_look, needs=("gitea",))
AFTER = Row(name="teardown", title="Teardown preservation", how="what must have stayed is looked for", look=_look_after)

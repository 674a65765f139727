"""The two commands, from their options to their exit codes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.backup import export, loading, making, report, restoring
from bootstrap.backup.making import Made
from bootstrap.backup.plan import Action, Plan, plan
from bootstrap.backup.restoring import Choice
from bootstrap.backup.scope import Part, Scope
from bootstrap.backup.seal import new_identity
from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.errors import BootstrapError
from bootstrap.core.secrecy import Secrecy
from bootstrap.platform.load import load
from plugin_kit.console import Console, counted

if TYPE_CHECKING:
    from bootstrap.core.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What `backup` was asked for."""

    output: Path
    file: Path
    scope: Path | None = None
    """Of a Job, in place of platform.yaml."""
    kubeconfig: Path | None = None
    only: Sequence[Part] = ()
    recipients: Sequence[str] = ()
    keep: int | None = None
    allow_plain_secrets: bool = False


def target(output: Path | None) -> Path:
    """Return where a backup goes; there is no place that it could go by itself."""
    if output is None:
        raise BootstrapError("where is the backup to go?", hint="--output FOLDER, or --output FILE.tar.gz")
    return output


def parts(names: Sequence[str]) -> Sequence[Part]:
    """Return the parts of these names."""
    known = [part.value for part in Part]
    if wrong := [name for name in names if name not in known]:
        raise BootstrapError(f"there is no part {', '.join(wrong)}", hint=f"--only is one of {', '.join(known)}, and may be repeated")
    return [Part(name) for name in dict.fromkeys(names)]


def make_identity(console: Console, file: Path) -> None:
    """Make a private key, and tell the public one."""
    public = new_identity(file)
    console.info(f"public key: {public}")
    console.info(f"{file} holds the private key: put the public one into platform.yaml under `backup.recipients`, and the file where it")
    console.info("is found when this cluster is gone. Without it nobody can read the secrets of a backup.")


def choice(*, overwrite: bool, keep: bool) -> Choice:
    """Return what is to become of objects that differ."""
    if overwrite and keep:
        raise BootstrapError("--overwrite and --keep are each other's contrary", hint="leave one of them out")
    return Choice(overwrite=overwrite, keep=keep)


def back_up(console: Console, request: Request) -> Made:
    """Make a backup."""
    context: str | None = None
    if request.scope:
        scope = Scope.read(request.scope)
    else:
        loaded = load(request.file, allow_plain_secrets=request.allow_plain_secrets)
        context, scope = loaded.platform.context, Scope.of(loaded.platform)
    scope = _narrowed(scope, request)
    connection = Connection.find(kubeconfig=request.kubeconfig, context=context)
    with Cluster(connection) as cluster, console.step(f"Backing up {scope.platform}") as step:
        objects = export.export(cluster, scope, Secrecy(console.redactor).hide)
        named = f"{cluster.address} ({cluster.version()})"
        made = making.make(request.output, scope, objects, cluster=named, made=cluster.now(), keep=request.keep)
        step.note(counted(len(objects), "object"))
    return made


def restore(
    context: "Context",
    sources: Sequence[Path],
    identity: Path | None,
    *,
    without_secrets: bool,
    choice: Choice,
    dry_run: bool,
    confirm: Callable[[int], bool],
) -> Plan:
    """Show what a restore would do, ask, and do it; return the plan of what was left to do before, or is left after it."""
    loaded = loading.load(sources, identity, without_secrets=without_secrets, hide=context.hide)
    loading.check_platform(loaded, context.platform)
    loading.check_entries(loaded, Scope.of(context.platform))
    report.show_loaded(context.console, loaded)
    made = plan(context.cluster, context.platform, loaded)
    report.show_plan(context.console, made)
    if dry_run:
        context.console.info("DRY RUN: nothing was restored")
        return made
    restoring.check(made, choice)
    count = len(restoring.wanted(made, choice))
    if not count or not confirm(count):
        return _told(context.console, made)
    restoring.restore(context, loaded, made, choice)
    return _told(context.console, plan(context.cluster, context.platform, loaded))


def _told(console: Console, after: Plan) -> Plan:
    later = after.only(Action.LATER)
    if later:
        kinds = ", ".join(dict.fromkeys(step.ref.kind for step in later))
        console.warn(
            f"{counted(len(later), 'object')} can't be restored yet: the cluster does not know {kinds}",
            hint="run `bootstrap up`, then this command again",
        )
    return after


def _narrowed(scope: Scope, request: Request) -> Scope:
    values = {"parts": tuple(request.only) or scope.parts, "recipients": tuple(request.recipients) or scope.recipients}
    try:
        return Scope.model_validate({**scope.model_dump(), **values})
    except ValueError as error:
        raise BootstrapError(
            "a public key given with --recipient is none of age", hint="it begins with age1; --new-identity FILE makes one"
        ) from error

"""The commands of `bootstrap`, and what they print."""

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

import bootstrap
from bootstrap import terminal
from bootstrap.backup import commands as backups
from bootstrap.break_glass import commands as break_glass
from bootstrap.check import commands as checking
from bootstrap.components import COMPONENTS
from bootstrap.components.images.alone import ImagesAlone
from bootstrap.core import report
from bootstrap.core.context import Options
from bootstrap.core.plan import Plan, Teardown
from bootstrap.migrate import commands as migration
from bootstrap.options import FILE, File, HelmProgram, Json, Kubeconfig, Plain, Yes
from bootstrap.platform.example import example
from bootstrap.platform.schema import schema_text
from bootstrap.render import commands as rendering
from bootstrap.session import Session
from bootstrap.verify import commands as verification
from plugin_kit.console import Console, counted
from plugin_kit.errors import PluginError
from plugin_kit.process import terminated

SCHEMA = "platform.schema.json"
USAGE = 64
"""Exit code of a command line that is wrong (EX_USAGE of sysexits.h): 2 is that of a plan with changes."""

app = typer.Typer(
    name="bootstrap",
    help="Installs, checks and removes the platform on a Kubernetes cluster: once, and again and again without harm.",
    epilog="Begin with: init, plan, up.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AllowUpgrade = Annotated[bool, typer.Option("--allow-upgrade", help="Let charts jump to another version.")]
TakeOver = Annotated[bool, typer.Option("--take-over", help="Take over fields that another field manager has set.")]
ImportClones = Annotated[
    bool, typer.Option("--import", help="Push what clones (`import_from`) have beyond Gitea, too; else only where the repository is empty.")
]
RemoveFinalizers = Annotated[bool, typer.Option("--remove-finalizers", help="Take the finalizers off what hangs while it is deleted.")]
ForgetSecrets = Annotated[bool, typer.Option("--forget-secrets", help="Delete the generated secrets, too. They can't be made again.")]


def init(
    *,
    file: File = FILE,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the file instead, for editors.")] = False,
) -> None:
    """Write a commented platform.yaml to fill in, and its JSON Schema beside it."""
    if schema:
        sys.stdout.write(schema_text())
        return
    if file.exists():
        raise PluginError(f"{file} exists already", hint="name another file with --file, or move it away")
    try:
        file.write_text(example(schema=SCHEMA), encoding="utf-8")
        # Of this version, whatever lay there before.
        file.with_name(SCHEMA).write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise PluginError(f"can't write {error.filename}: {error.strerror}", hint="name a file in another folder with --file") from None
    console = Console()
    console.info(f"{file} written: fill in what has nothing behind its colon, then `bootstrap plan`")
    console.info(f"{file.with_name(SCHEMA)} written: with it, an editor explains the keys and marks mistakes")


def plan(
    *,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    helm: HelmProgram = "helm",
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
    allow_upgrade: AllowUpgrade = False,
    take_over: TakeOver = False,
    import_clones: ImportClones = False,
) -> None:
    """Show what `up` would do. Exit code: 0 nothing, 2 changes, 1 problems."""
    console = terminal.console(data_follow=as_json)
    options = Options(allow_upgrade=allow_upgrade, take_over=take_over, import_clones=import_clones)
    with Session.open(file, console, kubeconfig=kubeconfig, helm=helm, options=options, allow_plain_secrets=allow_plain_secrets) as session:
        made = session.engine(COMPONENTS).plan()
        if as_json:
            terminal.write(made.json())
        else:
            report.show_plan(console, made)
    raise typer.Exit(made.exit_code)


def up(  # noqa: PLR0913  each is an option of the command
    *,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    helm: HelmProgram = "helm",
    yes: Yes = False,
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
    allow_upgrade: AllowUpgrade = False,
    take_over: TakeOver = False,
    import_clones: ImportClones = False,
    remove_finalizers: RemoveFinalizers = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", hidden=True)] = False,
) -> None:
    """Install the platform, or bring it to what platform.yaml says; shows the plan first and asks."""
    if dry_run:
        raise typer.BadParameter("`up` has no --dry-run: `bootstrap plan` shows what it would do")
    console = terminal.console(data_follow=as_json)
    options = Options(allow_upgrade=allow_upgrade, take_over=take_over, import_clones=import_clones, remove_finalizers=remove_finalizers)

    def agree(made: Plan) -> bool:
        return yes or terminal.agreed(console, f"Make {counted(len(made.changes), 'change')}?")

    with Session.open(file, console, kubeconfig=kubeconfig, helm=helm, options=options, allow_plain_secrets=allow_plain_secrets) as session:
        made = session.engine(COMPONENTS).up(agree)
        if as_json:
            terminal.write(made.json())
        console.finish()


def status(
    *,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    helm: HelmProgram = "helm",
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """Show what state everything is in. Exit code: 0 all in order, 1 something is not."""
    console = terminal.console(data_follow=as_json)
    with Session.open(file, console, kubeconfig=kubeconfig, helm=helm, allow_plain_secrets=allow_plain_secrets) as session:
        found = session.engine(COMPONENTS).status()
        if as_json:
            terminal.write(found.json())
        else:
            report.show_status(console, found)
    raise typer.Exit(found.exit_code)


def down(
    *,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    helm: HelmProgram = "helm",
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what goes and what stays.")] = False,
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
    remove_finalizers: RemoveFinalizers = False,
    forget_secrets: ForgetSecrets = False,
) -> None:
    """Remove the platform. Volumes and their data, Gitea, the registry, applications and generated secrets stay."""
    console = terminal.console(data_follow=as_json)
    options = Options(remove_finalizers=remove_finalizers, forget_secrets=forget_secrets)

    def agree(teardown: Teardown) -> bool:
        if dry_run:
            console.info("DRY RUN: nothing was deleted")
            return False
        return yes or terminal.agreed(console, f"Delete {counted(len(teardown.deleted), 'resource')}?")

    with Session.open(file, console, kubeconfig=kubeconfig, helm=helm, options=options, allow_plain_secrets=allow_plain_secrets) as session:
        teardown = session.engine(COMPONENTS).down(agree)
        if as_json:
            terminal.write(teardown.json())
        console.finish()


def images(
    *,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy those that are missing or other ones, and nothing else.")] = False,
    yes: Yes = False,
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """Show which of this project's images the registry has, or copy them there. Exit code: 0 all, 2 some are missing, 1 problems."""
    console = terminal.console(data_follow=as_json)

    def agree(made: Plan) -> bool:
        return yes or terminal.agreed(console, f"Copy {counted(len(made.changes), 'image')}?")

    with Session.open(file, console, kubeconfig=kubeconfig, allow_plain_secrets=allow_plain_secrets) as session:
        engine = session.engine([ImagesAlone()])
        made = engine.up(agree) if copy else engine.plan()
        if as_json:
            terminal.write(made.json())
        if copy:
            console.finish()
            return
        if not as_json:
            report.show_plan(console, made)
    raise typer.Exit(made.exit_code)


def rotate(
    name: Annotated[str | None, typer.Argument(help="The secret, by its name in the list.", show_default=False)] = None,
    *,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    show: Annotated[bool, typer.Option("--list", help="List the secrets, when they last changed, and who uses them.")] = False,
    yes: Yes = False,
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """Take a generated secret away, so that the next `up` makes a new one."""
    from bootstrap.components import rotation  # noqa: PLC0415  only this command needs it

    console = terminal.console(data_follow=as_json)
    with Session.open(file, console, kubeconfig=kubeconfig, allow_plain_secrets=allow_plain_secrets) as session:
        context = session.context
        if name is None or show:
            found = [(each.name, each.changed(context), each.used_by) for each in rotation.rotatables(context.platform)]
            if as_json:
                terminal.write({"secrets": [{"name": one, "changed": changed, "used_by": used_by} for one, changed, used_by in found]})
            else:
                console.table(("secret", "changed", "used by"), [(one, changed or "(none)", used_by) for one, changed, used_by in found])
            return
        wanted = rotation.find(context.platform, name)
        if yes or terminal.agreed(console, f"Take {name} away? It is used by {wanted.used_by}."):
            rotation.rotate(context, wanted)
            if as_json:
                terminal.write({"rotated": name, "next": "bootstrap up"})
            console.info(f"{name} is taken away; now run `bootstrap up`, which makes a new one and brings it to {wanted.used_by}")


# In the list of commands each has one line of 80 characters.
_LINES: Mapping[Callable[..., None], str] = {
    init: "Write a platform.yaml to fill in.",
    plan: "Show what `up` would do.",
    up: "Install the platform, or bring it to platform.yaml.",
    status: "Show what state everything is in.",
    down: "Remove the platform; data and applications stay.",
    checking.check: "Check files and an application's repository.",
    rendering.render: "Write the platform as files for kubectl and Helm.",
    images: "Show this project's images, or copy them.",
    rotate: "Take a secret away, so that `up` makes a new one.",
    backups.backup: "Export what the cluster alone holds.",
    backups.restore: "Bring back what `backup` has exported.",
    break_glass.break_glass: "Let promotions through in market hours.",
    break_glass.audit: "List who broke glass, when and why.",
    verification.verify: "See whether the running platform works.",
    migration.migrate: "Take an application's repository off GHCR.",
}
for _each, _line in _LINES.items():
    app.command(short_help=_line)(_each)
app.add_typer(break_glass.operator, name="operator", short_help="Make logins for people who may break glass.")


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"bootstrap {_version()}")
        raise typer.Exit


def run(arguments: Sequence[str]) -> int:
    """Run a command; every error of a user's is one message, and its exit code is returned."""
    with terminal.secretive():
        console = terminal.console(data_follow=bool({"--json", "--csv"} & {*arguments}))
        try:
            with terminated():
                app(list(arguments), prog_name="bootstrap")
        except SystemExit as error:
            # What typer says of a wrong command line it ends with 2, as a plan with changes ends.
            if isinstance(error.__context__, TyperException):
                return USAGE
            return error.code if isinstance(error.code, int) else 0
        except PluginError as error:
            console.error(error)
            return error.exit_code
        except Exception as error:  # noqa: BLE001  a bug of ours: nothing may reach Python's own traceback, which would print secrets
            console.error(_bug(console, error))
            return 1
        return 0


def _bug(console: Console, error: Exception) -> PluginError:
    # One text, so that a secret of several lines is seen as one.
    trace = console.redactor.text("".join(traceback.format_exception(error)))
    return PluginError(
        f"bootstrap {_version()} broke: this is a bug of bootstrap",
        details=trace.rstrip().splitlines(),
        hint="report the lines above; secrets that it knew are redacted in them. What was done by then stays, and running it again goes on",
    )


def _version() -> str:
    # Images carry the tag of git.
    return os.environ.get("LOCAL_CICD_VERSION") or bootstrap.__version__

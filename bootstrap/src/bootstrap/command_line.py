"""The commands of `bootstrap`, and what they print."""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import bootstrap
from bootstrap.backup import commands as backups
from bootstrap.break_glass import commands as break_glass
from bootstrap.components import COMPONENTS
from bootstrap.components.images.alone import ImagesAlone
from bootstrap.core import report
from bootstrap.core.context import Options
from bootstrap.core.plan import Plan, Teardown
from bootstrap.options import FILE, File, HelmProgram, Json, Kubeconfig, Plain, Yes
from bootstrap.platform.example import example
from bootstrap.platform.load import load
from bootstrap.platform.schema import schema_text
from bootstrap.session import Session
from bootstrap.verify import commands as verification
from plugin_kit.console import Console, counted
from plugin_kit.errors import PluginError
from plugin_kit.process import terminated

SCHEMA = "platform.schema.json"

app = typer.Typer(
    name="bootstrap",
    help="Installs, checks and removes the platform on a Kubernetes cluster: once, and again and again without harm.",
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


@app.command()
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
    file.write_text(example(schema=SCHEMA), encoding="utf-8")
    # Of this version, whatever lay there before.
    file.with_name(SCHEMA).write_text(schema_text(), encoding="utf-8")
    console = Console()
    console.info(f"{file} written: fill in what has nothing behind its colon, then `bootstrap plan`")
    console.info(f"{file.with_name(SCHEMA)} written: with it, an editor explains the keys and marks mistakes")


@app.command()
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
    console = _console(as_json)
    options = Options(allow_upgrade=allow_upgrade, take_over=take_over, import_clones=import_clones)
    with Session.open(file, console, kubeconfig=kubeconfig, helm=helm, options=options, allow_plain_secrets=allow_plain_secrets) as session:
        made = session.engine(COMPONENTS).plan()
        _answer(made.json(), as_json)
        if not as_json:
            report.show_plan(console, made)
    raise typer.Exit(made.exit_code)


@app.command()
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
) -> None:
    """Install the platform, or bring it to what platform.yaml says; shows the plan first and asks."""
    console = _console(as_json)
    options = Options(allow_upgrade=allow_upgrade, take_over=take_over, import_clones=import_clones, remove_finalizers=remove_finalizers)

    def agree(made: Plan) -> bool:
        return yes or _asked(console, f"Make {counted(len(made.changes), 'change')}?")

    with Session.open(file, console, kubeconfig=kubeconfig, helm=helm, options=options, allow_plain_secrets=allow_plain_secrets) as session:
        made = session.engine(COMPONENTS).up(agree)
        _answer(made.json(), as_json)
        console.finish()


@app.command()
def status(
    *,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    helm: HelmProgram = "helm",
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """Show what state everything is in. Exit code: 0 all in order, 1 something is not."""
    console = _console(as_json)
    with Session.open(file, console, kubeconfig=kubeconfig, helm=helm, allow_plain_secrets=allow_plain_secrets) as session:
        found = session.engine(COMPONENTS).status()
        _answer(found.json(), as_json)
        if not as_json:
            report.show_status(console, found)
    raise typer.Exit(found.exit_code)


@app.command()
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
    console = _console(as_json)
    options = Options(remove_finalizers=remove_finalizers, forget_secrets=forget_secrets)

    def agree(teardown: Teardown) -> bool:
        if dry_run:
            console.info("DRY RUN: nothing was deleted")
            return False
        return yes or _asked(console, f"Delete {counted(len(teardown.deleted), 'resource')}?")

    with Session.open(file, console, kubeconfig=kubeconfig, helm=helm, options=options, allow_plain_secrets=allow_plain_secrets) as session:
        teardown = session.engine(COMPONENTS).down(agree)
        _answer(teardown.json(), as_json)
        console.finish()


@app.command()
def check(
    *,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="What is right stands here: platform.yaml, where there is one.", show_default=False)
    ] = None,
    rendered: Annotated[Path | None, typer.Option(help="The folder that `render` has written.", show_default=False)] = None,
    repository: Annotated[Path | None, typer.Option(help="The repository of an application.", show_default=False)] = None,
    charts: Annotated[
        list[Path] | None,
        typer.Option(help="A folder with archives of charts; Helm's own cache is looked through, too.", show_default=False),
    ] = None,
    helm: HelmProgram = "helm",
    as_json: Json = False,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report, too.", show_default=False)] = None,
    allow_plain_secrets: Plain = False,
) -> None:
    """Look at the rendered platform and an application's repository, without a cluster. Exit code: 0 nothing is wrong, 1 something is."""
    # With their own parts: what only this command needs takes time to load.
    from bootstrap.check import report as check_report  # noqa: PLC0415
    from bootstrap.check import run as checks  # noqa: PLC0415
    from bootstrap.results import junit as junit_report  # noqa: PLC0415
    from bootstrap.results import report as results_report  # noqa: PLC0415

    begun = time.monotonic()
    console = _console(as_json)
    described = file or (FILE if FILE.is_file() else None)
    loaded = load(described, allow_plain_secrets=allow_plain_secrets) if described else None
    for warning in loaded.warnings if loaded else ():
        console.warn(warning)
    results = checks.check(checks.read(rendered=rendered, repository=repository, loaded=loaded, helm=helm, charts=charts or ()))
    if junit:
        junit_report.write(junit, results, command="check", begun=begun)
    _answer(check_report.as_json(results), as_json)
    if not as_json:
        results_report.show(console, results)
    raise typer.Exit(results_report.exit_code(results))


@app.command()
def render(
    *,
    file: File = FILE,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder; files that were rendered into it before are renewed.")],
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """Write the platform as plain files for kubectl and Helm, without a cluster. No secret is in them; the README says where each goes."""
    from bootstrap.render.folder import write  # noqa: PLC0415  only this command needs it
    from bootstrap.render.render import render as rendered  # noqa: PLC0415

    console = _console(as_json)
    loaded = load(file, allow_plain_secrets=allow_plain_secrets)
    for warning in loaded.warnings:
        console.warn(warning)
    made = write(output, rendered(loaded.platform, COMPONENTS, file.resolve().parent, output=output.resolve(), source=file.name))
    _answer({"changed": list(made.changed), "removed": list(made.removed), "unchanged": made.unchanged}, as_json)
    if not as_json:
        for name in made.removed:
            console.detail(f"removed {name}")
        console.info(f"{output}: {counted(len(made.changed), 'file')} written, {len(made.removed)} removed, {made.unchanged} as before")
        console.info(f"What to do with them is in {output / 'README.md'}")


@app.command()
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
    console = _console(as_json)

    def agree(made: Plan) -> bool:
        return yes or _asked(console, f"Copy {counted(len(made.changes), 'image')}?")

    with Session.open(file, console, kubeconfig=kubeconfig, allow_plain_secrets=allow_plain_secrets) as session:
        engine = session.engine([ImagesAlone()])
        made = engine.up(agree) if copy else engine.plan()
        _answer(made.json(), as_json)
        if copy:
            console.finish()
            return
        if not as_json:
            report.show_plan(console, made)
    raise typer.Exit(made.exit_code)


@app.command()
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

    console = _console(as_json)
    with Session.open(file, console, kubeconfig=kubeconfig, allow_plain_secrets=allow_plain_secrets) as session:
        context = session.context
        if name is None or show:
            found = [(each.name, each.changed(context), each.used_by) for each in rotation.rotatables(context.platform)]
            _answer({"secrets": [{"name": one, "changed": changed, "used_by": used_by} for one, changed, used_by in found]}, as_json)
            if not as_json:
                console.table(("secret", "changed", "used by"), [(one, changed or "(none)", used_by) for one, changed, used_by in found])
            return
        wanted = rotation.find(context.platform, name)
        if yes or _asked(console, f"Take {name} away? It is used by {wanted.used_by}."):
            rotation.rotate(context, wanted)
            _answer({"rotated": name, "next": "bootstrap up"}, as_json)
            console.info(f"{name} is taken away; now run `bootstrap up`, which makes a new one and brings it to {wanted.used_by}")


app.command()(backups.backup)
app.command()(backups.restore)
app.command("break-glass")(break_glass.break_glass)
app.add_typer(break_glass.operator, name="operator")
app.command()(break_glass.audit)
app.command()(verification.verify)


@app.command()
def migrate(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The repository of the application, a folder on this machine.")],
    *,
    file: File = FILE,
    project: Annotated[
        str | None, typer.Option(help="Which project of platform.yaml it is, where that can't be seen.", show_default=False)
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--from", metavar="PREFIX", help="How its images begin, beside what its remotes say: ghcr.io/owner/folder.", show_default=False
        ),
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Files or folders to leave out.", show_default=False)] = None,
    write: Annotated[bool, typer.Option("--write", help="Make the changes: all of them, or none.")] = False,
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """Take an application's repository off GHCR; shows a diff first. Exit code: 0 nothing to do, or written; 2 changes, 1 problems."""
    # With its own parts: what only this command needs takes time to load.
    from bootstrap.migrate import report as migrate_report  # noqa: PLC0415
    from bootstrap.migrate.run import prepare  # noqa: PLC0415

    console = _console(as_json)
    loaded = load(file, allow_plain_secrets=allow_plain_secrets)
    made = prepare(path, loaded, project=project, given=given or (), exclude=exclude or ())
    if write:
        made.write()
    _answer(migrate_report.as_json(made, written=write), as_json)
    if not as_json:
        migrate_report.show(console, made, written=write)
    raise typer.Exit(made.plan.exit_code if made.plan.problems or not write else 0)


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        # Images carry the tag of git.
        typer.echo(f"bootstrap {os.environ.get('LOCAL_CICD_VERSION') or bootstrap.__version__}")
        raise typer.Exit


def run(arguments: Sequence[str]) -> int:
    """Run a command; every error of a user's is one message, and its exit code is returned."""
    try:
        with terminated():
            app(list(arguments), prog_name="bootstrap")
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0
    except PluginError as error:
        Console(sys.stderr if {"--json", "--csv"} & {*arguments} else sys.stdout).error(error)
        return error.exit_code
    return 0


def _console(as_json: bool) -> Console:
    return Console(sys.stderr if as_json else sys.stdout)


def _answer(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _asked(console: Console, question: str) -> bool:
    if not sys.stdin.isatty():
        raise PluginError("nobody can be asked here: standard input is no terminal", hint="look at the plan, then run it with --yes")
    if typer.confirm(question, err=True):
        return True
    console.info("nothing was changed")
    return False

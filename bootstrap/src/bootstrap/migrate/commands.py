"""The command `migrate`."""

from pathlib import Path
from typing import Annotated

import typer

from bootstrap import terminal
from bootstrap.options import FILE, File, Json, Plain
from bootstrap.platform.load import load


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
    from bootstrap.migrate import journal  # noqa: PLC0415
    from bootstrap.migrate import report as migrate_report  # noqa: PLC0415
    from bootstrap.migrate.run import prepare  # noqa: PLC0415

    console = terminal.console(data_follow=as_json)
    loaded = load(file, allow_plain_secrets=allow_plain_secrets)
    if restored := journal.recover(path):
        migrate_report.show_restored(console, restored)
    made = prepare(path, loaded, project=project, given=given or (), exclude=exclude or ())
    if write:
        made.write()
    if as_json:
        terminal.write(migrate_report.as_json(made, written=write))
    else:
        migrate_report.show(console, made, written=write)
    raise typer.Exit(made.plan.exit_code if made.plan.problems or not write else 0)

"""The commands `backup` and `restore`."""

from pathlib import Path
from typing import Annotated

import typer

from bootstrap import terminal
from bootstrap.options import FILE, File, Json, Kubeconfig, Plain, Yes
from bootstrap.session import Session
from plugin_kit.console import counted


def backup(  # noqa: PLR0913  the options of a command
    *,
    file: File = FILE,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A folder that gets a folder for each backup; or a file that ends in .tar, .tar.gz or .tgz."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="records, break-glass, kargo or argo-cd; default: all.", show_default=False)
    ] = None,
    recipient: Annotated[
        list[str] | None, typer.Option(help="A public key of age, in place of those in platform.yaml.", show_default=False)
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="How many stay in the folder. Default: `backup.keep`.", show_default=False)
    ] = None,
    new_identity: Annotated[
        Path | None, typer.Option(help="Only make a private key, write it to this file, and print its public key.", show_default=False)
    ] = None,
    scope: Annotated[
        Path | None, typer.Option(help="What to export, in place of platform.yaml: the nightly Job's file.", show_default=False)
    ] = None,
    kubeconfig: Kubeconfig = None,
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """Export Secrets of record (encrypted), break-glass records, and the objects of Kargo and Argo CD."""
    from bootstrap.backup import report as backup_report  # noqa: PLC0415  only this command needs it
    from bootstrap.backup import run as backups  # noqa: PLC0415

    console = terminal.console(data_follow=as_json)
    if new_identity:
        backups.make_identity(console, new_identity)
        return
    request = backups.Request(
        output=backups.target(output),
        file=file,
        scope=scope,
        kubeconfig=kubeconfig,
        only=backups.parts(only or ()),
        recipients=recipient or (),
        keep=keep,
        allow_plain_secrets=allow_plain_secrets,
    )
    made = backups.back_up(console, request)
    backup_report.show_made(console, made)
    if as_json:
        terminal.write(backup_report.made_json(made))
    console.finish()


def restore(  # noqa: PLR0913  the options of a command
    *,
    source: Annotated[list[Path], typer.Argument(metavar="FROM...", help="Backups, or folders of which the newest whole one is taken.")],
    file: File = FILE,
    identity: Annotated[Path | None, typer.Option(help="The file with the private key of age.", show_default=False)] = None,
    without_secrets: Annotated[bool, typer.Option("--without-secrets", help="Leave the secrets out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there and differs.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave what is there and differs, and restore the rest.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be restored.")] = False,
    kubeconfig: Kubeconfig = None,
    yes: Yes = False,
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """Bring back what `backup` has exported; best before `up`. Exit code: 0 all is there, 2 something is to be done, 1 problems."""
    from bootstrap.backup import run as backups  # noqa: PLC0415  only this command needs it

    console = terminal.console(data_follow=as_json)
    choice = backups.choice(overwrite=overwrite, keep=keep)

    def agree(number: int) -> bool:
        return yes or terminal.agreed(console, f"Restore {counted(number, 'object')}?", look="--dry-run", declined="nothing was restored")

    with Session.open(file, console, kubeconfig=kubeconfig, allow_plain_secrets=allow_plain_secrets, warned=False) as session:
        after = backups.restore(
            session.context, source, identity, without_secrets=without_secrets, choice=choice, dry_run=dry_run, confirm=agree
        )
        console.finish()
        if as_json:
            terminal.write(after.json())
    raise typer.Exit(after.code(keep=keep))

"""The command `verify`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from bootstrap import terminal
from bootstrap.options import FILE, File, HelmProgram, Json, Kubeconfig, Plain
from bootstrap.session import Session


def verify(  # noqa: PLR0913  each is an option of the command
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAMES",
            help="Only these checks (gitea,login), and those they need. Any other name lists them.",
            show_default=False,
        ),
    ] = None,
    project: Annotated[
        str | None, typer.Option(help="Whose repository the commit is pushed to, where there are several projects.", show_default=False)
    ] = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Promote the commit to the last stage, with all on the branch that does not run there yet.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Push the commit without a question.")] = False,
    patience: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="How long to wait for the pipeline, and for each promotion.")
    ] = "1h",
    after_down: Annotated[
        bool, typer.Option("--after-down", help="After `down`: see that what must stay is there, and nothing else.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report, too.", show_default=False)] = None,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    helm: HelmProgram = "helm",
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """See whether the running platform is what it claims to be, with a commit that it pushes and follows if you agree.

    Exit code: 0 nothing is wrong, 1 something is.
    """
    # With its own parts: what only this command needs takes time to load.
    from bootstrap.results import junit as junit_report  # noqa: PLC0415
    from bootstrap.results.report import exit_code  # noqa: PLC0415
    from bootstrap.verify import agreement, report, run  # noqa: PLC0415
    from bootstrap.verify.rows import AFTER_DOWN, PUSHING, ROWS  # noqa: PLC0415
    from bootstrap.verify.scene import Scene  # noqa: PLC0415

    begun = time.monotonic()
    rows = run.chosen(AFTER_DOWN if after_down else ROWS, only or ())
    seconds = agreement.seconds(patience)
    console = terminal.console(data_follow=as_json)
    with Session.open(file, console, kubeconfig=kubeconfig, helm=helm, allow_plain_secrets=allow_plain_secrets, warned=False) as session:
        # One error rather than one in each line.
        session.context.cluster.version()
        run.permitted(session.context)
        scene = Scene(context=session.context, to_the_end=promote, patience=seconds)
        if {*PUSHING} & {*rows}:
            agreement.settle(scene, rows, name=project, yes=yes)
        table = report.Table(console=console, rows=rows)
        try:
            results = run.verify(scene, rows, done=table.add)
            table.end(results, seconds=time.monotonic() - begun)
        finally:
            # Above all where somebody has cancelled it.
            for left in scene.left:
                console.info(f"What stays: {left}.")
    if junit:
        junit_report.write(junit, results, command="verify", begun=begun)
    if as_json:
        terminal.write(report.as_json(results, left=scene.left))
    raise typer.Exit(exit_code(results))

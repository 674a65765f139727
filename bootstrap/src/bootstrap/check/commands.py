"""The command `check`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from bootstrap import terminal
from bootstrap.options import FILE, HelmProgram, Json, Plain
from bootstrap.platform.load import load
from plugin_kit.errors import PluginError


def check(
    folder: Annotated[Path | None, typer.Argument(hidden=True, metavar="--rendered FOLDER | --repository FOLDER")] = None,
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

    if folder:
        raise PluginError(
            f"what is {folder}?", hint=f"--repository {folder}, or --rendered {folder} for what `bootstrap render` has written"
        )
    begun = time.monotonic()
    console = terminal.console(data_follow=as_json)
    described = file or (FILE if FILE.is_file() else None)
    loaded = load(described, allow_plain_secrets=allow_plain_secrets) if described else None
    for warning in loaded.warnings if loaded else ():
        console.warn(warning)
    results = checks.check(checks.read(rendered=rendered, repository=repository, loaded=loaded, helm=helm, charts=charts or ()))
    if junit:
        junit_report.write(junit, results, command="check", begun=begun)
    if as_json:
        terminal.write(check_report.as_json(results))
    else:
        results_report.show(console, results)
    raise typer.Exit(results_report.exit_code(results))

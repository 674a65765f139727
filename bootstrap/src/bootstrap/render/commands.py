"""The command `render`."""

from pathlib import Path
from typing import Annotated

import typer

from bootstrap import terminal
from bootstrap.components import COMPONENTS
from bootstrap.options import FILE, File, Json, Plain
from bootstrap.platform.load import load
from plugin_kit.console import counted


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

    console = terminal.console(data_follow=as_json)
    loaded = load(file, allow_plain_secrets=allow_plain_secrets)
    for warning in loaded.warnings:
        console.warn(warning)
    made = write(output, rendered(loaded.platform, COMPONENTS, file.resolve().parent, output=output.resolve(), source=file.name))
    if as_json:
        terminal.write({"changed": list(made.changed), "removed": list(made.removed), "unchanged": made.unchanged})
    else:
        for name in made.removed:
            console.detail(f"removed {name}")
        console.info(f"{output}: {counted(len(made.changed), 'file')} written, {len(made.removed)} removed, {made.unchanged} as before")
        console.info(f"What to do with them is in {output / 'README.md'}")

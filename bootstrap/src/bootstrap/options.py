"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

FILE = Path("platform.yaml")

File = Annotated[Path, typer.Option("--file", "-f", help="The description of the platform.")]
Kubeconfig = Annotated[
    Path | None, typer.Option(help="By default that of KUBECONFIG, the pod's own, or ~/.kube/config.", show_default=False)
]
HelmProgram = Annotated[str, typer.Option("--helm", help="The Helm program, 3.14 or newer.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs; everything else goes to standard error.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Plain = Annotated[bool, typer.Option("--allow-plain-secrets", help="Accept secrets that stand in the file in clear text.")]

"""How a command speaks: with the person in front of it, and with the program behind it."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import typer

from plugin_kit.console import Console
from plugin_kit.errors import PluginError


def console(*, data_follow: bool) -> Console:
    """Open what a person reads; where data for a program go to standard output, it is standard error."""
    return Console(sys.stderr if data_follow else sys.stdout)


def write(document: Mapping[str, Any]) -> None:
    """Print what a program reads."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def agreed(console: Console, question: str, *, look: str = "the plan", declined: str = "nothing was changed") -> bool:
    """Ask; raises PluginError where nobody can be asked, with the advice to look at `look` first."""
    if not sys.stdin.isatty():
        raise PluginError("nobody can be asked here: standard input is no terminal", hint=f"look at {look}, then run it with --yes")
    if typer.confirm(question, err=True):
        return True
    console.info(declined)
    return False

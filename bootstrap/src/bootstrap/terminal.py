"""How a command speaks: with the person in front of it, and with the program behind it."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import typer

from plugin_kit.console import Console
from plugin_kit.errors import PluginError
from plugin_kit.redact import Redactor

_redactor: ContextVar[Redactor] = ContextVar("redactor")


@contextmanager
def secretive() -> Iterator[None]:
    """Let all that speaks as long as the block lasts know the same secrets: those that any console has been told."""
    token = _redactor.set(Redactor())
    try:
        yield
    finally:
        _redactor.reset(token)


def console(*, data_follow: bool) -> Console:
    """Open what a person reads; where data for a program go to standard output, it is standard error."""
    return Console(sys.stderr if data_follow else sys.stdout, _redactor.get())


def write(document: Mapping[str, Any]) -> None:
    """Print what a program reads, without secrets either."""
    sys.stdout.write(json.dumps(_redacted(document), indent=2, ensure_ascii=False) + "\n")


def redacted(text: str) -> str:
    """Take the secrets out of a text that goes elsewhere than through a console or `write`: into a file, or as CSV.

    Each text by itself, as in `write`: quotes and escapes of the format around it could hide a secret.
    """
    return _redactor.get().text(text)


def agreed(console: Console, question: str, *, look: str = "the plan", declined: str = "nothing was changed") -> bool:
    """Ask; raises PluginError where nobody can be asked, with the advice to look at `look` first."""
    if not sys.stdin.isatty():
        raise PluginError("nobody can be asked here: standard input is no terminal", hint=f"look at {look}, then run it with --yes")
    if typer.confirm(question, err=True):
        return True
    console.info(declined)
    return False


def _redacted(value: Any) -> Any:  # noqa: ANN401  what JSON has
    """Redact each text by itself: in the whole document the quotes and escapes of JSON could hide a secret, or be taken for one."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: _redacted(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(each) for each in value]
    return value

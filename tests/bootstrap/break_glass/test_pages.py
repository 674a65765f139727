"""The how-tos: every command in them can be typed as it stands there."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bootstrap.break_glass.record import KEYS, LABEL
from bootstrap.command_line import app
from devtools.paths import ROOT

PAGES = [ROOT / "docs/how-to" / name for name in ("break-glass.md", "audit-break-glass.md")]
COMMAND = re.compile(r"^(bootstrap [^#\n>]+)|`(bootstrap [a-z-]+ [^`\n]*)`", re.MULTILINE)


def command_lines() -> list[tuple[str, str]]:
    """Return every command line of the pages."""
    return [(page.name, (found[1] or found[2]).strip()) for page in PAGES for found in COMMAND.finditer(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_a_command_can_be_typed(page: str, line: str) -> None:
    """All its options are there."""
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    # Of groups and commands alike, whichever click typer brings along.
    while commands := getattr(command, "commands", None):
        command = commands[words.pop(0)]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("-")} <= known, page


def test_the_record_by_hand_is_one() -> None:
    """Label and keys are those of the record."""
    text = PAGES[0].read_text(encoding="utf-8")
    assert LABEL in text
    assert all(re.search(rf"^  {key}: ", text, re.MULTILINE) for key in KEYS)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative ones, from the page's folder."""
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target

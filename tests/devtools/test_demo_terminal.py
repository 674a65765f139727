"""What `./dev demo --platform` shows of the commands that it types, and when it fails."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from devtools.demo_terminal import Terminal
from devtools.errors import DevError
from devtools.platform.command import CommandLine
from plugin_kit.console import Console

PRINT = """
import time
print("warning: SQLite on NFS")
print("Argo CD")
print("  update    Deployment argocd/argocd-server")
print("Plan: 1 change")
print("==> Argo CD")
print("    update    Deployment argocd/argocd-server")
print(f"    Argo CD: done in {time.monotonic()}s, 1 change")
print("1 warning:")
print("  - SQLite on")
print("    NFS")
"""


def typed(folder: Path, script: str, *, times: int = 1, says: str = "", code: int = 0, login: Path | None = None) -> Terminal:
    """Type `bootstrap up --yes`, which runs a script of Python in its place."""
    command_line = CommandLine(folder=folder, environment=os.environ, program=(sys.executable, "-c", script))
    terminal = Terminal(command_line=command_line, console=Console(colour=False))
    for _ in range(times):
        terminal.bootstrap("up", "--yes", what="it is done", says=says, code=code, login=login)
    return terminal


def test_it_shows_the_plan_and_how_long_the_work_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not the single objects again when they are made, and not the warnings again at the end."""
    typed(tmp_path, PRINT)
    *lines, ended, code = capsys.readouterr().out.splitlines()
    assert lines == [
        "",
        "# it is done",
        "$ bootstrap up --yes",
        "  warning: SQLite on NFS",
        "  Argo CD",
        "    update    Deployment argocd/argocd-server",
        "  Plan: 1 change",
    ]
    assert ended.startswith("      Argo CD: done in ")
    assert code.startswith("  exit code 0, ")


def test_what_was_printed_before_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only news are told, and what they are about."""
    typed(tmp_path, PRINT, times=2)
    _, _, second = capsys.readouterr().out.split("# it is done\n")
    assert [line.split(" in ")[0].split(", ")[0] for line in second.splitlines()] == [
        "$ bootstrap up --yes",
        "  Plan: 1 change",
        "      Argo CD: done",
        "  exit code 0",
    ]


def test_news_come_with_what_they_are_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And what one command says twice is said twice."""
    terminal = typed(tmp_path, "print('Kargo\\n  later\\n    Role a\\nGate\\n  later\\n    Role b')")
    terminal.command_line = replace(terminal.command_line, program=(sys.executable, "-c", "print('Kargo\\nGate\\n  later\\n    Role c')"))
    terminal.bootstrap("up", what="again")
    first, second = ([line.strip() for line in part.splitlines()[1:-1]] for part in capsys.readouterr().out.split("$ bootstrap")[1:])
    assert first[:6] == ["Kargo", "later", "Role a", "Gate", "later", "Role b"]
    assert second == ["Gate", "later", "Role c"]


def test_a_command_runs_as_whoever_has_a_login(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which is seen in the command."""
    login = tmp_path / "ada.kubeconfig"
    typed(tmp_path, "import os; print(os.environ['KUBECONFIG'])", login=login, says=str(login))
    assert "$ KUBECONFIG=ada.kubeconfig bootstrap up --yes" in capsys.readouterr().out


def test_a_command_that_ends_otherwise_ends_the_demo(tmp_path: Path) -> None:
    """With the code that it had; one that was expected is fine."""
    with pytest.raises(DevError, match=r"bootstrap up ended with 3 instead of 0"):
        typed(tmp_path, "raise SystemExit(3)")
    assert [row.code for row in typed(tmp_path, "raise SystemExit(2)", code=2).rows] == [2]


def test_a_command_that_does_not_say_what_it_should_ends_the_demo(tmp_path: Path) -> None:
    """Whatever its code is."""
    with pytest.raises(DevError, match=r"did not say 'Nothing to do'"):
        typed(tmp_path, "print('1 change')", says="Nothing to do")


def test_it_shows_how_long_each_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And all of it."""
    terminal = typed(tmp_path, "")
    terminal.took("the cluster", "with what is around it", 17.04)
    capsys.readouterr()
    terminal.show()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[-2] == ["the", "cluster", "with", "what", "is", "around", "it", "17.0"]
    assert rows[-3][:-1] == ["bootstrap", "up", "it", "is", "done", "0"]
    assert rows[-1][0] == "together"

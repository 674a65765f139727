"""`./dev lint`: which files each linter gets, and what a person reads."""

import argparse
import sys
from pathlib import Path

import pytest

from devtools import docs, lint
from devtools.lint import Check


@pytest.mark.parametrize(
    ("name", "first", "expected"),
    [
        ("dev", "#!/usr/bin/env bash", True),
        ("run", "#!/bin/sh", True),
        ("install.sh", "no first line", True),
        ("tool", "#!/usr/bin/env python3", False),
        ("page.md", "#!/bin/sh", False),
        ("LICENSE", "Apache", False),
        ("empty", "", False),
    ],
)
def test_shell_scripts_are_known_by_name_or_first_line(tmp_path: Path, name: str, first: str, expected: bool) -> None:
    """The linter gets those that have no suffix too."""
    file = tmp_path / name
    file.write_text(f"{first}\n")
    assert lint.is_shell_script(file) is expected


def test_every_linter_gets_its_files() -> None:
    """Dockerfiles by name, pipelines by the names that Woodpecker looks for."""
    files = [
        "dev",
        "plugins/registry-push/Dockerfile",
        "plugins/registry-push/Dockerfile.dockerignore",
        "examples/demo/base/python.Dockerfile",
        ".woodpecker.yml",
        "examples/demo/.woodpecker/test.yml",
        "docs/woodpecker.yml.md",
    ]
    found = {check.name: check.files for check in lint.checks(files)}
    assert found["shellcheck"] == ("dev",)
    assert found["hadolint"] == ("plugins/registry-push/Dockerfile", "examples/demo/base/python.Dockerfile")
    assert found["woodpecker schema"] == (".woodpecker.yml", "examples/demo/.woodpecker/test.yml")
    assert {"ruff check", "ruff format", "mypy", "docs.md"} <= set(found)


def test_all_checks_run_and_the_failed_ones_are_shown_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each, then the output of those that failed, then their names."""

    def made(_files: object) -> list[Check]:
        code = "import sys; print('line 3: wrong'); sys.exit(1)"
        return [
            Check(name="first", command=(sys.executable, "-c", code)),
            Check(name="second", command=(sys.executable, "-c", "print('fine')")),
        ]

    monkeypatch.setattr(lint, "checks", made)
    assert lint.main(argparse.Namespace()) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert lines[0][:2] == ["first", "FAILED"]
    assert lines[1][:2] == ["second", "ok"]
    assert lines[2:] == [["==>", "first"], ["line", "3:", "wrong"], ["1", "of", "2", "checks", "failed:", "first"]]


def test_the_reference_pages_are_fresh() -> None:
    """plugins/*/docs.md is what the settings models say; ./dev docs writes it."""
    stale = [path.name for path, text in docs.pages() if path.read_text(encoding="utf-8") != text]
    assert stale == []

"""A repository in git, the command, and the checks on what it has left."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bootstrap.check import run as checks
from bootstrap.check.finding import Result
from bootstrap.command_line import run
from bootstrap.platform.load import load
from devtools.controlplane import programs
from tests.bootstrap.check.trees import PLATFORM


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder with platform.yaml and a repository below it."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    name: str = "repository"

    @property
    def root(self) -> Path:
        """The repository."""
        return self.folder / self.name

    @property
    def platform(self) -> Path:
        """The description of the platform."""
        return self.folder / "platform.yaml"

    def lay(
        self, files: Mapping[str, str], *, platform: str = PLATFORM, remote: str | None = "git@github.com:ann/shop.git", commit: bool = True
    ) -> None:
        """Write a repository, byte for byte."""
        self.platform.write_text(platform, encoding="utf-8")
        for name, text in files.items():
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        self.git("init", "-q")
        if remote:
            self.git("remote", "add", "origin", remote)
        if commit:
            self.git("add", "-A")
            self.git("-c", "user.name=ann", "-c", "user.email=ann@example.lan", "commit", "-qm", "all")

    def git(self, *arguments: str) -> str:
        """Run git in the repository."""
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        argv = ["git", "-c", "core.autocrlf=false", *arguments]
        return subprocess.run(argv, cwd=self.root, env=environment, check=True, capture_output=True, text=True).stdout

    def migrate(self, *arguments: str) -> tuple[int, str]:
        """Run the command; return its exit code and what it has printed."""
        code = run(["migrate", str(self.root), "--file", str(self.platform), *arguments])
        return code, self.capsys.readouterr().out

    def answer(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run the command with --json."""
        code, printed = self.migrate("--json", *arguments)
        return code, json.loads(printed)

    def check(self, helm: str = "helm-that-is-not-there") -> dict[str, Result]:
        """Check the repository against the platform."""
        subject = checks.read(rendered=None, repository=self.root, loaded=load(self.platform), helm=helm)
        return {result.check.name: result for result in checks.check(subject)}

    def files(self) -> dict[str, bytes]:
        """Return every file outside of git's own folder."""
        paths = [path for path in self.root.rglob("*") if path.is_file() and ".git" not in path.relative_to(self.root).parts[:1]]
        return {str(path.relative_to(self.root)): path.read_bytes() for path in paths}


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    """Return a folder to work in."""
    (tmp_path / "repository").mkdir()
    return Place(folder=tmp_path, capsys=capsys)


@pytest.fixture(scope="session")
def helm() -> str:
    """Return a Helm program, built if need be."""
    return programs.command("helm3")[0]

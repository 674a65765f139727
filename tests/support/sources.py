"""What tests of the source share: settings, pipelines, and programs that are watched."""

import io
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from github_mirror.git import Deadline
from github_mirror.settings import Settings
from github_mirror.source import Source, open_source
from plugin_kit.ci import CI, Event, Netrc
from plugin_kit.console import Console
from tests.support.histories import git

TOKEN = "correct-horse-battery-staple"
LOGIN = ("oauth2", TOKEN)
WHOLE = ["heads/*", "tags/*"]


def rev(folder: Path, name: str = "HEAD") -> str:
    """Give the object of a name."""
    return git(folder, "rev-parse", name)


def settings(**given: Any) -> Settings:  # noqa: ANN401  as the constructor takes them
    """Give settings with what is required."""
    return Settings(remote=["git@github.com:acme/shop.git"], ssh_key=SecretStr("x"), **given)


def pipeline(workspace: Path, sha: str, **given: Any) -> CI:  # noqa: ANN401  as the constructor takes them
    """Give the metadata of a push to main."""
    values = {"event": Event.PUSH, "in_woodpecker": True, "default_branch": "main", "branch": "main", **given}
    return CI(workspace=workspace, sha=sha, **values)


def netrc(password: str = TOKEN, machine: str = "localhost") -> Netrc:
    """Give the credentials that Woodpecker hands to trusted plugins."""
    return Netrc(machine=machine, username="oauth2", password=SecretStr(password))


@contextmanager
def opened(chosen: Settings, ci: CI, seconds: float = 60) -> Iterator[tuple[Source, io.StringIO]]:
    """Open the source; gives the log, too."""
    log = io.StringIO()
    with open_source(chosen, ci, Deadline(seconds), Console(log)) as source:
        yield source, log


def is_whole(source: Source) -> bool:
    """Whether every commit, tree and file of the listed refs is there."""
    return source.git.succeeds("rev-list", "--objects", "--quiet", *source.listing.refs.values())


def empty(tmp_path: Path) -> Path:
    """Give a workspace without a clone."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def spy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put programs in front of git and ssh that write down their arguments and environment."""
    log = folder / "seen"
    programs = folder / "spy"
    programs.mkdir()
    for name in ("git", "git-remote-http", "ssh"):
        real = shutil.which(name) or f"{subprocess.check_output(['git', '--exec-path'], text=True).strip()}/{name}"
        program = programs / name
        program.write_text(f'#!/bin/sh\n{{ echo "@@ {name} $*"; env | sed "s/^/$$ /"; }} >> {log}\nexec {real} "$@"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return log

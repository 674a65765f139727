"""Both sides of the bench of kargo-notify: the plugin's own code in a process of its own, and what it is compared with."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devtools import programs, progress
from devtools.bench import kargo_notify_probe
from devtools.bench.github_mirror_git import timed
from devtools.bench.github_mirror_results import Run
from devtools.bench.github_mirror_step import read
from devtools.bench.kargo_notify_commits import WATCHED, HeldCommit
from devtools.errors import DevError
from devtools.goyaml import Value
from devtools.metadata import Commit, Metadata, Repository, at_run_time
from devtools.settings import encode

_GO_MODULE = Path(__file__).with_name("go") / "verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that releases a commit; `workspace` is an empty folder, `settings` come on top of where the images are."""

    workspace: Path
    settings: Mapping[str, Value] = field(default_factory=dict)

    def run(self, commit: HeldCommit, *argv: str) -> Run:
        """Release the commit that is held; its record is read from the registry, as in a workflow of its own."""
        # -P: the folder of the probe has modules with names like the plugin's.
        return read(timed([sys.executable, "-P", kargo_notify_probe.__file__, *argv], self._environment(commit), self.workspace))

    def version(self) -> float:
        """Give the seconds of `--version`: Python, the command line, and none of the rest."""
        return timed([sys.executable, "-m", "kargo_notify", "--version"], _own_environment()).seconds

    def _environment(self, commit: HeldCommit) -> dict[str, str]:
        moment = int(commit.created.timestamp())
        pushed = Commit(sha=commit.sha, ref="refs/heads/main", branch="main", message="a change", timestamp=moment)
        metadata = Metadata(event="push", repository=Repository(full_name="acme/shop"), commit=pushed, number=commit.number)
        known = at_run_time(metadata.variables("release"), kind="plugin", workspace=str(self.workspace), started=moment, status="success")
        common: dict[str, Value] = {"registry": commit.host, "project": commit.project, "watch": [WATCHED]}
        return {**_own_environment(), **known, **encode({**common, **self.settings}, {}).values}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoClient:
    """A program that does what the verification does, with Go's HTTP client and nothing around it."""

    program: Path

    @classmethod
    def build(cls, folder: Path) -> "GoClient":
        """Build it into a folder."""
        program = folder / "verify"
        with progress.step("building the Go client"):
            command = ["go", "build", "-trimpath", "-o", str(program), "."]
            programs.run(command, cwd=_GO_MODULE, env={"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"})
        return cls(program=program)

    def verify(self, commit: HeldCommit, *, connections: int) -> float:
        """Look at everything of a commit and give the seconds that it took, its start not included."""
        images = "".join(f"{path} {commit.tag}\n" for path in commit.paths)
        argv = [str(self.program), commit.host, str(connections)]
        done = subprocess.run(argv, input=images, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DevError(f"the Go client failed: {done.stderr.strip()}")
        return float(json.loads(done.stdout)["seconds"])


def inspect_each(commit: HeldCommit) -> float:
    """Run `skopeo inspect` for each image of a commit, one after another, and give the seconds."""
    seconds = 0.0
    for path in commit.paths:
        reference = f"docker://{commit.host}/{path}:{commit.tag}"
        seconds += timed(["skopeo", "inspect", "--tls-verify=false", reference], _own_environment()).seconds
    return seconds


def _own_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "PYTHONPATH") if name in os.environ}

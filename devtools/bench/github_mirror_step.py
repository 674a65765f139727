"""Our side: the plugin's own code in a process of its own, with what Woodpecker gives a step."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devtools.bench import github_mirror_probe
from devtools.bench.github_mirror_git import Timed, git, timed
from devtools.bench.github_mirror_results import Run, Span
from devtools.goyaml import Value
from devtools.metadata import Commit, Metadata, Repository, at_run_time
from devtools.settings import encode

_REPOSITORY = Repository(full_name="acme/shop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that mirrors what the branch main of a forge is on; `settings` as in YAML, `more` are further CI_* variables."""

    forge: Path
    workspace: Path
    settings: Mapping[str, Value]
    more: Mapping[str, str] = field(default_factory=dict)

    def run(self, url: str, *argv: str) -> Run:
        """Mirror to an address."""
        # -P: the folder of the probe has modules with names like the plugin's.
        return read(timed([sys.executable, "-P", github_mirror_probe.__file__, *argv], self._environment(url), self.workspace))

    def version(self) -> float:
        """Give the seconds of `--version`: Python, the command line, and none of the rest."""
        return timed([sys.executable, "-m", "github_mirror", "--version"], _own_environment()).seconds

    def _environment(self, url: str) -> dict[str, str]:
        sha = git(self.forge, "rev-parse", "main")
        commit = Commit(sha=sha, ref="refs/heads/main", branch="main", message="a change", timestamp=1_700_000_000)
        known = at_run_time(
            Metadata(event="push", repository=_REPOSITORY, commit=commit).variables("mirror"),
            kind="plugin",
            workspace=str(self.workspace),
            started=1_700_000_000,
            status="success",
        )
        given = encode({**self.settings, "remote": url, "strict": "true"}, {})
        return {**_own_environment(), **known, "CI_REPO_CLONE_URL": str(self.forge), **self.more, **given.values}


def read(done: Timed) -> Run:
    """Read what the probe has said."""
    found = json.loads(done.stderr.splitlines()[-1])
    spans = tuple(Span(name=name, begun=begun, ended=ended) for name, begun, ended in found["spans"])
    return Run(launched=done.launched, begun=found["begun"], ended=found["ended"], gone=done.gone, spans=spans, peak_kib=found["peak_kib"])


def _own_environment(kept: Sequence[str] = ("PATH", "HOME", "TMPDIR", "PYTHONPATH")) -> dict[str, str]:
    return {name: os.environ[name] for name in kept if name in os.environ}

"""`./dev lock`: writes the requirement locks, with hashes and without addresses of package indexes."""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from devtools import programs, progress
from devtools.errors import DevError
from devtools.paths import ROOT

PLUGIN_KIT = Path("plugins/plugin-kit/pyproject.toml")
IMAGE_PYTHON = "3.13"


def main(arguments: argparse.Namespace) -> int:
    """Write requirements.lock, and for the image builds one lock per plugin and one with the build backend."""
    upgrade = ["--upgrade"] if arguments.upgrade else []
    members = sorted(path.relative_to(ROOT) for path in ROOT.glob("plugins/*/pyproject.toml"))
    root = Path("requirements.lock")
    with progress.step(f"locking {root}"):
        _compile([*members, Path("pyproject.toml")], root, ["--group", "dev", "--python-version", "3.11", *upgrade])
    # What a plugin's image installs is what was tested: its lock takes its versions from the root's.
    tested = ["--constraint", str(root), "--python-version", IMAGE_PYTHON]
    for member in members:
        if member == PLUGIN_KIT or not (ROOT / member).with_name("Dockerfile").exists():
            continue
        lock = member.with_name("requirements.lock")
        with progress.step(f"locking {lock}"):
            _compile([PLUGIN_KIT, member], lock, tested)
    build = Path("plugins/build-requirements.lock")
    (ROOT / build).write_text(_stanza(root, "flit-core"), encoding="utf-8")
    return 0


def _stanza(lock: Path, package: str) -> str:
    """Return the lines of one package of a lock: its version and hashes."""
    found = re.search(rf"^{package}==.*\n(?:[ \t]+--hash.*\n?)*", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise DevError(f"{lock} has no {package}, which builds the plugins' packages")
    return found[0]


def _compile(sources: Sequence[Path], lock: Path, options: Sequence[str]) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "uv"
    own = [option for path in sorted(ROOT.glob("plugins/*/pyproject.toml")) for option in ("--no-emit-package", path.parent.name)]
    shape = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
    command = [uv, "pip", "compile", *map(str, sources), *own, *shape, *options, "--output-file", str(lock)]
    programs.run(command, cwd=ROOT)

"""`./dev lock`: writes the requirement locks, with hashes and without addresses of package indexes."""

import argparse
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from devtools import programs, progress
from devtools.errors import DevError
from devtools.paths import ROOT

PLUGIN_KIT = Path("plugins/plugin-kit/pyproject.toml")
IMAGE_PYTHON = "3.13"
# runmefirst.sh makes an environment of this lock with whatever Python a machine has.
OLDEST_PYTHON = "3.11"
BOOTSTRAP = Path("bootstrap/pyproject.toml")


def main(arguments: argparse.Namespace) -> int:
    """Write requirements.lock, and for the image builds one lock per image and one with the build backend."""
    upgrade = ["--upgrade"] if arguments.upgrade else []
    members = _members()
    root = Path("requirements.lock")
    with progress.step(f"locking {root}"):
        _compile([*members, Path("pyproject.toml")], root, ["--group", "dev", "--python-version", "3.11", *upgrade])
    # What an image installs is what was tested: its lock takes its versions from the root's.
    for member in members:
        if member == PLUGIN_KIT or not (ROOT / member).with_name("Dockerfile").exists():
            continue
        lock = member.with_name("requirements.lock")
        with progress.step(f"locking {lock}"):
            python = OLDEST_PYTHON if member == BOOTSTRAP else IMAGE_PYTHON
            shared = [PLUGIN_KIT] if "plugin-kit" in (ROOT / member).read_text(encoding="utf-8") else []
            _compile([*shared, member], lock, ["--constraint", str(root), "--python-version", python])
    build = Path("plugins/build-requirements.lock")
    (ROOT / build).write_text(_stanza(root, "flit-core"), encoding="utf-8")
    return 0


def _members() -> list[Path]:
    """List the pyproject.toml of each member of the workspace."""
    globs = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["workspace"]["members"]
    return sorted(path.relative_to(ROOT) for glob in globs for path in ROOT.glob(f"{glob}/pyproject.toml"))


def _stanza(lock: Path, package: str) -> str:
    """Return the lines of one package of a lock: its version and hashes."""
    found = re.search(rf"^{package}==.*\n(?:[ \t]+--hash.*\n?)*", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise DevError(f"{lock} has no {package}, which builds the plugins' packages")
    return found[0]


def _compile(sources: Sequence[Path], lock: Path, options: Sequence[str]) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "uv"
    own = [option for path in _members() for option in ("--no-emit-package", path.parent.name)]
    shape = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
    command = [uv, "pip", "compile", *map(str, sources), *own, *shape, *options, "--output-file", str(lock)]
    programs.run(command, cwd=ROOT)

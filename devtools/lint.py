"""`./dev lint`: every linter, all of them even when one fails, and what they found at the end."""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from devtools import programs, progress
from devtools.errors import DevError
from devtools.paths import ROOT

# As many as have a processor to themselves on a small machine.
AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A linter and the files that it looks at."""

    name: str
    command: tuple[str, ...]
    files: tuple[str, ...] = ()
    """Paths in the repository; a check that looks for its own files has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check said."""

    check: Check
    failed: bool
    seconds: float
    output: str


def main(arguments: argparse.Namespace) -> int:
    """Run the checks and show the whole output of those that failed, after one line for each."""
    del arguments
    with ThreadPoolExecutor(AT_ONCE) as pool:
        findings = []
        for finding in pool.map(_run, checks(tracked())):
            findings.append(finding)
            count = f"{len(finding.check.files)} files" if finding.check.files else ""
            progress.say(f"{finding.check.name:24} {'FAILED' if finding.failed else 'ok':6} {finding.seconds:6.1f} s  {count}".rstrip())
    failed = [finding for finding in findings if finding.failed]
    for finding in failed:
        progress.say(f"\n==> {finding.check.name}\n{finding.output.strip()}")
    if failed:
        progress.say(f"\n{len(failed)} of {len(findings)} checks failed: {', '.join(finding.check.name for finding in failed)}")
    return 1 if failed else 0


def checks(files: Sequence[str]) -> list[Check]:
    """Return the checks for the files of the repository, the slowest first."""
    scripts = tuple(name for name in files if is_shell_script(ROOT / name))
    dockerfiles = tuple(name for name in files if Path(name).name == "Dockerfile" or name.endswith(".Dockerfile"))
    pipelines = tuple(name for name in files if Path(name).name == ".woodpecker.yml" or "/.woodpecker/" in f"/{name}")
    here = str(Path(sys.executable).parent)
    python = (sys.executable, "-P", "-m")
    every = [
        Check(name="mypy", command=(*python, "mypy")),
        Check(name="ruff check", command=(*python, "ruff", "check", "--quiet", ".")),
        Check(name="ruff format", command=(*python, "ruff", "format", "--check", "--quiet", "--diff", ".")),
        Check(name="shellcheck", command=(f"{here}/shellcheck", "--severity=style"), files=scripts),
        Check(name="hadolint", command=(f"{here}/hadolint", "--no-color"), files=dockerfiles),
        Check(
            name="woodpecker schema",
            command=(*python, "check_jsonschema", "--builtin-schema", "vendor.woodpecker-ci"),
            files=pipelines,
        ),
        Check(name="docs.md", command=(*python, "devtools", "docs", "--check")),
    ]
    looking_for_themselves = {"mypy", "ruff check", "ruff format", "docs.md"}
    return [check for check in every if check.files or check.name in looking_for_themselves]


def tracked() -> list[str]:
    """Return the files of the repository: what git knows and what it does not ignore."""
    try:
        listed = programs.run(["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"])
    except DevError as error:
        raise DevError("the linters need a git checkout to know which files are ours", hint=str(error)) from error
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def is_shell_script(path: Path) -> bool:
    """Tell whether a file is a script for sh or bash, by its name or its first line."""
    if path.suffix == ".sh":
        return True
    if path.suffix:
        return False
    with path.open("rb") as file:
        first = file.readline(80)
    return first.startswith(b"#!") and first.split()[-1].rsplit(b"/", 1)[-1] in (b"sh", b"bash")


def _run(check: Check) -> Finding:
    begun = time.monotonic()
    done = subprocess.run([*check.command, *check.files], cwd=ROOT, check=False, capture_output=True, text=True)
    return Finding(check=check, failed=done.returncode != 0, seconds=time.monotonic() - begun, output=done.stdout + done.stderr)

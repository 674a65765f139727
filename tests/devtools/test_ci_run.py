"""`.ci/run`: what a CI system calls, with a `./dev` that only says what it was asked for."""

import shutil
import subprocess
from pathlib import Path

import pytest

from devtools.paths import ROOT

CLOSING = "=============== 3 passed, 1 skipped in 141.41s (0:02:21) ==============="


@pytest.mark.parametrize(("lint", "tests", "code"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (2, 1, 1)])
def test_lint_and_tests_both_run_and_either_fails_the_run(tmp_path: Path, lint: int, tests: int, code: int) -> None:
    """The closing line of pytest stands at the end, and a failing lint does not hide the tests."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    dev = tmp_path / "dev"
    lines = ["#!/bin/sh", 'echo "$1 with CI=$CI" >> called', f'[ "$1" = lint ] && exit {lint}']
    lines += [f'echo "{CLOSING}"', 'echo "==> stopping dockerd"', f"exit {tests}"]
    dev.write_text("\n".join(lines) + "\n")
    dev.chmod(0o755)
    done = subprocess.run([tmp_path / ".ci/run"], cwd="/", env={"PATH": "/usr/bin:/bin"}, check=False, capture_output=True, text=True)
    assert (tmp_path / "called").read_text() == "lint with CI=true\ntest with CI=true\n"
    assert done.returncode == code
    assert done.stdout.splitlines()[-2:] == [f"lint: {'FAILED' if lint else 'passed'}", f"test: {CLOSING}"]

"""`./dev test`: the tests, with everything there that they need."""

import argparse
import shutil
import signal
import subprocess
import sys

from devtools import base_images, chromium, go_programs, images, kargo_expressions, programs, progress
from devtools.controlplane import programs as cluster_programs
from devtools.paths import ROOT, log_dir
from devtools.registry import mirror_image

INTERRUPT_SECONDS = 60
# What the tests run on this machine itself, and the Debian package that has it.
PROGRAMS = {"git": "git", "ssh": "openssh-client", "git-lfs": "git-lfs"}
# Most tests wait for a server or a timer. Files stay together, and so does what tests/conftest.py says.
AT_ONCE = ("--numprocesses", "2", "--dist", "loadgroup", "--no-loadscope-reorder")


def main(arguments: argparse.Namespace) -> int:
    """Run pytest on everything; with `--fast` on what needs neither an engine nor the tests' Kubernetes, which pytest itself builds."""
    command = [sys.executable, "-m", "pytest", "-p", "devtools.ended_tests", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    programs.install(*(package for program, package in PROGRAMS.items() if shutil.which(program) is None), why="for the tests")
    chromium.ensure()
    if arguments.fast:
        command += ["-m", "not engine and not cluster"]
    else:
        base_images.ensure()
        mirror_image()
        images.build()
    if not arguments.rest:
        command += AT_ONCE
        # Said here; the processes of the tests have no output of their own.
        if not arguments.fast:
            cluster_programs.build("kubernetes", "etcd", "kwok", "kubectl", "helm3", "helm4")
            go_programs.build(kargo_expressions.PROGRAM)
    progress.say(f"logs of dockerd and of image builds: {log_dir()}")
    return _run([*command, *arguments.rest])


def _run(command: list[str]) -> int:
    """Run pytest; it gets to clean up when this process is told to end."""
    child = subprocess.Popen(command, cwd=ROOT)
    try:
        return child.wait()
    except KeyboardInterrupt:
        # Ctrl-C at a terminal has reached pytest as well; a signal to this process alone has not.
        if not sys.stdin.isatty():
            child.send_signal(signal.SIGINT)
        child.wait(INTERRUPT_SECONDS)
        raise
    except SystemExit:
        child.terminate()
        child.wait(INTERRUPT_SECONDS)
        raise
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()

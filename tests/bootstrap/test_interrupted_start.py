"""Ctrl+C at once after a command was typed, while it is only being loaded."""

import subprocess
import sys

# The signal comes right when the commands are imported, which takes most of the time of a start.
STARTS = """
import os, signal, sys

class Interrupted:
    def find_spec(self, name, path, target=None):
        if name == "bootstrap.command_line":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupted())
from bootstrap.__main__ import main
sys.exit(main())
"""


def test_ctrl_c_while_it_starts_ends_it_without_a_traceback() -> None:
    """With the exit code that a shell gives for it."""
    ended = subprocess.run([sys.executable, "-c", STARTS, "--version"], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")

"""Starts Helm so that it dies with us, whatever kills us: `python -I -S child.py PARENT HELM ARGUMENTS...`.

The kernel sends the signal, so that not even SIGKILL leaves a Helm behind that goes on changing the cluster. It comes when the thread that
has started it ends, which waits for it.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become Helm."""
    parent, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # It may have died before the kernel was asked.
        if os.getppid() != int(parent):
            os._exit(1)
    # Helm takes the name that it is called by for the manager of the fields it sets, and a file may be called helm-3.18.
    os.execv(command[0], ["helm", *command[1:]])  # noqa: S606  the program that was asked for, without a shell


if __name__ == "__main__":
    main(sys.argv[1:])

"""Entry point of `bootstrap`."""

import gc
import os
import signal
import sys

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> int:
    """Run the command that the process's arguments name."""
    # Until a command is at work there is nothing to clean up, and a Ctrl+C is no fault that would need a traceback.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    # What is imported stays: looking through it again and again, and once more at the end, is an eighth of what a start takes.
    gc.disable()
    from bootstrap.command_line import run  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

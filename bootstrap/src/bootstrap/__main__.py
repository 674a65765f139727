"""Entry point of `bootstrap`."""

import gc
import os
import signal
import sys

__all__ = ["main"]

_INTERRUPTED = 128 + signal.SIGINT
_CANCELLED = (_INTERRUPTED, 128 + signal.SIGTERM)


def main() -> int:
    """Run the command that the process's arguments name."""
    # Until a command is at work there is nothing to clean up, and a Ctrl+C is no fault that would need a traceback.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    # What is imported stays: looking through it again and again, and once more at the end, is an eighth of what a start takes.
    gc.disable()
    from bootstrap.command_line import run  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Who has read it is gone: `| head` has enough, or Ctrl+C has ended `| tee`, too.
        os._exit(1)
    if code in _CANCELLED:
        # Python would wait for every thread, and a thread for an answer that nobody wants any more.
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())

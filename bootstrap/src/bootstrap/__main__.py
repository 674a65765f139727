"""Entry point of `bootstrap`."""

import gc
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command that the process's arguments name."""
    # What is imported stays: looking through it again and again, and once more at the end, is an eighth of what a start takes.
    gc.disable()
    from bootstrap.command_line import run  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

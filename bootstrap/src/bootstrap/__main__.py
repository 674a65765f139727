"""Entry point of `bootstrap`."""

import sys

from bootstrap.command_line import run

__all__ = ["main"]


def main() -> int:
    """Run the command that the process's arguments name."""
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

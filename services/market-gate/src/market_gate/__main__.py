"""The command `market-gate`."""

import argparse
import os
import sys
from pathlib import Path

from market_gate import __version__, journal
from market_gate.clock import SystemClock
from market_gate.config import DEFAULT_PATH, load
from market_gate.errors import GateError


def main() -> int:
    """Serve, or check the configuration; return the exit code."""
    parser = argparse.ArgumentParser(prog="market-gate", description="Tells Kargo whether a promotion may run now.")
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"configuration (MARKET_GATE_CONFIG, else {DEFAULT_PATH})")
    parser.add_argument("--check", action="store_true", help="check the configuration, say what the market does, and end")
    parser.add_argument("--version", action="version", version=f"market-gate {__version__}")
    arguments = parser.parse_args()
    path = arguments.config or Path(os.environ.get("MARKET_GATE_CONFIG") or DEFAULT_PATH)
    try:
        config = load(path)
        journal.start(config.log)
        # What --version and a wrong file need not wait for.
        from market_gate import server  # noqa: PLC0415

        if arguments.check:
            gate = server.gate_of(config)
            print(f"{path} is in order; {config.calendar} is {gate.state_in_words(SystemClock().now())}")  # noqa: T201
            return 0
        server.serve(config)
    except GateError as error:
        print(f"market-gate: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

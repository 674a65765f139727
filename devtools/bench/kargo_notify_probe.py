"""Runs kargo-notify in place of its console script, and says when its parts began and ended: last line on standard error, JSON.

It stands alone, since it runs in a process of its own. All times are of the machine's monotonic clock, which whoever started it reads, too.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

# What a run consists of: name in the table, module, and the function in it.
CALLS = (
    ("find the record", "kargo_notify.records", "find"),
    ("verify", "kargo_notify.verify", "verify"),
    ("release", "kargo_notify.publish", "publish"),
    ("remove candidates", "kargo_notify.candidates", "remove"),
    ("ask Kargo before", "kargo_notify.notify", "subscribed"),
    ("tell Kargo and wait", "kargo_notify.notify", "notify_and_wait"),
    ("report", "kargo_notify.report", "released"),
)


def main() -> int:
    """Run the plugin on the process's arguments and environment."""
    entry = import_module("kargo_notify.__main__")
    run: Any = import_module("kargo_notify.run")
    spans: list[tuple[str, float, float]] = []
    for name, module, function in CALLS:
        _time(spans, import_module(module), function, name)
    original, begun = run.run, []

    def timed_run(*arguments: Any) -> None:  # noqa: ANN401  passed on
        begun.append(time.monotonic())
        original(*arguments)

    run.run = timed_run
    code: int = entry.main()
    found = {"begun": begun[0] if begun else None, "ended": time.monotonic(), "spans": spans, "peak_kib": _peak_kib()}
    sys.stderr.write(f"{json.dumps(found)}\n")
    return code


def _time(spans: list[tuple[str, float, float]], module: Any, function: str, name: str) -> None:  # noqa: ANN401  any module
    original = getattr(module, function)

    def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  whatever it takes
        begun = time.monotonic()
        try:
            return original(*arguments, **named)
        finally:
            spans.append((name, begun, time.monotonic()))

    setattr(module, function, call)


def _peak_kib() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    sys.exit(main())

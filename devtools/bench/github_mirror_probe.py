"""Runs github-mirror in place of its console script, and says when its parts began and ended: last line on standard error, JSON.

It stands alone, since it runs in a process of its own. All times are of the machine's monotonic clock, which whoever started it reads, too.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

# Functions that make up a plan: from what git printed to a row per ref, with what is asked of git on the way.
PLAN = (
    ("read the listings", "github_mirror.refs", "Listing.parse"),
    ("wishes", "github_mirror.plan", "wishes"),
    ("questions", "github_mirror.plan", "questions"),
    ("relations", "github_mirror.relations", "gather"),
    ("decide", "github_mirror.plan", "decide"),
)
OTHERS = (
    ("listing", "github_mirror.far", "Far.read"),
    ("read the key", "github_mirror.keys", "repair"),
    ("read the host keys", "github_mirror.host_keys", "known_hosts"),
    ("Git LFS", "github_mirror.lfs", "Objects.send"),
    ("measure the clone", "github_mirror.pieces", "_stored_bytes"),
    ("report", "github_mirror.report", "table"),
    ("close the connection", "github_mirror.ssh", "Ssh.close"),
)
# Imported by the plugin only when they are needed, which is always the case here: they belong to its start.
LATE = ("cryptography.hazmat.primitives.serialization.ssh",)

Spans = list[tuple[str, float, float]]


class _Entered:
    """A context manager whose beginning is timed."""

    def __init__(self, inner: Any, spans: Spans) -> None:  # noqa: ANN401  any context manager
        self._inner = inner
        self._spans = spans

    def __enter__(self) -> Any:  # noqa: ANN401  whatever it gives
        begun = time.monotonic()
        try:
            return self._inner.__enter__()
        finally:
            self._spans.append(("source", begun, time.monotonic()))

    def __exit__(self, *error: object) -> Any:  # noqa: ANN401  as the inner one's
        return self._inner.__exit__(*error)


def main() -> int:
    """Run the plugin on the process's arguments and environment."""
    entry = import_module("github_mirror.__main__")
    run: Any = import_module("github_mirror.run")
    for name in LATE:
        import_module(name)
    spans: Spans = []
    for name, module, path in (*PLAN, *OTHERS):
        _time(spans, import_module(module), path.split("."), name)
    _time(spans, import_module("plugin_kit.process"), ["run"])
    original, open_source = run.run, run.open_source
    run.open_source = lambda *arguments: _Entered(open_source(*arguments), spans)
    begun: list[float] = []

    def timed_run(*arguments: Any) -> None:  # noqa: ANN401  passed on
        begun.append(time.monotonic())
        original(*arguments)

    run.run = timed_run
    code: int = entry.main()
    found = {"begun": begun[0] if begun else None, "ended": time.monotonic(), "spans": spans, "peak_kib": _peak_kib()}
    sys.stderr.write(f"{json.dumps(found)}\n")
    return code


def _child(argv: list[str]) -> str:
    if argv[0] == "git":
        return f"git {argv[1]}"
    return "ssh -O exit" if "exit" in argv else argv[0]


def _time(spans: Spans, module: Any, path: list[str], name: str = "") -> None:  # noqa: ANN401  a module or a class in it
    """Have a function noted under a name; without one, by the command that it is given."""
    *outer, last = path
    for part in outer:
        module = getattr(module, part)
    original = getattr(module, last)

    def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  whatever it takes
        begun = time.monotonic()
        try:
            return original(*arguments, **named)
        finally:
            spans.append((name or _child(arguments[0]), begun, time.monotonic()))

    setattr(module, last, call)


def _peak_kib() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    sys.exit(main())

"""`./dev bench PART`: measures a part of the project. Numbers for people and programs, never a test."""

import argparse

from devtools.bench import bootstrap, github_mirror, kargo_notify, market_gate, registry_push
from devtools.errors import DevError

PARTS = {
    "bootstrap": bootstrap.measure,
    "github-mirror": github_mirror.measure,
    "kargo-notify": kargo_notify.measure,
    "market-gate": market_gate.measure,
    "registry-push": registry_push.measure,
}


def main(arguments: argparse.Namespace) -> int:
    """Measure the part and print a table, then one JSON object as the last line."""
    measure = PARTS.get(arguments.part)
    if measure is None:
        raise DevError(f"there is nothing to measure called {arguments.part!r}", hint=f"known: {', '.join(PARTS)}")
    measure(quick=getattr(arguments, "quick", False))
    return 0

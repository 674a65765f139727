"""What a guarded stage asks the market gate, first of all: a step that ran on a real Kargo 1.11.2."""

from collections.abc import Mapping
from typing import Any

from bootstrap.components.market_gate.address import gate_url
from bootstrap.core.objects import Manifest, load_manifest
from bootstrap.platform.platform import Platform
from bootstrap.platform.stage import Stage

# Lengths of time as Kargo writes them: written otherwise they would come back changed.
_KINDS: Mapping[str, Mapping[str, Any]] = {
    # It asks again until it may; Kargo never asks more often than every 10 seconds. The time alone ends it: Kargo counts all errors of a
    # step together and asks again after milliseconds at first, so that few errors would be one restart of the gate, or two.
    "hold": {"failure": None, "error": None, "poll": "10s", "timeout": "72h0m0s", "errors": 1000},
    # It is refused at once, in the gate's own words; what is neither yes nor no is asked for again for a while.
    "fail": {
        "failure": "response.status == 200 && response.body.allow == false",
        "error": "response.body.reason",
        "poll": None,
        "timeout": "2m0s",
        "errors": 3,
    },
}
_TRAILERS = {
    "Break-glass-operator": "operator",
    "Break-glass-justification": "justification",
    "Break-glass-record": "record",
    "Break-glass-expires": "expires",
}


def gate_step(platform: Platform, stage: Stage) -> Manifest | None:
    """Return the step, None for a stage that is not guarded."""
    if stage.gate is None:
        return None
    (step,) = load_manifest(__package__, "gate.yaml", {"url": gate_url(platform), **_KINDS[stage.gate]})
    return step


def commit_trailers(stage: Stage) -> str:
    """Return what the message of a commit ends with: who broke glass and why, where somebody did, in the form of git's trailers.

    One expression of expr-lang that is empty where nobody did. What it returns is not looked at for expressions again.
    """
    if stage.gate is None:
        return ""
    lines = r" + '\n".join(f"{key}: ' + outputs.gate.break_glass.{name}" for key, name in _TRAILERS.items())
    # A blank line, and then each on one of its own.
    return rf"${{{{ outputs.gate.break_glass.record == nil ? '' : '\n\n{lines} }}}}"

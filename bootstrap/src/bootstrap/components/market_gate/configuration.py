"""What the gate is told, in the words of its own configuration file: pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import yaml

from bootstrap.components.market_gate.address import PORT
from bootstrap.platform.market_gate import Window
from bootstrap.platform.platform import Platform
from bootstrap.platform.stage import Stage


def configuration(platform: Platform) -> str:
    """Return the file as text."""
    wanted = platform.market_gate
    content: dict[str, Any] = {
        "listen": f"0.0.0.0:{PORT}",
        # Of the records, wherever the gate itself runs.
        "namespace": platform.namespace,
        "calendar": wanted.calendar,
        "margin": _length(wanted.margin) if wanted.margin else None,
        "longest_break_glass": _length(platform.break_glass.max_duration),
        "display_zones": list(wanted.zones) or None,
        "projects": {project: {"stages": {stage.name: _stage(stage) for stage in stages}} for project, stages in platform.guarded.items()},
        "windows": [_window(each) for each in wanted.windows] or None,
    }
    return yaml.safe_dump({key: value for key, value in content.items() if value is not None}, sort_keys=False, width=120)


def _stage(stage: Stage) -> Mapping[str, str]:
    return {"rollback": stage.rollback}


def _window(window: Window) -> Mapping[str, Any]:
    found: dict[str, Any] = {"name": window.name, "kind": window.kind, "from": window.since, "until": window.until}
    if window.days:
        found["days"] = list(window.days)
    if window.reason:
        found["reason"] = window.reason
    return found


def _length(length: timedelta) -> str:
    """Write it as the gate reads it: in whole seconds, which are enough for hours of trading."""
    minutes, seconds = divmod(max(1, round(length.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return "".join(f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number)

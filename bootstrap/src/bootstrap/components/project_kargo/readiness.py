"""Whether Kargo has taken what it was given, read from conditions as Kargo 1.11 sets them: pure.

Not whether commits pass: a new project has no image yet, and an application that is unwell is not the platform's to wait for.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.objects import Manifest
from bootstrap.core.readiness import Judge, condition, conditions

# What registries answer for an image that nobody has pushed yet.
_NO_IMAGE = ("NAME_UNKNOWN", "repository name not known")


def of_current(judge: Judge) -> Judge:
    """Make a judge that first waits until the controller has seen the last change."""

    def current(live: Manifest) -> Readiness:
        metadata, status = live.get("metadata") or {}, live.get("status") or {}
        if deleted := metadata.get("deletionTimestamp"):
            return _progressing(f"is being deleted since {deleted}")
        # Of a Project only the conditions say so.
        seen = [status, *conditions(live).values()]
        numbers = [number for each in seen if isinstance(number := each.get("observedGeneration"), int)]
        written = metadata.get("generation")
        if numbers and isinstance(written, int) and max(numbers) < written:
            return _progressing("its controller has not seen the last change yet")
        return judge(live)

    return current


def _warehouse(live: Manifest) -> Readiness:
    found = conditions(live)
    ready = found.get("Ready")
    if ready is None:
        return _progressing("Kargo has not looked for images yet")
    if ready.get("status") == "True":
        return READY
    said = _said(ready)
    if any(text in said for text in _NO_IMAGE):
        return Readiness(state=State.READY, message="there is no image yet")
    return _progressing(f"Kargo can't read the registry: {said}")


def _stage(live: Manifest) -> Readiness:
    found = conditions(live)
    again = found.get("Reconciling") or {}
    if again.get("reason") == "RetryAfterError":
        return _progressing(_said(again))
    if not found:
        return _progressing("Kargo has not looked at it yet")
    troubles = [each for name in ("Healthy", "Ready") if (each := found.get(name)) and each.get("status") != "True"]
    return Readiness(state=State.READY, message=_said(troubles[0])) if troubles else READY


def _token(live: Manifest) -> Readiness:
    return READY if (live.get("data") or {}).get("token") else _progressing("has no token yet")


project: Judge = of_current(condition("Ready"))
project_config: Judge = of_current(condition("Ready"))
warehouse: Judge = of_current(_warehouse)
stage: Judge = of_current(_stage)
token: Callable[[Manifest], Readiness] = _token


def _progressing(message: str) -> Readiness:
    return Readiness(state=State.PROGRESSING, message=message)


def _said(found: Mapping[str, Any]) -> str:
    return str(found.get("message") or found.get("reason") or f"{found.get('type')}={found.get('status')}")

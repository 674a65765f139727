"""Promotions that the gate has let through, as Kargo tells of them. Pure.

A Promotion keeps what its step `gate` took from the gate's answer in `status.state.gate`, and when that step ended in
`status.stepExecutionMetadata` (recorded with Kargo 1.11.2). Kargo deletes old Promotions; Events still name them for a while.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bootstrap.break_glass.record import GarbageError, parse_time

STEP = "gate"
# As the outputs of the step may be called that hold the answer's `break_glass`, or the name of its record.
_OUTPUTS = ("break_glass", "breakGlass")
_NAMES = ("record", "name")
_ACTOR = "kargo.akuity.io/create-actor"
_EVENT = "event.kargo.akuity.io/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A promotion that the gate has let through."""

    promotion: str
    project: str
    stage: str
    at: datetime
    """When it passed the gate."""
    record: str | None = None
    """The record that let it through; empty where none did, None where that was not kept."""
    actor: str = ""
    """Who promoted; empty for a promotion that Kargo made by itself."""
    phase: str = ""
    freight: str = ""
    tag: str = ""
    """Of the first image of the Freight: the commit."""
    reason: str = ""
    """The gate's own words."""
    pushed: str = ""
    """The commit on the stage's branch, whose message keeps all this for ever."""


def passages(project: str, promotions: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]) -> Iterator[Passage]:
    """Return what has passed the gates of a project; `events` are those of its namespace."""
    told = _told(events)
    seen = set()
    for promotion in promotions:
        name = str(_map(promotion, "metadata").get("name", ""))
        seen.add(name)
        if (at := _passed(promotion)) is not None:
            yield _passage(project, promotion, at, told.get(name, {}))
    for name, event in told.items():
        if name not in seen and (gone := _gone(project, name, event)) is not None:
            yield gone


def _passage(project: str, promotion: Mapping[str, Any], at: datetime, event: Mapping[str, str]) -> Passage:
    metadata, spec, status = (_map(promotion, key) for key in ("metadata", "spec", "status"))
    state = _map(status, "state")
    answer = _map(state, STEP)
    freight = _map(status, "freight")
    images = freight.get("images")
    first = images[0] if isinstance(images, list) and images and isinstance(images[0], Mapping) else {}
    return Passage(
        promotion=str(metadata.get("name", "")),
        project=project,
        stage=str(spec.get("stage", "")),
        at=at,
        record=_record(answer),
        actor=str(_map(metadata, "annotations").get(_ACTOR) or event.get("actor", "")),
        phase=str(status.get("phase", "")),
        freight=str(spec.get("freight") or freight.get("name") or ""),
        tag=str(first.get("tag", "")),
        reason=str(answer.get("reason") or ""),
        pushed=str(_map(state, "push").get("commit") or _map(state, "commit").get("commit") or ""),
    )


def _record(answer: Mapping[str, Any]) -> str | None:
    key = next((key for key in _OUTPUTS if key in answer), None)
    if key is None:
        return None
    value = answer[key]
    if isinstance(value, Mapping):
        value = next((value[name] for name in _NAMES if value.get(name)), "")
    # Names may be written with their namespace.
    return str(value or "").rpartition("/")[2]


def _passed(promotion: Mapping[str, Any]) -> datetime | None:
    steps = _map(promotion, "status").get("stepExecutionMetadata")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, Mapping) and step.get("alias") == STEP and step.get("status") == "Succeeded":
            return _time(step.get("finishedAt"))
    return None


def _told(events: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return what the last Event of each promotion says."""
    found: dict[str, dict[str, str]] = {}
    for event in events:
        annotations = {key.removeprefix(_EVENT): str(value) for key, value in _map(_map(event, "metadata"), "annotations").items()}
        name = annotations.get("promotion-name")
        if name and _map(event, "involvedObject").get("kind") == "Promotion":
            time = event.get("lastTimestamp") or event.get("eventTime") or _map(event, "metadata").get("creationTimestamp")
            told = {**annotations, "reason": str(event.get("reason", "")), "time": str(time or "")}
            if name not in found or found[name]["time"] <= told["time"]:
                found[name] = told
    return found


def _gone(project: str, name: str, event: Mapping[str, str]) -> Passage | None:
    # That it began says nothing about the gate, and one that failed may have been stopped by it.
    at = _time(event["time"]) if event["reason"] == "PromotionSucceeded" else None
    if at is None:
        return None
    actor, freight = event.get("actor", ""), event.get("freight-name", "")
    return Passage(
        promotion=name, project=project, stage=event.get("stage-name", ""), at=at, actor=actor, phase="Succeeded", freight=freight
    )


def _time(value: object) -> datetime | None:
    try:
        return parse_time(value, "")
    except GarbageError:
        return None


def _map(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}

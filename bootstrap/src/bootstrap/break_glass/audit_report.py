"""The audit as a person, a program and a spreadsheet read it. Pure, but for what it prints."""

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TextIO

from bootstrap.break_glass.audit import Audit, Entry
from bootstrap.break_glass.passage import Passage
from bootstrap.break_glass.record import write_time
from bootstrap.break_glass.times import city, minute
from plugin_kit.console import Console, counted

_RECORD = ("record", "created", "expires", "project", "stage", "operator", "justification", "archive")
_PASSAGE = ("promotion", "passed", "certain", "phase", "actor", "freight", "commit", "pushed", "reason")
_SHORT = 7
# What a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def show(console: Console, found: Audit, *, zone: str, now: datetime) -> None:
    """Print the table, how many there are, and what they can't tell."""
    rows = [row for entry in found.entries for row in _rows(entry, found, zone, now)]
    console.table(["made", "until", "project", "stage", "operator", "used for", "justification"], rows, title=f"Times of {city(zone)}")
    holding = sum(entry.holds(now) for entry in found.entries)
    held = f", {holding} of which hold{'s' if holding == 1 else ''} now" if holding else ""
    console.info(f"{counted(len(found.entries), 'record')} of break-glass{held}")
    if any(passage.record is None for entry in found.entries for passage in entry.used):
        console.detail("? passed the gate while the record held; the promotion does not say whether it was because of it")
    if any(entry.archive for entry in found.entries):
        console.detail("* restored from a backup: what the record said there; no API server has checked it here")
    if found.entries and found.kargo:
        console.detail("Kargo deletes old promotions; their commits stay: git log origin/stage/NAME")


def show_gaps(console: Console, found: Audit, *, namespace: str) -> None:
    """Say what is not in the list."""
    if found.entries and not found.kargo:
        console.info("There is no Kargo on this cluster, so what they were used for is not known here.")
    for project in found.hidden:
        console.warn(f"you may not see the promotions of {project}", hint="who may promote there may, and an administrator")
    for each in found.unreadable:
        console.warn(f"ConfigMap {namespace}/{each.name} is marked as a record of break-glass and is none: {each.problem}")


def as_json(found: Audit, *, now: datetime) -> dict[str, Any]:
    """Give what programs read."""
    records = [{**_record(entry), "holds": entry.holds(now), "used": [_passage(each) for each in entry.used]} for entry in found.entries]
    unreadable = [{"record": each.name, "problem": each.problem} for each in found.unreadable]
    return {"records": records, "unreadable": unreadable, "kargo": found.kargo, "hidden": list(found.hidden)}


def write_csv(out: TextIO, found: Audit, *, redacted: Callable[[str], str]) -> None:
    """Write one line for each promotion, and one for each record without any; each cell goes through `redacted`."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*_RECORD, *_PASSAGE))
    for entry in found.entries:
        record = _record(entry)
        for used in [_passage(each) for each in entry.used] or [{}]:
            values = (*(record[key] for key in _RECORD), *(used.get(key, "") for key in _PASSAGE))
            writer.writerow([_cell(str(value).lower() if isinstance(value, bool) else redacted(value)) for value in values])


def _rows(entry: Entry, found: Audit, zone: str, now: datetime) -> Iterator[Sequence[str]]:
    record = entry.record
    made = f"{minute(record.created, zone)}{' *' if entry.archive else ''}"
    until = minute(record.expires, zone)
    if until[:10] == made[:10]:
        until = until[11:]
    if entry.holds(now):
        until += ", holds"
    known = found.kargo and record.project not in found.hidden
    used = [_used(each) for each in entry.used] or ["-" if known else "not known"]
    yield made, until, record.project, record.stage, record.operator, used[0], record.justification
    yield from (("", "", "", "", "", each, "") for each in used[1:])


def _used(passage: Passage) -> str:
    what = [passage.tag[:_SHORT] or passage.freight[:_SHORT]]
    if passage.phase != "Succeeded":
        what.append(passage.phase.lower())
    if passage.actor:
        what.append(f"by {passage.actor}")
    if passage.record is None:
        what.append("?")
    return " ".join(filter(None, what))


def _record(entry: Entry) -> dict[str, str]:
    record = entry.record
    return {
        "record": record.name,
        "created": write_time(record.created),
        "expires": write_time(record.expires),
        "project": record.project,
        "stage": record.stage,
        "operator": record.operator,
        "justification": record.justification,
        "archive": entry.archive,
    }


def _passage(passage: Passage) -> dict[str, Any]:
    return {
        "promotion": passage.promotion,
        "passed": write_time(passage.at),
        "certain": passage.record is not None,
        "phase": passage.phase,
        "actor": passage.actor,
        "freight": passage.freight,
        "commit": passage.tag,
        "pushed": passage.pushed,
        "reason": passage.reason,
    }


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text

"""A break-glass record: a person's word that a promotion may run although the market trades.

It is an immutable ConfigMap; an admission policy has checked who made it. What the policy checks is checked again as far as the
record itself shows it, because a cluster without the policy must not have a gate that anybody opens.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from market_gate.words import duration, one_line

LABEL = "local-cicd.dev/break-glass"
KEYS = ("project", "stage", "operator", "justification", "expires")
# Clocks of two machines differ; a record that was made later than this after now is of another time.
SKEW = timedelta(minutes=5)
_LONGEST_NAME = 253


class BadRecordError(Exception):
    """A record can't be honoured; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """Who lets promotions of a stage through, until when and why."""

    name: str
    """Name of the ConfigMap."""
    project: str
    stage: str
    operator: str
    justification: str
    created: datetime
    expires: datetime

    def valid(self, moment: datetime) -> bool:
        """Tell whether it is in force."""
        return self.created - SKEW <= moment < self.expires


def parse(manifest: Mapping[str, Any], *, longest: timedelta) -> BreakGlass:
    """Read a ConfigMap; BadRecordError where it can't be honoured."""
    metadata, data = _map(manifest, "metadata"), _map(manifest, "data")
    missing = [key for key in KEYS if not isinstance(data.get(key), str) or not data[key].strip()]
    if missing:
        raise BadRecordError(f"has no {', '.join(missing)}")
    if manifest.get("immutable") is not True:
        raise BadRecordError("is not immutable")
    if data["operator"].startswith("system:"):
        raise BadRecordError(f"was made by {one_line(data['operator'], most=_LONGEST_NAME)}, which is no person")
    created = _moment(str(metadata.get("creationTimestamp")), "creationTimestamp")
    expires = _moment(data["expires"], "expires")
    if expires <= created:
        raise BadRecordError("expires before it was made")
    if expires - created > longest:
        raise BadRecordError(f"runs for {duration(expires - created)}, longer than the {duration(longest)} that are allowed")
    return BreakGlass(
        name=str(metadata.get("name", "")),
        project=data["project"],
        stage=data["stage"],
        operator=one_line(data["operator"], most=_LONGEST_NAME),
        justification=one_line(data["justification"]),
        created=created,
        expires=expires,
    )


@dataclass(frozen=True, slots=True)
class RecordSet:
    """All records that are known, ready to be asked."""

    by_name: Mapping[str, BreakGlass] = field(default_factory=dict)
    _by_stage: Mapping[tuple[str, str], Sequence[BreakGlass]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grouped: dict[tuple[str, str], list[BreakGlass]] = {}
        for record in sorted(self.by_name.values(), key=lambda each: each.expires):
            grouped.setdefault((record.project, record.stage), []).append(record)
        object.__setattr__(self, "_by_stage", grouped)

    def valid(self, project: str, stage: str, moment: datetime) -> BreakGlass | None:
        """Return the record in force for a stage that lasts longest, None where there is none."""
        records = self._by_stage.get((project, stage), ())
        # Thousands may have expired; those are in front.
        alive = records[bisect_right(records, moment, key=lambda each: each.expires) :]
        return next((record for record in reversed(alive) if record.valid(moment)), None)

    def active(self, moment: datetime) -> list[BreakGlass]:
        """Return every record in force, the one that expires first in front."""
        return sorted((each for each in self.by_name.values() if each.valid(moment)), key=lambda each: each.expires)

    def past(self, moment: datetime, *, most: int) -> list[BreakGlass]:
        """Return the records that have expired, the latest in front."""
        return sorted((each for each in self.by_name.values() if each.expires <= moment), key=lambda each: each.expires, reverse=True)[
            :most
        ]

    def changed(self, *, put: Iterable[BreakGlass] = (), gone: Iterable[str] = ()) -> "RecordSet":
        """Return the set after a change."""
        left = {name: record for name, record in self.by_name.items() if name not in set(gone)}
        return RecordSet({**left, **{record.name: record for record in put}})


def _map(manifest: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = manifest.get(key)
    return value if isinstance(value, Mapping) else {}


def _moment(text: str, key: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            raise BadRecordError(f"{key} {one_line(text, most=40)!r} has no offset from UTC")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRecordError(f"{key} {one_line(text, most=40)!r} is not a time such as 2026-11-23T15:00:00Z") from None

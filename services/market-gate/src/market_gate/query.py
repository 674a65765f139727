"""The question as it stands in the URL."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from market_gate.config import NAME
from market_gate.decision import Question

PARAMETERS = ("project", "stage", "promotion", "rollback", "at")
_NAME = re.compile(NAME)
_BOOLEANS: Mapping[str, bool] = {"true": True, "false": False, "": False}
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
# A + in a query is a blank, so that the offset of a time that was not encoded arrives as " 01:00".
_LOST_PLUS = re.compile(r" (\d{2}:?\d{2})$")


class BadQueryError(Exception):
    """The question is malformed; the message says how."""


def read(query: bytes) -> Question:
    """Read the query of a URL; BadQueryError where it is malformed."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=2 * len(PARAMETERS), errors="strict")
    except ValueError:
        raise BadQueryError("the query can't be read") from None
    values = _values(pairs)
    for name in ("project", "stage"):
        if not values.get(name):
            raise BadQueryError(f"{name} is missing")
    for name in ("project", "stage", "promotion"):
        if values.get(name) and not _NAME.fullmatch(values[name]):
            raise BadQueryError(f"{name} is not a name of Kubernetes (lower case letters, digits, - and .)")
    rollback = _BOOLEANS.get(values.get("rollback", ""))
    if rollback is None:
        raise BadQueryError("rollback is neither true nor false")
    return Question(
        project=values["project"],
        stage=values["stage"],
        promotion=values.get("promotion", ""),
        rollback=rollback,
        at=_moment(values["at"]) if values.get("at") else None,
    )


def _values(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in PARAMETERS:
            raise BadQueryError(f"there is no parameter {name[:40]!r}; known: {', '.join(PARAMETERS)}")
        if name in values:
            raise BadQueryError(f"{name} is there twice")
        values[name] = value
    return values


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"+\1", text))
    except ValueError:
        raise BadQueryError("at is not a time such as 2026-11-23T10:00:00-05:00 or 2026-11-23T15:00:00Z") from None
    if moment.tzinfo is None:
        raise BadQueryError("at has no offset from UTC: 2026-11-23T10:00:00-05:00, or 2026-11-23T15:00:00Z")
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise BadQueryError(f"at lies outside of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment.astimezone(UTC)

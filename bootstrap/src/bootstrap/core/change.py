"""What observation finds out: a change, or that it can only be known later; and what state a thing is in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from bootstrap.core.errors import BootstrapError

HIDDEN = "********"


class Action(StrEnum):
    """What is done with a resource."""

    CREATE = "create"
    UPDATE = "update"
    ADOPT = "adopt"
    """An update of something that is there and that was not made here."""
    REPLACE = "replace"
    """Deleted and made again."""
    ROTATE = "rotate"
    """A secret gets another value."""
    UPGRADE = "upgrade"
    """A chart of another version."""
    RECOVER = "recover"
    """An operation that died in the middle is ended."""
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field: what it is and what it is going to be, None where there is nothing; of a secret never the value."""

    path: str
    before: Any = None
    after: Any = None
    secret: bool = False

    def __str__(self) -> str:
        """Write it as a line of the plan."""
        if self.secret:
            what = "added" if self.before is None else "removed" if self.after is None else "changed"
            return f"{self.path}: (secret) {what}"
        return f"{self.path}: {_shown(self.before)} -> {_shown(self.after)}"

    def json(self) -> dict[str, Any]:
        """Give what programs read."""
        return {"path": self.path, "before": self.before, "after": self.after, "secret": self.secret}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What would be done with one resource."""

    resource: str
    action: Action
    fields: tuple[FieldChange, ...] = ()
    note: str = ""
    parts: tuple["Change", ...] = ()
    """The objects of a Helm release that would change."""

    def json(self) -> dict[str, Any]:
        """Give what programs read."""
        return {
            "resource": self.resource,
            "action": self.action.value,
            "note": self.note,
            "fields": [field.json() for field in self.fields],
            "parts": [part.json() for part in self.parts],
        }

    def redacted(self, hide: Callable[[str], str]) -> "Change":
        """Return it with `hide` applied to every text."""
        return replace(
            self,
            note=hide(self.note),
            fields=tuple(replace(each, before=_hidden(each.before, hide), after=_hidden(each.after, hide)) for each in self.fields),
            parts=tuple(part.redacted(hide) for part in self.parts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What becomes of a resource can't be known before something else is there; `reason` says what."""

    resource: str
    reason: str
    hint: str = ""
    """What to do when that does not come about by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was found out about a resource. A `problem` has to be decided by a person; the change it is about is shown beside it."""

    change: Change | None = None
    later: Later | None = None
    problem: BootstrapError | None = None


class State(StrEnum):
    """What state a thing is in."""

    READY = "ready"
    PROGRESSING = "progressing"
    FAILED = "failed"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What state a thing is in, and why."""

    state: State
    message: str = ""


READY = Readiness(state=State.READY)
ABSENT = Readiness(state=State.ABSENT, message="not there")


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What `down` does with a resource that is there: `kept` says why it stays, empty means that it goes."""

    resource: str
    kept: str = ""
    note: str = ""

    def json(self) -> dict[str, Any]:
        """Give what programs read."""
        return {"resource": self.resource, "action": "keep" if self.kept else "delete", "reason": self.kept, "note": self.note}


_LONGEST = 60


def _shown(value: object) -> str:
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else _compact(value)
    first = text.split("\n", 1)[0]
    more = len(text.splitlines()) - 1
    shown = first if len(first) <= _LONGEST else f"{first[:_LONGEST]}..."
    return f"{shown or repr(text)}{f' (and {more} more lines)' if more > 0 else ''}"


def _compact(value: object) -> str:
    import json  # noqa: PLC0415  only for values that are no text

    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, list):
        return [_hidden(item, hide) for item in value]
    if isinstance(value, dict):
        return {key: _hidden(item, hide) for key, item in value.items()}
    return value

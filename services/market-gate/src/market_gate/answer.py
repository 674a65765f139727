"""What goes over the wire: each answer of the gate, field by field."""

from datetime import datetime, tzinfo
from typing import Literal

from pydantic import BaseModel, ConfigDict

from market_gate.decision import Because, Decision
from market_gate.record import BreakGlass
from market_gate.records import Known, Source
from market_gate.schedule import State
from market_gate.window import Kind, Span


class Wire(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, json_schema_serialization_defaults_required=True)


class MarketAnswer(Wire):
    """The exchange at the moment in question."""

    calendar: str
    """The exchange's code."""
    state: State
    """`unknown` where the calendar has nothing on that day."""
    since: datetime | None
    """Since when it is in this state."""
    until: datetime | None
    """Until when; null where it is not known or more than two weeks away."""
    next_open: datetime | None
    """Begin of the next session."""


class WindowAnswer(Wire):
    """The extra window that decides."""

    name: str
    kind: Kind
    reason: str
    since: datetime
    until: datetime


class BreakGlassAnswer(Wire):
    """The record that lets the promotion through."""

    record: str
    """Name of the ConfigMap."""
    operator: str
    justification: str
    created: datetime
    expires: datetime


class RecordsAnswer(Wire):
    """How sure it is that every break-glass record is known."""

    source: Source
    """`current`, `unreachable` (what was known before still counts), `starting`, or `off`."""
    age_s: float | None
    """Seconds since the cluster was last heard of."""
    unreachable_since: datetime | None


class GateAnswer(Wire):
    """Whether the promotion may run."""

    allow: bool
    """Whether it may run now; always false where `at` was given."""
    would_allow: bool
    """Whether it may run at `time`; the same as `allow` where `at` was not given."""
    reason: str
    """Why, in a sentence."""
    because: Because
    """Why, in a word for programs."""
    project: str
    stage: str
    promotion: str
    rollback: bool
    time: datetime
    """The moment that this answers for."""
    until: datetime | None
    """When the hours and windows alone would say something else."""
    market: MarketAnswer
    window: WindowAnswer | None
    break_glass: BreakGlassAnswer | None
    """Null where none was needed."""
    records: RecordsAnswer


class ErrorAnswer(Wire):
    """The question could not be answered."""

    allow: Literal[False] = False
    status: int
    error: str
    """What is wrong, in a sentence."""
    reason: str
    """The same sentence, for who only reads `reason`."""


class CalendarHealth(Wire):
    """What the calendar knows."""

    name: str
    source: str
    """The library, with version."""
    known: bool
    """Whether it knows today."""
    state: State
    problem: str


class ClusterHealth(Wire):
    """What is heard of the cluster."""

    source: Source
    age_s: float | None
    unreachable_since: datetime | None
    problem: str
    records: int
    """Break-glass records that are known, expired ones too."""
    clock_skew_s: float | None
    """Seconds by which this machine's clock is ahead of the API server's."""


class HealthAnswer(Wire):
    """How the gate is."""

    status: Literal["ok", "degraded", "starting"]
    """`degraded`: it answers, but the calendar, the cluster or a clock needs a look."""
    live: bool
    ready: bool
    version: str
    calendar: CalendarHealth
    cluster: ClusterHealth


def gate_answer(decision: Decision, known: Known, *, calendar: str, zone: tzinfo) -> GateAnswer:
    """Write a decision down; times are in the exchange's zone."""
    question, verdict = decision.question, decision.verdict
    market = verdict.market
    return GateAnswer(
        allow=decision.allow,
        would_allow=decision.may,
        reason=decision.reason,
        because=decision.because,
        project=question.project,
        stage=question.stage,
        promotion=question.promotion,
        rollback=question.rollback,
        time=decision.moment.astimezone(zone),
        until=_in(verdict.until, zone),
        market=MarketAnswer(calendar=calendar, state=market.state, since=market.since, until=market.until, next_open=market.next_open),
        window=_window(verdict.window, zone),
        break_glass=_break_glass(decision.record, zone),
        records=RecordsAnswer(source=known.source, age_s=rounded(known.age), unreachable_since=_in(known.since, zone)),
    )


def error_answer(status: int, message: str) -> ErrorAnswer:
    """Say what is wrong with a question."""
    return ErrorAnswer(status=status, error=message, reason=message)


def rounded(seconds: float | None) -> float | None:
    """Return seconds with one digit behind the point."""
    return None if seconds is None else round(seconds, 1)


def _in(moment: datetime | None, zone: tzinfo) -> datetime | None:
    return None if moment is None else moment.astimezone(zone)


def _window(span: Span | None, zone: tzinfo) -> WindowAnswer | None:
    if span is None:
        return None
    return WindowAnswer(
        name=span.name, kind=span.kind, reason=span.reason, since=span.start.astimezone(zone), until=span.end.astimezone(zone)
    )


def _break_glass(record: BreakGlass | None, zone: tzinfo) -> BreakGlassAnswer | None:
    if record is None:
        return None
    return BreakGlassAnswer(
        record=record.name,
        operator=record.operator,
        justification=record.justification,
        created=record.created.astimezone(zone),
        expires=record.expires.astimezone(zone),
    )

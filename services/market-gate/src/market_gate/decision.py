"""May this promotion run? Pure: a question, what is known, and a moment give an answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from market_gate import words
from market_gate.config import Config
from market_gate.record import BreakGlass
from market_gate.records import Known, Source
from market_gate.schedule import Cause, Schedule, State, Verdict


class NotGuardedError(Exception):
    """Nobody configured the project or the stage: that is never an allow."""


class Because(StrEnum):
    """What decided."""

    MARKET_CLOSED = "market-closed"
    MARKET_OPEN = "market-open"
    MARGIN = "margin"
    NOT_KNOWN = "not-known"
    BLOCKED_WINDOW = "blocked-window"
    OPEN_WINDOW = "open-window"
    ROLLBACK = "rollback"
    BREAK_GLASS = "break-glass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who asks for what."""

    project: str
    stage: str
    promotion: str = ""
    rollback: bool = False
    at: datetime | None = None
    """Another moment to answer for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer, and what it was made of."""

    question: Question
    moment: datetime
    may: bool
    """Whether the promotion may run at `moment`."""
    because: Because
    reason: str
    verdict: Verdict
    record: BreakGlass | None = None
    """The record that let it through: None where it was not needed."""

    @property
    def allow(self) -> bool:
        """Whether the promotion may run now: never for a question about another moment."""
        return self.may and self.question.at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What is guarded, and when."""

    config: Config
    schedule: Schedule

    @property
    def zones(self) -> Sequence[ZoneInfo]:
        """The zones in which times are told, the exchange's own in front."""
        own = self.schedule.calendar.zone
        return (own, *(zone for zone in self.config.display_zones if zone.key != own.key))

    def decide(self, question: Question, known: Known, now: datetime) -> Decision:
        """Answer a question; NotGuardedError for a project or stage that nobody configured.

        Where the gate's clock and the API server's differ, one of them is wrong: only what is allowed by both is allowed.
        """
        own = self._decide(question, known, now)
        if not own.allow or known.skew is None or not known.clocks_differ:
            return own
        theirs = self._decide(question, known, now - timedelta(seconds=known.skew))
        if theirs.allow:
            return own
        differ = f"{words.duration(timedelta(seconds=abs(known.skew)))} {'ahead of' if known.skew > 0 else 'behind'}"
        why = f"by the API server's clock; this one is {differ} it, and one of the two is wrong"
        return replace(theirs, moment=now, reason=f"{theirs.reason}, {why}")

    def _decide(self, question: Question, known: Known, now: datetime) -> Decision:
        stage = self.config.stage(question.project, question.stage)
        if stage is None:
            raise NotGuardedError(self._stranger(question))
        moment = question.at or now
        verdict = self.schedule.verdict(moment)
        record: BreakGlass | None = None
        because, may = Because(verdict.cause.value), verdict.allow
        reason = self.reason(verdict, moment)
        if not may and question.rollback and stage.rollback == "allow":
            because, may, reason = Because.ROLLBACK, True, f"a rollback, which may run on {question.stage} at any time"
        if not may:
            record = known.records.valid(question.project, question.stage, moment)
            if record is not None:
                because, may = Because.BREAK_GLASS, True
                reason = f"break-glass by {record.operator} until {self._when(record.expires, moment)}: {record.justification}"
            elif known.source is Source.UNREACHABLE and known.since is not None:
                reason += (
                    f"; the cluster is not reachable since {self._when(known.since, moment)}, so a break-glass made after that is not known"
                )
        return Decision(question=question, moment=moment, may=may, because=because, reason=reason, verdict=verdict, record=record)

    def reason(self, verdict: Verdict, moment: datetime) -> str:
        """Say in a sentence what the time decides, and until when."""
        market, window = verdict.market, verdict.window
        name = self.schedule.calendar.name
        match verdict.cause:
            case Cause.BLOCKED_WINDOW | Cause.OPEN_WINDOW if window is not None:
                why = f": {window.reason}" if window.reason else ""
                verb = "blocked" if verdict.cause is Cause.BLOCKED_WINDOW else "let through"
                return f"{verb} by the window {window.name!r} until {self._when(window.end, moment)}{why}"
            case Cause.MARKET_OPEN if market.until is not None:
                early = f", early: {market.occasion}" if market.early and market.occasion else ""
                return f"the market ({name}) is open until {self._when(market.until, moment)}{early}"
            case Cause.MARGIN if market.next_open is not None:
                margin = words.duration(self.schedule.margin)
                return f"the market ({name}) opens {self._opens(market.next_open, moment)}, and nothing is promoted in the {margin} before"
            case Cause.NOT_KNOWN:
                return (
                    f"it is not known whether the market ({name}) is open, and what is not known is not allowed: {market.why or 'no data'}"
                )
        if market.next_open is None:
            return f"the market ({name}) is closed; when it opens again is not known"
        holiday = f" ({market.occasion})" if market.occasion and not market.early else ""
        return f"the market ({name}) is closed{holiday}; it opens {self._opens(market.next_open, moment)}"

    def state_in_words(self, moment: datetime) -> str:
        """Say what the market does, for people: `closed, opens Monday 09:30 New York, 15:30 Berlin`."""
        market = self.schedule.market(moment)
        match market.state:
            case State.OPEN if market.until is not None:
                return f"open, closes {self._when(market.until, moment)}"
            case State.CLOSED if market.next_open is not None:
                return f"closed, opens {self._when(market.next_open, moment)}"
            case State.CLOSED:
                return "closed, and when it opens again is not known"
        return f"not known: {market.why}"

    def _opens(self, opens: datetime, moment: datetime) -> str:
        return f"at {text}" if (text := self._when(opens, moment))[0].isdigit() else text

    def _when(self, then: datetime, moment: datetime) -> str:
        return ", ".join(words.when(then, zone, near=moment) for zone in self.zones)

    def _stranger(self, question: Question) -> str:
        project = self.config.projects.get(question.project)
        if project is None:
            return f"no project {question.project!r} is configured here; known: {', '.join(sorted(self.config.projects))}"
        return f"no stage {question.stage!r} of {question.project} is configured here; known: {', '.join(sorted(project.stages))}"

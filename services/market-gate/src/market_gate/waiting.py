"""Promotions that asked and were refused, as far as this process has seen them: for people, never for a decision."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from market_gate.decision import Decision

# A stage that holds asks every few seconds; one that has not asked for so long has given up.
FORGOTTEN_AFTER = timedelta(minutes=5)
# Whoever makes up names must not fill the memory.
MOST = 200
_REMIND_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPromotion:
    """A promotion that may not run yet."""

    project: str
    stage: str
    promotion: str
    since: datetime
    """When it was refused first."""
    asked: datetime
    """When it asked last."""
    reason: str


@dataclass(slots=True, kw_only=True)
class _Seen:
    waiting: WaitingPromotion | None
    because: str
    told: datetime


class Promotions:
    """What was answered to each promotion last."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str, str], _Seen] = OrderedDict()

    def note(self, decision: Decision, now: datetime) -> bool:
        """Remember an answer; tell whether it is news: another answer than before, or the same for a long time."""
        question = decision.question
        if question.at is not None or not question.promotion:
            return True
        key = (question.project, question.stage, question.promotion)
        before = self._seen.pop(key, None)
        waiting: WaitingPromotion | None = None
        if not decision.may:
            first = before.waiting if before is not None and before.waiting is not None else None
            waiting = WaitingPromotion(
                project=question.project,
                stage=question.stage,
                promotion=question.promotion,
                since=first.since if first is not None else now,
                asked=now,
                reason=decision.reason,
            )
        news = before is None or before.because != decision.because or abs(now - before.told) >= _REMIND_AFTER
        told = now if news or before is None else before.told
        self._seen[key] = _Seen(waiting=waiting, because=decision.because, told=told)
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)
        return news

    def waiting(self, now: datetime) -> list[WaitingPromotion]:
        """Return who waits, the longest in front."""
        found = [seen.waiting for seen in self._seen.values() if seen.waiting is not None]
        # After the clock was set back, what was seen lies in the future and is still there.
        alive = [each if each.since <= now else replace(each, since=now) for each in found if now - each.asked < FORGOTTEN_AFTER]
        return sorted(alive, key=lambda each: each.since)

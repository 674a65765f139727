"""The state now, in words: what a person must see from across the room."""

from datetime import timedelta

from market_gate import words
from market_gate.page.markup import Child, Markup, element, join, stage_of, written
from market_gate.page.snapshot import Snapshot
from market_gate.page.times import Times
from market_gate.page.week import MOST_ACTIVE
from market_gate.record import BreakGlass
from market_gate.records import Source
from market_gate.schedule import Cause, Market, State

# Clocks of two machines that differ by more are worth a word.
_LONGEST_REASON = 500
_LONGEST_JUSTIFICATION = 1000


def kind(shown: Snapshot) -> str:
    """Name the state for colours and icons: `free`, `held` or `unknown`."""
    if shown.verdict.allow:
        return "free"
    return "unknown" if shown.verdict.cause is Cause.NOT_KNOWN else "held"


def headline(shown: Snapshot) -> str:
    """Say what counts."""
    return "Promotions may run" if shown.verdict.allow else "Promotions are held"


def state(shown: Snapshot, times: Times) -> Markup:
    """Return what holds now, and why."""
    until = shown.verdict.until
    ahead = (
        join("until ", times.when(until), " ", element("span", f"{times.left(until)} left", class_="left")) if until is not None else None
    )
    return element(
        "section",
        _icon(kind(shown)),
        element(
            "div",
            element("h1", headline(shown), id="now"),
            element("p", ahead, class_="until") if ahead is not None else None,
            element("p", market(shown, times), class_="market"),
            element("p", why, class_="why") if (why := _why(shown, times)) is not None else None,
        ),
        class_=f"state {kind(shown)}",
        aria_labelledby="now",
    )


def market(shown: Snapshot, times: Times) -> Markup:
    """Say what the market does: `XNYS is closed, opens Monday 09:30 New York, 15:30 Berlin`."""
    now, name = shown.market, shown.calendar
    match now.state:
        case State.OPEN:
            closes = join(f"{name} is open, closes ", times.when(now.until)) if now.until is not None else join(f"{name} is open")
            return join(closes, *_occasion(now))
        case State.CLOSED if now.next_open is not None:
            return join(f"{name} is closed, opens ", times.when(now.next_open), *_occasion(now))
        case State.CLOSED:
            return join(f"{name} is closed, and when it opens again is not known", *_occasion(now))
    return join(f"It is not known whether {name} is open: {now.why or 'the calendar has no data'}")


def _occasion(now: Market) -> list[Child]:
    if not now.occasion and not now.early:
        return []
    what = "Half day" if now.early else "Holiday"
    return [" ", element("strong", f"{what}: {now.occasion}" if now.occasion else what, class_="tag")]


def _why(shown: Snapshot, times: Times) -> Markup | None:
    verdict, window = shown.verdict, shown.verdict.window
    match verdict.cause:
        case Cause.BLOCKED_WINDOW | Cause.OPEN_WINDOW if window is not None:
            said = "Blocked by the window" if verdict.cause is Cause.BLOCKED_WINDOW else "Let through by the window"
            reason = join(": ", written(window.reason, most=_LONGEST_REASON)) if window.reason else None
            return join(said, " ", element("strong", written(window.name)), " until ", times.when(window.end), reason, ".")
        case Cause.MARGIN:
            return join(f"Nothing is promoted in the {words.duration(shown.margin)} before the open.")
        case Cause.NOT_KNOWN:
            return join("What is not known is not allowed. Break-glass lets promotions through all the same.")
    return None


def alarm(shown: Snapshot, times: Times) -> Markup | None:
    """Return every break-glass record that is in force; None where there is none."""
    if not shown.active:
        return None
    guarded = {(each.project, each.stage) for each in shown.guarded}
    further = len(shown.active) - MOST_ACTIVE
    return element(
        "section",
        element("h2", _warning(), element("span", "Break-glass is active"), id="alarm"),
        element("p", "Promotions may run at this time anyway; this is not needed now.") if shown.verdict.allow else None,
        [_record(each, times, known=(each.project, each.stage) in guarded) for each in shown.active[:MOST_ACTIVE]],
        element("p", f"And {further} more.") if further > 0 else None,
        class_="alarm",
        aria_labelledby="alarm",
    )


def _record(record: BreakGlass, times: Times, *, known: bool) -> Markup:
    return element(
        "article",
        element("h3", stage_of(record), " is let through" if known else " is not guarded here: this record lets nothing through"),
        element(
            "p",
            "until ",
            times.when(record.expires),
            " ",
            element("span", f"{times.left(record.expires)} left", class_="left"),
            class_="until",
        ),
        element("blockquote", element("p", written(record.justification, most=_LONGEST_JUSTIFICATION))),
        element(
            "p",
            element("strong", written(record.operator)),
            ", since ",
            times.when(record.created),
            element("span", " · record ", written(record.name), class_="record"),
            class_="who",
        ),
    )


def notices(shown: Snapshot, times: Times) -> Markup | None:
    """Return what limits the page's word; None where nothing does."""
    known = shown.known
    found: list[Markup] = []
    if known.source is Source.UNREACHABLE:
        since = join(" since ", times.when(known.since), f", for {times.ago(known.since)}") if known.since is not None else None
        found.append(
            _notice(
                join("Cluster not reachable", since),
                "Break-glass made before that counts until it expires; what was made after it is not known here.",
                join("Problem: ", written(known.problem, most=_LONGEST_REASON)) if known.problem else None,
            )
        )
    if known.source is Source.STARTING:
        found.append(_notice("Nothing heard from the cluster yet", "Until then no break-glass record is known."))
    if known.skew is not None and known.clocks_differ:
        found.append(
            _notice(
                f"The clocks differ: this one is {skew(known.skew)} the cluster's",
                "While they do, a promotion runs only where both let it. One of the two must be put right.",
            )
        )
    return element("section", found, class_="notices", aria_label="Warnings") if found else None


def skew(seconds: float) -> str:
    """Say by how much this clock differs."""
    return f"{words.duration(timedelta(seconds=abs(seconds)))} {'ahead of' if seconds > 0 else 'behind'}"


def _notice(title: Child, *texts: Child) -> Markup:
    return element(
        "div",
        element("h2", _warning(), element("span", title)),
        [element("p", text) for text in texts if text is not None],
        class_="notice",
    )


def _icon(name: str) -> Markup:
    shapes = {
        "free": element("path", d="M13 25l8 8 15-17"),
        "held": element("path", d="M18 14v20M30 14v20"),
        "unknown": element("path", d="M18 19c0-8 12-8 12 0 0 5-6 5-6 10M24 35v.5"),
    }
    ring = element("circle", cx=24, cy=24, r=21)
    return element("svg", ring, shapes[name], viewBox="0 0 48 48", class_="icon", aria_hidden="true", focusable="false")


def _warning() -> Markup:
    shapes = element("path", d="M12 3L22.5 21h-21z"), element("path", d="M12 10v5M12 18v.2")
    return element("svg", *shapes, viewBox="0 0 24 24", class_="sign", aria_hidden="true", focusable="false")

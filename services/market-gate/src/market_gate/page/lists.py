"""What the page lists below the picture: days, windows, stages, promotions, records, and where it all comes from."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from market_gate import __version__, words
from market_gate.page.markup import DASH, Child, Markup, element, join, stage_of, written
from market_gate.page.snapshot import PAST_RECORDS, Guarded, Snapshot
from market_gate.page.state import skew
from market_gate.page.table import lines, table
from market_gate.page.times import Times, stamp
from market_gate.page.week import CAUSES, Day, Passage, Piece
from market_gate.records import Source
from market_gate.schedule import Cause
from market_gate.window import Kind, Span

_LONGEST = 1000
_KINDS = {Kind.BLOCKED: "blocked", Kind.OPEN: "open"}


def days(shown: Snapshot, times: Times, week: Sequence[Day]) -> Markup:
    """Return the week as a table: the same as the picture."""
    rows = [
        (
            join(stamp_of_day(day), " ", element("span", "today", class_="tag") if day.today else None),
            _market(day, times),
            lines(_piece(each, times) for each in day.pieces if not each.segment.allow) or "nothing",
            lines(
                [
                    *(_piece(each, times) for each in day.pieces if each.segment.cause is Cause.OPEN_WINDOW),
                    *(_passage(each, times) for each in day.passages),
                ]
            ),
        )
        for day in week
    ]
    today = next((number for number, day in enumerate(week) if day.today), None)
    place = words.place(times.zone)
    headers = ("Day", f"{shown.calendar} trades", "Promotions held", "Let through all the same")
    return table(f"Times of {place} where no other place is named", headers, rows, id_="week-table", now=today, class_="week")


def stamp_of_day(day: Day) -> Markup:
    """Return the name of a day."""
    return element("time", f"{day.date:%a} {day.date.day} {day.date:%b}", datetime=day.date.isoformat())


def _market(day: Day, times: Times) -> Child:
    weekday, session = day.weekday, day.weekday.session
    if not weekday.known:
        return "not known"
    if session is None:
        return join("closed", f": {weekday.occasion}" if weekday.occasion else None)
    half = f"half day: {weekday.occasion}" if weekday.occasion else "half day"
    others = [
        element("li", _range(session.opens, session.closes, zone_times), " ", words.place(zone_times.zone), class_="small")
        for zone_times in (Times(now=times.now, zones=(zone,)) for zone in times.zones[1:])
    ]
    return element(
        "ul", element("li", _range(session.opens, session.closes, times), f" {half}" if session.early else None), others, class_="lines"
    )


def _range(start: datetime, end: datetime, times: Times) -> Markup:
    zone = times.zone
    first, last = start.astimezone(zone), end.astimezone(zone)
    over = f"{last:%H:%M}" if last.date() == first.date() else "24:00" if f"{last:%H:%M}" == "00:00" else f"{last:%a %H:%M}"
    return element("span", stamp(start, zone, f"{first:%H:%M}"), DASH, stamp(end, zone, over), class_="range")


def _piece(piece: Piece, times: Times) -> Markup:
    window = piece.segment.window
    what = join("window ", written(window.name)) if window is not None else CAUSES[piece.segment.cause]
    return join(_range(piece.start, piece.end, times), " ", what)


def _passage(passage: Passage, times: Times) -> Markup:
    record = passage.record
    return join(_range(passage.start, passage.end, times), " break-glass ", stage_of(record), " by ", written(record.operator))


def windows(shown: Snapshot, times: Times) -> Markup | None:
    """Return the extra windows that lie ahead, each with when it comes next."""
    ahead: dict[tuple[str, Kind, str], list[Span]] = {}
    for each in shown.windows:
        if each.end > shown.now:
            ahead.setdefault((each.name, each.kind, each.reason), []).append(each)
    if not ahead:
        return None
    rows = [
        (
            join(written(name), " ", element("span", "now", class_="tag") if spans[0].covers(shown.now) else None),
            _KINDS[kind],
            times.when(spans[0].start),
            join(times.when(spans[0].end), " ", element("span", f"and {len(spans) - 1} times more", class_="small") if spans[1:] else None),
            written(reason, most=_LONGEST) if reason else DASH,
        )
        for (name, kind, reason), spans in ahead.items()
    ]
    return table("Extra windows until the end of next week", ("Window", "Promotions", "From", "Until", "Why"), rows)


def numbers(shown: Snapshot, times: Times, week: Sequence[Day]) -> Markup:
    """Return what the picture shows, and the windows, in numbers."""
    title = element("h2", "This week in numbers", id="numbers")
    return element("section", title, days(shown, times, week), windows(shown, times), aria_labelledby="numbers")


def stages(shown: Snapshot, times: Times) -> Markup:
    """Return the guarded stages by project."""
    parts = []
    for project, guarded in groupby(shown.guarded, key=lambda each: each.project):
        rows = [(each.stage, _passes(each, shown, times), _rollback(each, shown)) for each in guarded]
        parts.append(table(project, ("Stage", "A promotion now", "A rollback now"), rows, class_="even"))
    return element("section", element("h2", "Guarded stages", id="stages"), parts, aria_labelledby="stages")


def _passes(each: Guarded, shown: Snapshot, times: Times) -> Markup:
    record = each.break_glass
    if shown.verdict.allow:
        return _answer("let through", yes=True)
    if record is None:
        return _answer("held", yes=False)
    by = join("by break-glass of ", written(record.operator), " until ", times.own(record.expires), " ", words.place(times.zone))
    return join(_answer("let through", yes=True, glass=True), " ", element("span", by, class_="by"))


def _rollback(each: Guarded, shown: Snapshot) -> Markup:
    if each.rollback == "allow":
        return join(_answer("let through", yes=True), " ", element("span", "at any time", class_="by"))
    return element("span", "as any promotion" if not each.may(shown.verdict) else "let through, as any promotion", class_="by")


def _answer(text: str, *, yes: bool, glass: bool = False) -> Markup:
    path = "M3 8.5l3.5 3.5L13 4.5" if yes else "M5 3v10M11 3v10"
    icon = element("svg", element("path", d=path), viewBox="0 0 16 16", class_="mark", aria_hidden="true", focusable="false")
    return element("span", icon, text, class_=f"answer {'glass-yes' if glass else 'yes' if yes else 'no'}")


def waiting(shown: Snapshot, times: Times) -> Markup:
    """Return who waits, the longest in front."""
    rows = [
        (
            written(each.promotion),
            stage_of(each),
            element("span", times.when(each.since), " ", element("span", f"for {times.ago(each.since)}", class_="small")),
            element("span", stamp(each.asked, times.zone, f"{times.ago(each.asked)} ago")),
            written(each.reason, most=_LONGEST),
        )
        for each in shown.waiting
    ]
    body = (
        table("Promotions that wait", ("Promotion", "Stage", "Since", "Asked last", "What it was told"), rows, hidden=True)
        if rows
        else element("p", "None.", class_="none")
    )
    note = "Promotions that asked this replica of the gate in the last 5 minutes and were refused. Another replica may know of others."
    count = element("span", f" {len(rows)}", class_="count") if rows else None
    return element(
        "section",
        element("h2", "Waiting promotions", count, id="waiting"),
        body,
        element("p", note, class_="small"),
        aria_labelledby="waiting",
    )


def records(shown: Snapshot, times: Times) -> Markup:
    """Return the break-glass records that have expired."""
    rows = [
        (
            stage_of(each),
            written(each.operator),
            times.when(each.created),
            join(times.own(each.expires), " ", element("span", f"after {words.duration(each.expires - each.created)}", class_="small")),
            join(written(each.justification, most=_LONGEST), " ", element("span", written(each.name), class_="record")),
        )
        for each in shown.past
    ]
    active = len(shown.active)
    now = f"{active} active, see above." if active else "None is active."
    if shown.known.source is Source.OFF:
        now = "This gate reads no records: break-glass is switched off (records: none)."
    elif shown.known.source is Source.STARTING:
        now = "Not known yet."
    past = (
        table(
            f"Past, the latest in front{f' ({PAST_RECORDS} at most)' if len(rows) == PAST_RECORDS else ''}",
            ("Stage", "Operator", "Made", "Ended", "Justification"),
            rows,
        )
        if rows
        else element("p", "No past record is known.", class_="none")
    )
    return element("section", element("h2", "Break-glass", id="break-glass"), element("p", now), past, aria_labelledby="break-glass")


def sources(shown: Snapshot, times: Times) -> Markup:
    """Return how old everything is, and who says it."""
    known = shown.known
    heard = f"last heard of {words.duration(timedelta(seconds=known.age))} ago" if known.age is not None else "never heard of"
    cluster: Child
    match known.source:
        case Source.OFF:
            cluster = "not read (records: none)"
        case Source.UNREACHABLE:
            cluster = join("not reachable since ", times.when(known.since), f"; {heard}") if known.since else f"not reachable; {heard}"
        case Source.STARTING:
            cluster = "not heard of yet"
        case _:
            cluster = heard
    clock = "not compared" if known.skew is None else f"{skew(known.skew)} the cluster's"
    if known.skew is not None and round(abs(known.skew)) == 0:
        clock = "the same as the cluster's"
    items: list[tuple[str, Child]] = [
        ("Made", times.full(shown.now)),
        ("Calendar", f"{shown.calendar}, from {shown.source}"),
        ("Cluster", cluster),
        ("Clock", clock),
        ("Program", f"market-gate {__version__}"),
    ]
    terms = [element("div", element("dt", name), element("dd", value)) for name, value in items]
    return element("footer", element("h2", "Where this comes from", id="sources"), element("dl", terms), aria_labelledby="sources")

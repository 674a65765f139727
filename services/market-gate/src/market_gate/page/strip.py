"""The week as a picture: a row for each day, its hours from left to right.

Places from left to right are percentages and those from top to bottom are pixels: the picture has any width, and its letters one size.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from market_gate import words
from market_gate.page.markup import Markup, element
from market_gate.page.snapshot import Snapshot
from market_gate.page.week import CAUSES, Day, Piece, on_the_wall
from market_gate.schedule import Cause

# Percent that the names of the days take.
GUTTER = 11.5
_HOURS = 24
_ROW, _GAP, _AXIS = 30, 5, 36
# Room above the row of today, for the time that it is.
_FLAG = 20
_BAR = 8
_LETTERS_PER_HOUR, _LETTERS_PER_HOUR_NARROW = 4.5, 1.9
_SHOWN_HOURS = 3
_ZONES_BELOW = 2
_NEAR_LEFT, _NEAR_RIGHT = 2.0, 21.0

_CLASSES = {
    Cause.MARKET_OPEN: "session",
    Cause.MARGIN: "margin",
    Cause.NOT_KNOWN: "unknown",
    Cause.BLOCKED_WINDOW: "blocked",
    Cause.OPEN_WINDOW: "opened",
}
_MEANINGS = {
    "session": "market open: held",
    "margin": "margin before the open: held",
    "blocked": "blocked by a window: held",
    "unknown": "not known: held",
    "opened": "open by a window: let through",
    "glass": "break-glass: one stage let through",
}


def strip(shown: Snapshot, week: Sequence[Day]) -> Markup:
    """Return the picture with what its patterns mean."""
    zone = shown.zones[0]
    rows: list[Markup] = []
    top = _AXIS
    for day in week:
        top += _FLAG if day.today else 0
        rows.append(_row(shown, day, top))
        top += _ROW + _GAP
    below = list(_below(shown, week, top))
    height = top + _AXIS * len(below)
    first, last = week[0].date, week[-1].date
    picture = element(
        "svg",
        element("title", f"When promotions are held this week, {first.day} {first:%b} to {last.day} {last:%b %Y}", id="strip-title"),
        element("desc", _description(week, zone), id="strip-desc"),
        _patterns(),
        _axis(zone, 0, 12, 29),
        rows,
        below,
        class_="strip",
        role="img",
        width="100%",
        height=height,
        aria_labelledby="strip-title",
        aria_describedby="strip-desc",
        aria_details="week-table",
        focusable="false",
    )
    return element(
        "figure",
        picture,
        element("figcaption", _legend(week), element("p", told, class_="small") if (told := _difference(shown, week)) else None),
    )


def _row(shown: Snapshot, day: Day, top: int) -> Markup:
    zone = shown.zones[0]
    kind = "today" if day.today else "weekend" if day.weekday.known and day.weekday.session is None else "weekday"
    middle = top + _ROW / 2 + 5
    now = _hour(shown.now, day, zone) if day.today else None
    parts = [
        element(
            "text",
            f"{day.date:%a}",
            element("tspan", f" {day.date.day} {day.date:%b}", class_="wide"),
            x=0,
            y=middle,
            class_=f"day {kind}",
        ),
        _box(0, _HOURS, top, _ROW, class_="track"),
    ]
    parts += [
        _box(start, end, top, _ROW, class_=kind, fill=f"url(#{kind})" if kind in {"margin", "blocked", "unknown"} else None)
        for piece, kind in _drawn(day)
        for start, end in on_the_wall(piece.start, piece.end, day.date, zone)
    ]
    parts += [element("line", x1=_x(hour), x2=_x(hour), y1=top, y2=top + _ROW, class_="hour") for hour in range(6, _HOURS, 6)]
    parts += [
        label
        for piece, _ in _drawn(day)
        for start, end in on_the_wall(piece.start, piece.end, day.date, zone)
        for label in _label(piece, *_beside(now, start, end), middle)
    ]
    parts += [
        _box(start, end, top + _ROW - _BAR, _BAR, class_="glass", fill="url(#glass)")
        for passage in day.passages
        for start, end in on_the_wall(passage.start, passage.end, day.date, zone)
    ]
    if day.weekday.known and day.weekday.session is None and day.weekday.occasion:
        parts.append(element("text", day.weekday.occasion, x=_x(_HOURS / 2), y=middle, class_="label plain", text_anchor="middle"))
    if now is not None:
        parts.append(_now(now, f"{shown.now.astimezone(zone):%H:%M}", top))
    return element("g", parts)


def _drawn(day: Day) -> Iterator[tuple[Piece, str]]:
    """Yield what differs from a time at which everything passes; what is held on top."""
    for piece in sorted(day.pieces, key=lambda each: not each.segment.allow):
        kind = _CLASSES.get(piece.segment.cause)
        if kind is not None:
            yield piece, kind


def _label(piece: Piece, start: float, end: float, middle: float) -> Iterator[Markup]:
    window = piece.segment.window
    text = window.name if window is not None else {Cause.MARKET_OPEN: "trading", Cause.NOT_KNOWN: "not known"}.get(piece.segment.cause, "")
    if not text or len(text) > (end - start) * _LETTERS_PER_HOUR:
        return
    fits = len(text) <= (end - start) * _LETTERS_PER_HOUR_NARROW
    kind = "label" if piece.segment.cause is Cause.MARKET_OPEN else "label plain"
    yield element("text", text, x=_x((start + end) / 2), y=middle, class_=kind if fits else f"{kind} wide", text_anchor="middle")


def _beside(now: float | None, start: float, end: float) -> tuple[float, float]:
    """Return the larger part of a stretch that the line of now would cut, for its label."""
    if now is None or not start < now < end:
        return start, end
    return (start, now) if now - start > end - now else (now, end)


def _hour(moment: datetime, day: Day, zone: ZoneInfo) -> float:
    return next(start for start, _ in on_the_wall(moment, moment + timedelta(seconds=1), day.date, zone))


def _now(at: float, clock: str, top: int) -> Markup:
    anchor = "start" if at < _NEAR_LEFT else "end" if at > _NEAR_RIGHT else "middle"
    return element(
        "g",
        element("line", x1=_x(at), x2=_x(at), y1=top - 2, y2=top + _ROW + 3, class_="halo"),
        element("line", x1=_x(at), x2=_x(at), y1=top - 2, y2=top + _ROW + 3, class_="line"),
        element("svg", element("path", d="M-5 -5h10l-5 6z", class_="tip"), x=_x(at), y=top - 1, class_="at-now"),
        element("text", f"now {clock}", x=_x(at), y=top - 8, text_anchor=anchor),
        class_="now",
    )


def _axis(zone: ZoneInfo, offset: float, name: int, hours: int) -> Markup:
    """Write the hours of a zone that is ahead of the exchange's by `offset` hours; `name` and `hours` are the base lines."""
    ticks = []
    for hour in range(0, _HOURS + 1, _SHOWN_HOURS):
        there = hour + offset
        text = (
            f"{_HOURS}"
            if hour == _HOURS and offset == 0
            else f"{int(there % _HOURS):02}" + (f":{round(there % 1 * 60):02}" if there % 1 else "")
        )
        anchor = "start" if hour == 0 else "end" if hour == _HOURS else "middle"
        ticks.append(element("text", text, x=_x(hour), y=hours, text_anchor=anchor, class_="hours" if hour % 6 == 0 else "hours wide"))
    return element("g", element("text", f"{words.place(zone)} time", x=_x(0), y=name, class_="zone"), ticks, class_="axis")


def _below(shown: Snapshot, week: Sequence[Day], top: int) -> Iterator[Markup]:
    """Write the hours of other zones, where they are as far ahead on each day of the week."""
    for zone in shown.zones[1:]:
        ahead = {each for _, each in _ahead(zone, shown.zones[0], week)}
        if len(ahead) == 1:
            yield _axis(zone, ahead.pop(), top + 30, top + 13)
            top += _AXIS


def _ahead(zone: ZoneInfo, own: ZoneInfo, week: Iterable[Day]) -> list[tuple[Day, float]]:
    found = []
    for day in week:
        noon = day.start + timedelta(hours=12)
        there, here = noon.astimezone(zone).utcoffset(), noon.astimezone(own).utcoffset()
        found.append((day, ((there or timedelta()) - (here or timedelta())).total_seconds() / 3600))
    return found


def _difference(shown: Snapshot, week: Sequence[Day]) -> str | None:
    """Say where another zone has no axis of its own because the clocks are set on different days."""
    here = words.place(shown.zones[0])
    told = []
    for zone in shown.zones[1:]:
        ahead = _ahead(zone, shown.zones[0], week)
        change = next((number for number, (_, each) in enumerate(ahead) if each != ahead[0][1]), None)
        if change is not None:
            before, after = (f"{abs(each):g} h {'ahead of' if each >= 0 else 'behind'} {here}" for each in (ahead[0][1], ahead[change][1]))
            told.append(
                f"{words.place(zone)} is {before} until {ahead[change - 1][0].date:%A}, and {after} from {ahead[change][0].date:%A} on."
            )
    return " ".join(told) or None


def _description(week: Sequence[Day], zone: ZoneInfo) -> str:
    """Say in words what the picture shows."""
    told = []
    for day in week:
        held = [f"{_span(piece, zone)} {CAUSES[piece.segment.cause]}" for piece in day.pieces if not piece.segment.allow]
        today = ", today," if day.today else ""
        told.append(f"{day.date:%A}{today}: held {', '.join(held)}." if held else f"{day.date:%A}{today}: nothing held.")
    return (
        f"One row per day, hours of {words.place(zone)}. {' '.join(told)} The table “This week in numbers” has the same, and break-glass."
    )


def _span(piece: Piece, zone: ZoneInfo) -> str:
    ends = piece.end.astimezone(zone)
    until = "24:00" if ends.date() != piece.start.astimezone(zone).date() else f"{ends:%H:%M}"
    return f"{piece.start.astimezone(zone):%H:%M} to {until}"


def _legend(week: Sequence[Day]) -> Markup:
    kinds = {kind for day in week for _, kind in _drawn(day)} | ({"glass"} if any(day.passages for day in week) else set())
    items = [element("li", _swatch(kind), meaning) for kind, meaning in _MEANINGS.items() if kind in kinds]
    return element("ul", element("li", _swatch("track"), "promotions may run"), items, class_="legend")


def _swatch(kind: str) -> Markup:
    fill = f"url(#{kind})" if kind in {"margin", "blocked", "unknown", "glass"} else None
    box = element("rect", x=1, y=1, width=26, height=14, rx=2, class_=kind, fill=fill)
    return element("svg", box, width=28, height=16, aria_hidden="true", focusable="false", class_="swatch")


def _patterns() -> Markup:
    """Fill what must be told apart without colours: lines that rise, dots, crosses, stripes that fall."""

    def pattern(name: str, width: int, height: int, *content: Markup, turned: int | None = None) -> Markup:
        ground = element("rect", width=width, height=height, class_=f"{name}-ground")
        turn = f"rotate({turned})" if turned is not None else None
        return element(
            "pattern", ground, content, id=name, width=width, height=height, patternUnits="userSpaceOnUse", patternTransform=turn
        )

    return element(
        "defs",
        pattern("blocked", 7, 7, element("rect", width=2.5, height=7, class_="blocked-line"), turned=45),
        pattern("margin", 5, 5, element("circle", cx=2.5, cy=2.5, r=1.3, class_="margin-dot")),
        pattern("unknown", 9, 9, element("path", d="M1.5 1.5l6 6M7.5 1.5l-6 6", class_="unknown-cross")),
        pattern("glass", 10, 10, element("rect", width=5, height=10, class_="glass-stripe"), turned=-45),
    )


def _box(start: float, end: float, top: float, height: float, *, class_: str, fill: str | None = None) -> Markup:
    end = min(end, _HOURS)
    return element("rect", x=_x(start), y=top, width=_percent((end - start) * _scale()), height=height, class_=class_, fill=fill)


def _x(hour: float) -> str:
    return _percent(GUTTER + hour * _scale())


def _scale() -> float:
    return (100 - GUTTER) / _HOURS


def _percent(value: float) -> str:
    return f"{value:.4g}%"

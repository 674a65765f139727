"""The page as HTML: it needs no JavaScript, loads nothing, and refreshes by itself."""

import base64
import hashlib
import math
from importlib import resources
from types import MappingProxyType
from urllib.parse import quote

from market_gate import words
from market_gate.page import lists, state
from market_gate.page.markup import Markup, element, join
from market_gate.page.snapshot import Snapshot
from market_gate.page.strip import strip
from market_gate.page.times import Times, date_of, stamp
from market_gate.page.week import days

REFRESH_SECONDS = 30
# The address at which it stays as it is: what moves by itself must be able to stand still (WCAG 2.2, 2.2.2).
PAUSED = "refresh=off"

STYLE = resources.files("market_gate.page").joinpath("style.css").read_text(encoding="utf-8")
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# What people write into records ends up here: should it ever become HTML, it could load and run nothing.
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{_HASH}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = MappingProxyType(
    {
        "cache-control": "no-store",
        "content-security-policy": POLICY,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
)
_ICON_COLOURS = {"free": "#17653c", "held": "#27406b", "unknown": "#7a4d00", "glass": "#b3261e"}
_ICON_SHAPES = {
    "free": "M8 16l6 6 10-12",
    "held": "M12 9v14M20 9v14",
    "unknown": "M12 12c0-6 8-6 8 0 0 4-4 3-4 7M16 23v.5",
    "glass": "M16 7v11M16 23v1",
}


def render(shown: Snapshot, *, paused: bool = False) -> str:
    """Return the page; a paused one does not refresh."""
    times = Times(now=shown.now, zones=shown.zones)
    week = days(shown)
    main = element(
        "main",
        state.state(shown, times),
        state.alarm(shown, times),
        state.notices(shown, times),
        element(
            "section",
            element("h2", "This week", id="week"),
            strip(shown, week),
            aria_labelledby="week",
        ),
        lists.stages(shown, times),
        lists.waiting(shown, times),
        lists.records(shown, times),
        lists.numbers(shown, times, week),
    )
    body = element("body", _header(shown, paused=paused), main, lists.sources(shown, times))
    return f"<!doctype html>\n{element('html', _head(shown, paused=paused), body, lang='en')}\n"


def refresh_seconds(shown: Snapshot) -> int:
    """Return after how many seconds the page is asked for again: sooner where the answer changes sooner."""
    ends = [each.expires for each in shown.active] + ([shown.verdict.until] if shown.verdict.until is not None else [])
    soonest = min(((end - shown.now).total_seconds() for end in ends), default=math.inf)
    return max(1, min(REFRESH_SECONDS, math.ceil(soonest + 0.5) if math.isfinite(soonest) else REFRESH_SECONDS))


def _head(shown: Snapshot, *, paused: bool) -> Markup:
    look = "glass" if shown.active else state.kind(shown)
    glass = "Break-glass active, " if shown.active else ""
    icon = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><circle cx='16' cy='16' r='16' fill='{_ICON_COLOURS[look]}'/>"
        f"<path d='{_ICON_SHAPES[look]}' fill='none' stroke='#fff' stroke-width='4' stroke-linecap='round'/></svg>"
    )
    headline = state.headline(shown)
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="refresh", content=refresh_seconds(shown)) if not paused else None,
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{glass}{headline[:1].lower() if glass else headline[:1]}{headline[1:]} · market-gate"),
        element("link", rel="icon", href=f"data:image/svg+xml,{quote(icon)}"),
        element("style", Markup(STYLE)),
    )


def _header(shown: Snapshot, *, paused: bool) -> Markup:
    zone = shown.zones[0]
    here = shown.now.astimezone(zone)
    clocks = [join(stamp(shown.now, zone, f"{date_of(here)}, {here:%H:%M:%S}"), " ", words.place(zone))]
    for other in shown.zones[1:]:
        there = shown.now.astimezone(other)
        day = "" if there.date() == here.date() else f"{there:%a} "
        clocks.append(join(stamp(shown.now, other, f"{day}{there:%H:%M:%S}"), " ", words.place(other)))
    again = (
        join("Does not refresh. ", element("a", "Refresh again", href="./"))
        if paused
        else join(
            f"Refreshes every {REFRESH_SECONDS} s. ",
            element("a", "Stop", element("span", " refreshing", class_="unseen"), href=f"?{PAUSED}"),
        )
    )
    return element(
        "header",
        element("p", "market-gate", class_="brand"),
        element("p", [element("span", each, class_="clock") for each in clocks], class_="clocks"),
        element("p", again, class_="again"),
    )

"""The page in a real browser, at moments of the tests' own clock: what it loads, how it fits, what is heard, how it moves on."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.market_gate.browser.chromium import Browser, Tab
from tests.market_gate.browser.scenes import SCENES, Scene, played
from tests.market_gate.conftest import Time
from tests.support.processes import wait_for

READABLE = (Path(__file__).parent / "readable.js").read_text()
MOMENTS = list(SCENES)
NARROW = 360
# On both sides of each width at which the page is laid out in another way.
WIDTHS = (320, NARROW, 480, 799, 802, 900, 991, 994, 1280, 1920)
SIGNATURE = b"\x89PNG\r\n\x1a\n"


@contextmanager
def opened(chrome: Browser, scene: Scene | str, *, address: str = "/", **look: Any) -> Iterator[tuple[Tab, str, Time]]:  # noqa: ANN401
    """Open the page of a scene; give the tab, where the gate is, and its clock."""
    with played(SCENES[scene] if isinstance(scene, str) else scene) as (gate, clock), chrome.tab(**look) as tab:
        place = f"http://127.0.0.1:{gate.port}"
        tab.open(f"{place}{address}")
        yield tab, place, clock


@pytest.mark.parametrize("scene", MOMENTS)
def test_nothing_is_loaded_from_elsewhere_and_nothing_complained_about(chrome: Browser, scene: str) -> None:
    """No error, no violation of the policy, no request but for the page itself and its icon; and it is drawn by standards."""
    with opened(chrome, scene) as (tab, place, _):
        assert tab.complaints() == []
        assert [each for each in tab.requests() if not each.startswith("data:image/svg+xml,")] == [f"{place}/"]
        assert tab.evaluate("document.compatMode") == "CSS1Compat"
        # The style was applied: the policy allows it by its hash.
        assert tab.evaluate("getComputedStyle(document.querySelector('main')).display") == "block"
        assert tab.evaluate("getComputedStyle(document.querySelector('.state')).display") == "flex"


def test_the_browser_would_complain(chrome: Browser) -> None:
    """What the other tests rely on is seen: a style and a picture that the policy forbids, and an address that is not there."""
    with opened(chrome, "trading") as (tab, place, _):
        tab.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">x</p><img src=\"http://192.0.2.1/x.png\">')")
        assert wait_for(lambda: sum("Content Security Policy" in each for each in tab.complaints()) >= 2)
        tab.open(f"{place}/nothing")
        assert wait_for(lambda: any("404" in each for each in tab.complaints()))


@pytest.mark.parametrize("scene", ["trading", "unreachable", "hostile", "window", "not-known"])
def test_nobody_has_to_scroll_sideways(chrome: Browser, scene: str) -> None:
    """On a telephone, beside another window, on a wide screen; nothing is cut off either."""
    with opened(chrome, scene) as (tab, _, _clock):
        for width in WIDTHS:
            tab.look(width=width, height=740)
            assert tab.evaluate("innerWidth") == width
            beyond = (
                "[...document.querySelectorAll('body *')].filter(e => !e.closest('.unseen, thead') && "
                f"(e.getBoundingClientRect().right > {width} || e.getBoundingClientRect().left < 0)).map(e => e.outerHTML.slice(0, 80))"
            )
            assert tab.evaluate(beyond) == [], width
            assert tab.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scene", MOMENTS)
def test_every_text_can_be_read(chrome: Browser, scene: str) -> None:
    """By the colours that the browser computed, at least 4.5 to 1, light and dark, wide and narrow."""
    with opened(chrome, scene) as (tab, _, _clock):
        for dark in (False, True):
            for width in (1280, NARROW):
                tab.look(width=width, dark=dark)
                seen = tab.evaluate(READABLE)
                assert seen["texts"] > 80
                assert seen["poor"] == [], (dark, width)


def test_dark_is_dark(chrome: Browser) -> None:
    """By what the person prefers, without a switch."""
    with opened(chrome, "trading") as (tab, _, _clock):
        ground = "getComputedStyle(document.body).backgroundColor"
        assert tab.evaluate(ground) == "rgb(244, 245, 247)"
        tab.look(width=1280, dark=True)
        assert tab.evaluate(ground) == "rgb(18, 22, 27)"


@pytest.mark.parametrize("width", [1280, NARROW])
def test_what_a_screen_reader_hears(chrome: Browser, width: int) -> None:
    """Landmarks, headings in order, the picture by its name, tables that are tables on a telephone, too."""
    with opened(chrome, "break-glass", width=width) as (tab, _, _clock):
        heard = tab.accessible()
        roles = [each["role"] for each in heard]
        assert [roles.count(role) for role in ("banner", "main", "contentinfo")] == [1, 1, 1]
        regions = [each["name"] for each in heard if each["role"] == "region"]
        assert regions == [
            "Promotions are held",
            "Break-glass is active",
            "This week",
            "Guarded stages",
            "Waiting promotions 1",
            "Break-glass",
            "This week in numbers",
        ]
        headings = [(each["level"], each["name"]) for each in heard if each["role"] == "heading"]
        assert headings[:3] == [(1, "Promotions are held"), (2, "Break-glass is active"), (3, "shop-cd/paper is let through")]
        picture = next(each for each in heard if each["role"] == "image")
        assert picture["name"] == "When promotions are held this week, 16 Nov to 22 Nov 2026"
        assert "Wednesday, today,: held 00:00 to 02:00 blocked window" in picture["description"]
        tables = [each["name"] for each in heard if each["role"] == "table"]
        assert tables == [
            "bank-cd",
            "shop-cd",
            "Promotions that wait",
            "Past, the latest in front",
            "Times of New York where no other place is named",
            "Extra windows until the end of next week",
        ]
        assert roles.count("columnheader") == 3 + 3 + 5 + 5 + 4 + 5
        assert roles.count("rowheader") == 1 + 2 + 1 + 2 + 7 + 3
        assert [each["name"] for each in heard if each["role"] == "link"] == ["Stop refreshing"]


def test_the_keyboard_reaches_the_only_link_and_it_is_seen_there(chrome: Browser) -> None:
    """A frame around what has the focus."""
    with opened(chrome, "trading") as (tab, _, _clock):
        for kind in ("keyDown", "keyUp"):
            tab.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        assert tab.evaluate("document.activeElement.textContent") == "Stop refreshing"
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"


# Three seconds before the close; the page asks again a moment after it.
BEFORE_THE_CLOSE = "2026-11-18T20:59:57Z"
AFTER_THE_CLOSE = datetime.fromisoformat("2026-11-18T21:00:01Z")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_it_refreshes_by_itself_and_stays_where_it_was(chrome: Browser, javascript: bool) -> None:
    """What was held is let through a moment later, and who reads further down still does."""
    with opened(chrome, Scene(at=BEFORE_THE_CLOSE), height=500, javascript=javascript) as (tab, _, clock):
        assert tab.evaluate("document.querySelector('h1').textContent") == "Promotions are held"
        tab.evaluate("window.scrollTo({top: 400, behavior: 'instant'})")
        assert wait_for(lambda: tab.evaluate("window.scrollY") == 400)
        clock.day = AFTER_THE_CLOSE
        tab.wait_for_load(2)
        assert tab.evaluate("document.querySelector('h1').textContent") == "Promotions may run"
        assert wait_for(lambda: tab.evaluate("window.scrollY") == 400), tab.evaluate("window.scrollY")
        assert tab.complaints() == []


def test_it_can_be_stopped_and_begun_again(chrome: Browser) -> None:
    """By its only link, without JavaScript; the page that stands still has no refresh in it."""
    with opened(chrome, "trading", javascript=False) as (tab, place, _):
        for address, refreshes in ((f"{place}/?refresh=off", 0), (f"{place}/", 1)):
            loads = tab.loads()
            box = tab.evaluate(
                "(({x, y, width, height}) => [x + width / 2, y + height / 2])(document.querySelector('a').getBoundingClientRect())"
            )
            for kind in ("mousePressed", "mouseReleased"):
                tab.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)
            tab.wait_for_load(loads + 1)
            assert tab.evaluate("location.href") == address
            assert tab.evaluate("document.querySelectorAll('meta[http-equiv=refresh]').length") == refreshes


def test_without_javascript_everything_is_there(chrome: Browser) -> None:
    """The same text, word for word."""
    texts = []
    for javascript in (True, False):
        with opened(chrome, "unreachable", javascript=javascript) as (tab, _, _clock):
            texts.append(tab.evaluate("document.body.innerText"))
            assert tab.complaints() == []
    assert texts[0] == texts[1]
    assert "Cluster not reachable since 10:46 New York, 16:46 Berlin" in texts[0]


def test_what_people_write_does_nothing(chrome: Browser) -> None:
    """Neither run, nor loaded, nor shown as anything but text; with the policy taken away as well."""
    for policy in (True, False):
        with played(SCENES["hostile"]) as (gate, _), chrome.tab() as tab:
            tab.call("Page.setBypassCSP", enabled=not policy)
            tab.open(f"http://127.0.0.1:{gate.port}/")
            assert tab.complaints() == []
            assert not [each for each in tab.requests() if "192.0.2.1" in each]
            assert tab.evaluate("document.title") == "Break-glass active, promotions are held \N{MIDDLE DOT} market-gate"
            assert tab.evaluate("document.querySelectorAll('script, img, iframe, b, u').length") == 0
            assert tab.evaluate("document.querySelector('.alarm .who strong').textContent").startswith("<b onmouseover=")


def test_it_prints(chrome: Browser) -> None:
    """Black on white, also from a dark screen; nothing wider than the paper."""
    with opened(chrome, "break-glass", dark=True) as (tab, _, _clock):
        tab.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        style = "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.querySelector('%s')))"
        assert tab.evaluate(style % ".state") == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        assert tab.evaluate(style % ".alarm") == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        assert tab.evaluate("getComputedStyle(document.querySelector('.again')).display") == "none"
        assert tab.evaluate(READABLE)["poor"] == []
        paper = io.BytesIO(tab.paper())
        assert paper.read(5) == b"%PDF-"


def test_forced_colours_leave_everything_there(chrome: Browser) -> None:
    """Who sees with colours of the system's own still has the line of now and the edges of what is held."""
    with opened(chrome, "break-glass") as (tab, _, _clock):
        tab.look(width=1280, forced_colors="active")
        assert tab.evaluate("getComputedStyle(document.querySelector('.alarm')).borderTopWidth") == "3px"
        assert tab.complaints() == []


@pytest.mark.parametrize("look", [{"width": 1100}, {"width": 1100, "dark": True}, {"width": NARROW}], ids=["light", "dark", "narrow"])
def test_a_picture_can_be_taken(chrome: Browser, tmp_path: Path, look: dict[str, Any]) -> None:
    """Of the whole page; something is on it: an empty page of this size is a tenth as large."""
    with opened(chrome, "break-glass", **look) as (tab, _, _clock):
        tab.picture(tmp_path / "page.png")
    content = (tmp_path / "page.png").read_bytes()
    assert content.startswith(SIGNATURE)
    assert len(content) > 50_000


def test_a_browser_of_the_tests_reaches_nothing_else(chrome: Browser) -> None:
    """Names of elsewhere are not found, whatever the machine's resolver says."""
    with chrome.tab() as tab:
        begun = monotonic()
        assert tab.call("Page.navigate", url="http://example.org/")["errorText"] == "net::ERR_NAME_NOT_RESOLVED"
        assert monotonic() - begun < 60

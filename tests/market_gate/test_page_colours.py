"""The page's colours: text is readable, light and dark (WCAG 2.2: 4.5 to 1 for text, 3 to 1 for what is drawn)."""

import re
from collections.abc import Mapping

import pytest

from market_gate.page.page import STYLE

TEXT = 4.5
DRAWN = 3.0
PAIRS = [
    *((ink, ground, TEXT) for ink in ("ink", "muted", "link") for ground in ("ground", "surface")),
    *(("on-state", state, TEXT) for state in ("held", "free", "unknown")),
    ("on-light", "on-state", TEXT),
    ("on-glass", "glass", TEXT),
    ("ink", "tag", TEXT),
    ("on-tag", "tag", TEXT),
    ("on-tag", "surface", TEXT),
    ("yes", "surface", TEXT),
    ("no", "surface", TEXT),
    ("yes", "tag", TEXT),
    ("notice-ink", "notice", TEXT),
    ("on-session", "session", TEXT),
    ("focus", "surface", DRAWN),
    ("focus", "ground", DRAWN),
    ("session", "track", DRAWN),
    ("session", "surface", DRAWN),
    ("blocked-line", "blocked", DRAWN),
    ("blocked-line", "track", DRAWN),
    ("opened-line", "surface", DRAWN),
    ("margin-dot", "quiet", DRAWN),
    ("unknown-cross", "unknown-ground", DRAWN),
    ("stripe", "stripe-dark", DRAWN),
    ("now", "surface", DRAWN),
    ("notice-line", "ground", DRAWN),
]


def palette(block: str) -> dict[str, str]:
    """Read the variables of a rule."""
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6}|#[0-9a-f]{3})\b", block))


def schemes() -> Mapping[str, Mapping[str, str]]:
    """Return the colours by what the person prefers."""
    light = palette(STYLE[: STYLE.index("@media")])
    dark = palette(STYLE[STYLE.index("@media (prefers-color-scheme: dark)") : STYLE.index("*, ::before")])
    printed = palette(STYLE[STYLE.index("@media print") :])
    return {"light": light, "dark": {**light, **dark}, "print": {**light, **printed}}


def luminance(colour: str) -> float:
    """Return how bright a colour is (WCAG 2.2, relative luminance)."""
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    darker, brighter = sorted((luminance(one), luminance(other)))
    return (brighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_right() -> None:
    """The ends of the scale, and the grey that just passes."""
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_everything_can_be_told_from_what_it_stands_on(scheme: str) -> None:
    """Text 4.5 to 1, lines and patterns 3 to 1; on paper, where nothing but black is, what text there is."""
    colours = schemes()[scheme]
    wanted = [pair for pair in PAIRS if scheme != "print" or pair[2] == TEXT]
    poor = {(front, back): round(found, 2) for front, back, least in wanted if (found := contrast(colours[front], colours[back])) < least}
    assert not poor

"""Takes the pictures of the page for the documentation: `python -m tests.market_gate.browser.screenshots`."""

import tempfile
from pathlib import Path

from devtools import chromium
from devtools.paths import ROOT
from tests.market_gate.browser.chromium import browser
from tests.market_gate.browser.scenes import SCENES, played

FOLDER = ROOT / "docs" / "images"
# Name, scene, width, height of what is shown, dark or light.
PICTURES = (
    ("market-gate-page", "trading", 1000, 765, False),
    ("market-gate-page-dark", "half-day", 1000, 740, True),
    ("market-gate-break-glass", "break-glass", 1000, 1025, False),
    ("market-gate-phone", "unreachable", 360, 1090, False),
)


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser(chromium.ensure(), Path(folder)) as running:
        for name, scene, width, height, dark in PICTURES:
            with played(SCENES[scene]) as (gate, _), running.tab(width=width, height=height, dark=dark) as tab:
                tab.open(f"http://127.0.0.1:{gate.port}/")
                tab.picture(FOLDER / f"{name}.png", height=height)


if __name__ == "__main__":
    main()

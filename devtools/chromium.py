"""Chromium, for the tests that look at a page as a person does."""

import shutil
from pathlib import Path

from devtools import programs
from devtools.errors import DevError

# A browser of the same engine that is there already is as good as Debian's.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# With letters of its own, so that a page is as wide on every machine.
PACKAGES = ("chromium", "fonts-liberation")
_HINT = "install Chromium or Google Chrome; on Ubuntu, whose package is a snap that a test can't start, take Google's"


def find() -> Path | None:
    """Return the browser that is installed, None where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name)) is not None), None)
    return Path(found) if found is not None else None


def ensure() -> Path:
    """Return the browser, installed where there was none."""
    if (found := find()) is not None:
        return found
    programs.install(*PACKAGES, why="for the tests of pages")
    if (found := find()) is None:
        raise DevError("no Chromium is there to test pages with", hint=_HINT)
    return found

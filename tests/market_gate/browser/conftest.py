"""One browser for all tests of the page; each opens tabs that share nothing."""

from collections.abc import Iterator

import pytest

from devtools import chromium
from tests.market_gate.browser.chromium import Browser, browser


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Run Chromium; a machine without one gets it, as `./dev test` does."""
    with browser(chromium.ensure(), tmp_path_factory.mktemp("chromium")) as running:
        yield running

"""The browser of the tests: found, installed where there is none, or asked for."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from devtools import chromium, programs
from devtools.errors import DevError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the programs of a machine that has none yet."""
    there: dict[str, str] = {}
    monkeypatch.setattr(shutil, "which", there.get)
    return there


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"chromium": "/usr/bin/chromium", "google-chrome": "/usr/bin/google-chrome"}, "/usr/bin/chromium"),
        ({"google-chrome-stable": "/opt/chrome"}, "/opt/chrome"),
    ],
)
def test_what_is_there_is_taken(machine: dict[str, str], monkeypatch: pytest.MonkeyPatch, there: Mapping[str, str], taken: str) -> None:
    """Nothing is installed then."""
    machine.update(there)
    monkeypatch.setattr(programs, "install", lambda *_, **__: pytest.fail("installed"))
    assert chromium.ensure() == Path(taken)


def test_where_there_is_none_it_is_installed_with_letters(machine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's package and a font, as other programs of the tests are."""

    def install(*packages: str, why: str) -> None:
        assert packages == ("chromium", "fonts-liberation")
        assert why
        machine["chromium"] = "/usr/bin/chromium"

    monkeypatch.setattr(programs, "install", install)
    assert chromium.ensure() == Path("/usr/bin/chromium")


def test_without_a_package_it_says_what_to_do(machine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a test that is left out."""
    monkeypatch.setattr(programs, "install", lambda *_, **__: None)
    assert not machine
    with pytest.raises(DevError, match="no Chromium") as raised:
        chromium.ensure()
    assert "Google" in str(raised.value.hint)


def test_on_another_system_it_names_the_packages(machine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every program that ./dev installs."""
    monkeypatch.setattr(programs, "installed", lambda _: False)
    monkeypatch.setattr(programs, "apt_machine", lambda: False)
    assert not machine
    with pytest.raises(DevError, match="chromium, fonts-liberation missing"):
        chromium.ensure()

"""The installation page: filled in once, and its refusals in plain words."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bootstrap.core.change import State as Ready
from bootstrap.core.clock import Deadline, SystemClock
from bootstrap.gitea import wizard
from bootstrap.gitea.client import Basic, Gitea
from bootstrap.gitea.errors import GiteaError
from bootstrap.gitea.page import Form
from bootstrap.gitea.probe import State, look_for_admin, readiness
from bootstrap.gitea.web import Web
from bootstrap.gitea.wizard import Administrator, fill_in, install
from devtools.gitea import pages
from devtools.gitea.server import StandIn, stand_in
from devtools.gitea.world import Settings

ADMIN = Administrator(name="platform", email="platform@example.lan", password="a-long-password")
URL = "https://gitea.example.lan"


@pytest.fixture
def fresh() -> Iterator[StandIn]:
    """Run a Gitea whose installation page is open."""
    with stand_in(Settings(installed=False, restart=(0.05, 0.05))) as running:
        yield running


@pytest.fixture
def page(fresh: StandIn) -> Iterator[Web]:
    """Reach it."""
    with Web(fresh.url) as web:
        yield web


def until_up(web: Web) -> None:
    """Wait as the engine does: look again and again."""
    deadline = Deadline.after(20, SystemClock())
    while readiness(web).state is not Ready.READY:
        assert not deadline.expired
        deadline.clock.sleep(0.02)


def test_a_gitea_is_installed_with_its_administrator(fresh: StandIn, page: Web) -> None:
    """It answers nothing for a while; what it comes to is for who looks."""
    install(page, public_url=URL, administrator=ADMIN)
    until_up(page)
    found = look_for_admin(Gitea(page, Basic(user=ADMIN.name, password=ADMIN.password)))
    assert found.state is State.INSTALLED
    assert fresh.count("POST", "^/$") == 1


def test_what_the_container_has_preset_stays() -> None:
    """Database, paths and user are the image's; the address is the one for browsers, and nobody can register."""
    preset = {"db_type": "postgres", "db_passwd": "from-env", "run_user": "git", "domain": "localhost", "offline_mode": "on"}
    form = Form(action="/", method="POST", fields=preset, hidden={}, names=frozenset(preset))
    filled = fill_in(form, public_url="https://lan.example:8443/gitea", administrator=ADMIN)
    assert {name: filled[name] for name in preset} == {**preset, "domain": "lan.example"}
    assert filled["app_url"] == "https://lan.example:8443/gitea/"
    assert filled["disable_registration"] == "on"
    assert filled["admin_passwd"] == filled["admin_confirm_passwd"] == ADMIN.password


def test_a_reserved_name_is_refused_before_any_call(fresh: StandIn, page: Web) -> None:
    """With the reason, which Gitea's own message lacks."""
    administrator = Administrator(name="admin", email="admin@example.lan", password="a-long-password")
    with pytest.raises(GiteaError, match=r'`gitea\.admin\.name`: "admin" is a name that Gitea keeps for itself'):
        install(page, public_url=URL, administrator=administrator)
    assert fresh.asked == []


def test_gitea_has_no_database(page: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal comes with status 200, as the page again; no password is in the message."""

    def other_database(form: Form, **given: Any) -> dict[str, str]:  # noqa: ANN401  passed on
        return {**fill_in(form, **given), "db_type": "postgres"}

    monkeypatch.setattr(wizard, "fill_in", other_database)
    with pytest.raises(GiteaError) as caught:
        install(page, public_url=URL, administrator=ADMIN)
    assert caught.value.message == (
        "Gitea refuses the installation: The database settings are invalid: failed to connect to database: dbname is empty"
    )
    assert "GITEA__database__DB_TYPE" in str(caught.value.hint)


def test_the_page_of_another_version(fresh: StandIn, page: Web) -> None:
    """Nothing is sent that was not asked for."""
    fresh.world.settings.wizard_page_changed = True
    with pytest.raises(GiteaError, match=r'not the one that is known \(titled "Installation - Gitea"\)') as caught:
        install(page, public_url=URL, administrator=ADMIN)
    assert caught.value.hint == "open the page in a browser and install it there, then run this again"
    assert fresh.count("POST", ".") == 0


def test_a_page_without_a_value_that_is_needed(page: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named as the variable of the container that presets it."""
    monkeypatch.setitem(pages_preset(), "run_user", "")
    with pytest.raises(GiteaError, match="has no value for run_user") as caught:
        install(page, public_url=URL, administrator=ADMIN)
    assert "GITEA____RUN_USER" in str(caught.value.hint)


def test_an_answer_that_is_lost_is_no_failure(fresh: StandIn, page: Web) -> None:
    """It restarts: whether it is installed is seen when it is up."""
    fresh.world.faults.lose("POST /")
    install(page, public_url=URL, administrator=ADMIN)
    until_up(page)
    assert fresh.count("POST", "^/$") == 1


def test_somebody_else_was_faster(forge: StandIn, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """405 between looking and sending: it is installed, and that is what was wanted."""
    monkeypatch.setattr(wizard, "open_form", empty_form())
    install(web, public_url=URL, administrator=ADMIN)
    assert forge.count("POST", "^/$") == 1


def pages_preset() -> dict[str, str]:
    """Return what the stand-in's page comes with."""
    return pages._PRESET


def empty_form() -> Callable[[Web], Form]:
    """Make a page that was read a moment ago."""
    return lambda _: Form(action="/", method="POST", fields={}, hidden={}, names=frozenset())

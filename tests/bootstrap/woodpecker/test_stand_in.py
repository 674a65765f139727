"""The stand-in answers as the real Woodpecker 3.17.0 did: every recorded call is made again, and compared in status, headers and shape."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from bootstrap.gitea.page import read
from bootstrap.gitea.web import Cookies
from devtools.gitea.server import ADMIN, PASSWORD
from tests.bootstrap.woodpecker.pair import Pair
from tests.bootstrap.woodpecker.recording import CALLS, CLIENT_ID, GITEA, WOODPECKER, body, differences

EVENTS = ["push", "tag", "release", "deployment", "cron", "manual"]
SECRET = {"name": "github_deploy_key", "value": "a key", "images": [], "events": EVENTS}
REGISTRY = {"address": "registry.local:5000", "username": "u", "password": "p"}
# The recording leaves out what was sent.
BODIES: Mapping[str, Any] = {
    "patch repo": {
        "timeout": 90,
        "trusted": {"network": True, "volumes": False, "security": False},
        "netrc_trusted": ["registry.local:5000/plugins/github-mirror:1.0.0"],
    },
    "secret create": SECRET,
    "secret create, again": SECRET,
    "secret patch": {**SECRET, "value": "another key"},
    "secret patch, absent": {**SECRET, "name": "absent"},
    "secret create, no events": {"name": "eventless", "value": "v"},
    "global secret": {"name": "kargo_token", "value": "v", "events": ["push", "manual"]},
    "registry create": REGISTRY,
    "registry create, again": REGISTRY,
    "manual pipeline": {"branch": "main", "variables": {"X": "1"}},
}


class Replay:
    """One person at a browser and a program with that person's token, as in the recording."""

    def __init__(self, pair: Pair, client: httpx.Client) -> None:
        self._pair = pair
        self._client = client
        self._gitea = Cookies()
        self._woodpecker = Cookies()
        self._page = read("")
        self._last = ""
        self._sign = ""
        self._token = ""

    def ask(self, name: str) -> httpx.Response:
        """Make a recorded call again."""
        request = CALLS[name]["request"]
        url: str = request["url"].replace(GITEA, self._pair.gitea.url).replace(WOODPECKER, self._pair.woodpecker.url)
        url = url.replace(CLIENT_ID, self._pair.client_id)
        steps: dict[str, Callable[[str], httpx.Response]] = {
            "login page": self._show_login,
            "login, wrong password": lambda where: self._log_in(where, "wrong"),
            "login": lambda where: self._log_in(where, PASSWORD),
            "woodpecker authorize": self._go_to_gitea,
            "gitea authorize, first time: consent page": lambda _: self._show_consent(),
            "grant": self._grant,
            "woodpecker authorize with code": lambda _: self._come_back(),
            "web-config.js": self._config,
            "token without csrf header": lambda where: self._client.post(where, headers=self._woodpecker.header()),
            "token": self._ask_token,
            "gitea authorize, second time: already granted": lambda _: self._again(),
            "woodpecker authorize, bad state": self._client.get,
            "woodpecker authorize, bad code": lambda where: self._client.get(where.replace("<jwt>", self._state())),
            "user, bad token": lambda where: self._client.get(where, headers={"Authorization": "Bearer a.b.c"}),
        }
        if name in steps:
            return steps[name](url)
        headers = {"Authorization": f"Bearer {self._token}"} if self._pair.woodpecker.url in url else {}
        login = None if headers else (ADMIN, PASSWORD)
        return self._client.request(request["method"], url, json=BODIES.get(name), headers=headers, auth=login)

    def _show_login(self, url: str) -> httpx.Response:
        return self._on_gitea(self._client.get(url, headers=self._gitea.header()))

    def _log_in(self, url: str, password: str) -> httpx.Response:
        form = self._page.form("user_name", "password")
        assert form
        data = {**form.hidden, "user_name": ADMIN, "password": password}
        return self._on_gitea(self._client.post(url, data=data, headers=self._gitea.header()))

    def _go_to_gitea(self, url: str) -> httpx.Response:
        response = self._client.get(url)
        self._last = response.headers["Location"]
        return response

    def _show_consent(self) -> httpx.Response:
        return self._on_gitea(self._client.get(self._last, headers=self._gitea.header()))

    def _grant(self, url: str) -> httpx.Response:
        form = self._page.form("client_id", "state")
        assert form
        response = self._client.post(url, data={**form.hidden, "granted": "true"}, headers=self._gitea.header())
        self._last = response.headers["Location"]
        return response

    def _come_back(self) -> httpx.Response:
        response = self._client.get(self._last)
        self._woodpecker.take(response)
        return response

    def _config(self, url: str) -> httpx.Response:
        response = self._client.get(url, headers=self._woodpecker.header())
        self._sign = response.text.partition('WOODPECKER_CSRF = "')[2].partition('"')[0]
        return response

    def _ask_token(self, url: str) -> httpx.Response:
        response = self._client.post(url, headers={**self._woodpecker.header(), "X-CSRF-TOKEN": self._sign})
        self._token = response.text
        return response

    def _again(self) -> httpx.Response:
        self._go_to_gitea(f"{self._pair.woodpecker.url}/authorize")
        return self._client.get(self._last, headers=self._gitea.header())

    def _state(self) -> str:
        return str(httpx.URL(self._go_to_gitea(f"{self._pair.woodpecker.url}/authorize").headers["Location"]).params["state"])

    def _on_gitea(self, response: httpx.Response) -> httpx.Response:
        self._gitea.take(response)
        self._page = read(response.text)
        return response


def set_up(pair: Pair, name: str) -> None:
    """Bring about what happened between two recorded calls."""
    world = pair.woodpecker.world
    if name == "agents":
        world.connect("vm")
    if name == "pipelines":
        world.pipelines[1] = [body("pipeline 1")]


def test_every_recorded_call_is_answered_alike(pair: Pair) -> None:
    """Status, content type, redirect, cookies, and keys and types of the body are the real servers', in the recorded order."""
    found = []
    with httpx.Client(timeout=5) as client:
        replay = Replay(pair, client)
        for name in CALLS:
            set_up(pair, name)
            response = replay.ask(name)
            found += differences(name, response, {pair.gitea.url: GITEA, pair.woodpecker.url: WOODPECKER})
            if "hidden_inputs" in CALLS[name]:
                hidden = sorted({field for form in read(response.text).forms for field in form.hidden})
                found += [] if hidden == CALLS[name]["hidden_inputs"] else [f"{name}: hidden inputs {hidden}"]
    assert not found, "\n".join(found)


def test_web_config_names_user_and_sign_as_recorded(pair: Pair) -> None:
    """The lines that the login reads are written as the real server writes them."""
    token = pair.log_in()
    assert pair.woodpecker.world.whose(token, "user")
    account = pair.woodpecker.world.accounts[0]
    session = pair.woodpecker.world.session(account)
    text = httpx.get(f"{pair.woodpecker.url}/web-config.js", headers={"Cookie": f"user_sess={session}"}).text
    recorded = CALLS["web-config.js"]["body"]
    names = [line.partition(" = ")[0] for line in text.splitlines() if "=" in line]
    assert names == [line.partition(" = ")[0] for line in recorded.splitlines() if "=" in line]
    assert f'window.WOODPECKER_CSRF = "{pair.woodpecker.world.sign(account)}";' in text


def test_a_stranger_sees_no_user_and_no_sign(pair: Pair) -> None:
    """Without a session the page says null, as server/web/config.go does."""
    text = httpx.get(f"{pair.woodpecker.url}/web-config.js").text
    assert "window.WOODPECKER_USER = null;" in text
    assert 'window.WOODPECKER_CSRF = "";' in text

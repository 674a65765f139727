"""The stand-in answers as the real Gitea did: every recorded call is made again, and compared in status, headers and shape."""

import base64
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from bootstrap.gitea.page import read
from devtools.gitea.server import StandIn, stand_in
from devtools.gitea.world import Settings
from devtools.paths import ROOT
from tests.support.gitea_recording import CALLS, LOGIN_CALLS, differences_of

OVER_TIME = "after the wizard POST, GET /api/v1/version over time (seconds, status)"
ADMIN = ("platform", "<password>")
# The recording leaves credentials out.
BASIC = {"user, wrong password": ("platform", "wrong"), "admin creates user, not admin": ("ci", "<password-2>")}
NOBODY = frozenset({"user, no credentials"})
BACK = "http://127.0.0.1:8000/authorize"
EVENTS = ["push", "create", "pull_request", "release"]


@pytest.fixture
def wizard() -> Iterator[StandIn]:
    """Run a stand-in whose installation page is open."""
    with stand_in(Settings(installed=False, restart=(0.2, 0.2))) as running:
        yield running


def authorization(name: str, token: str) -> dict[str, str]:
    """Return the header that the recorded call was made with."""
    if name in NOBODY:
        return {}
    if name == "repo get, bad token":
        return {"Authorization": "token 0000"}
    if name == "create token with a token":
        return {"Authorization": f"token {token}"}
    user, password = BASIC.get(name, ADMIN)
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def over_time(client: httpx.Client) -> list[object]:
    """Ask for the version until it is there, and give each answer once."""
    seen: list[object] = []
    end = time.monotonic() + 20
    while time.monotonic() < end and seen[-1:] != [200]:
        try:
            seen.append(client.get("/api/v1/version").status_code)
        except httpx.TransportError as error:
            # A kept connection breaks before the first new one is refused.
            seen += [type(error).__name__] if isinstance(error, httpx.ConnectError) else []
    return [value for value, _ in itertools.groupby(seen)]


def test_every_recorded_call_is_answered_alike(wizard: StandIn) -> None:
    """Status, headers, and keys and types of the body are the real Gitea's, call by call in the recorded order."""
    found, token = [], ""
    with httpx.Client(base_url=wizard.url, timeout=5) as client:
        for name, call in CALLS.items():
            if name == OVER_TIME:
                states = over_time(client)
                found += [] if states == [each[1] for each in call] else [f"{name}: {states}"]
                continue
            request = call["request"]
            api = request["path"].startswith("/api/v1/")
            body: dict[str, Any] = {"json" if api else "data": request["body"]} if request["body"] is not None else {}
            client.cookies.clear()
            response = client.request(request["method"], request["path"], headers=authorization(name, token), **body)
            found += [f"{name}: {line}" for line in differences_of(call, response)]
            token = response.json()["sha1"] if name == "create token" else token
    assert not found, "\n".join(found)


def test_every_recorded_page_is_answered_alike() -> None:
    """Login, consent page, grant and second login: status, cookies, hidden inputs and redirects are the real Gitea's."""
    found = []
    with stand_in() as gitea, httpx.Client(base_url=gitea.url, timeout=5) as client:
        application = gitea.world.add_application("platform", "woodpecker", [BACK])
        asked = {"client_id": application.client_id, "redirect_uri": BACK, "response_type": "code", "state": "s"}
        hidden: dict[str, str] = {}
        forms = {
            "login, wrong password": {"user_name": "platform", "password": "wrong"},
            "login": {"user_name": "platform", "password": "stand-in-password"},
            "grant": {"granted": "true"},
        }
        repository = gitea.world.add_repository("platform", "shop")
        for name, call in LOGIN_CALLS.items():
            if name.startswith("gitea: hooks"):
                found += [f"{name}: {line}" for line in hooks(gitea, repository.full_name, call, active="after activation" in name)]
                continue
            method, path = call["request"]["method"], call["request"]["url"].removeprefix("http://127.0.0.1:3000").split("?")[0]
            target = f"{path}?{urlencode(asked)}" if path.endswith("/authorize") else path
            response = client.request(method, target, data={**hidden, **forms[name]} if method == "POST" else None)
            found += [f"{name}: {line}" for line in differences_of(call, response)]
            hidden = next((dict(form.hidden) for form in read(response.text).forms), hidden)
    assert not found, "\n".join(found)


def hooks(gitea: StandIn, full_name: str, call: dict[str, Any], *, active: bool) -> list[str]:
    """List the webhooks after Woodpecker has made one, or taken it back."""
    path = f"{gitea.url}/api/v1/repos/{full_name}/hooks"
    login = ("platform", "stand-in-password")
    for each in httpx.get(path, auth=login).json():
        httpx.delete(f"{path}/{each['id']}", auth=login)
    if active:
        config = {"url": "http://127.0.0.1:8000/api/hook?access_token=x", "content_type": "json"}
        body = {"type": "gitea", "config": config, "events": EVENTS, "active": True}
        assert httpx.post(path, json=body, auth=login).status_code == 201
    response = httpx.get(path, auth=login)
    assert [each["events"] for each in response.json()] == [each["events"] for each in call["body"]]
    del response.headers["x-total-count"]
    return differences_of(call, response)


def test_a_code_is_changed_for_a_token_once() -> None:
    """What Woodpecker does with the code: the application's own secret, and a token that is the user's."""
    with stand_in() as gitea:
        application = gitea.world.add_application("platform", "woodpecker", [BACK])
        code = gitea.world.new_code(application.client_id, "platform")
        asked = {"client_id": application.client_id, "client_secret": application.client_secret, "code": code}
        refused = httpx.post(f"{gitea.url}/login/oauth/access_token", data={**asked, "client_secret": "old"})
        assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
        token = httpx.post(f"{gitea.url}/login/oauth/access_token", data=asked).json()["access_token"]
        user = httpx.get(f"{gitea.url}/api/v1/user", headers={"Authorization": f"Bearer {token}"}).json()
        assert user["login"] == "platform"
        assert httpx.post(f"{gitea.url}/login/oauth/access_token", data=asked).status_code == 400


def test_it_runs_as_a_program() -> None:
    """In a container of the demo: under an address of its own, which it calls itself."""
    command = [sys.executable, "-m", "devtools.gitea", "--port", "0", "--public-url", "http://gitea.example.lan"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as program:
        assert program.stdout
        try:
            url = program.stdout.readline().strip()
            user = httpx.get(f"{url}/api/v1/user", auth=("platform", "stand-in-password")).json()
            assert user["html_url"] == "http://gitea.example.lan/platform"
        finally:
            program.terminate()
    assert program.returncode == 0


def test_the_recording_is_read_as_it_is() -> None:
    """A recording without calls would find no difference."""
    assert len(CALLS) > 40
    assert json.dumps(LOGIN_CALLS["grant"]["headers"]).count("code=")

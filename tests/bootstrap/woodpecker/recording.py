"""Answers of a real Woodpecker 3.17.0 and its Gitea (tests/data/woodpecker), and how an answer is compared with one of them."""

import json
import re
from collections.abc import Mapping
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

_FILE = Path(__file__).parents[2] / "data" / "woodpecker" / "recorded-api-v3.17.json"
CALLS: dict[str, dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))["calls"]
GITEA = "http://127.0.0.1:3000"
WOODPECKER = "http://127.0.0.1:8000"
CLIENT_ID = "95b747fd-1893-4adf-a5fb-a967edd58d70"

_TOKEN = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{20,}")
_CODE = re.compile(r"code=[^&]+")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def body(name: str) -> Any:  # noqa: ANN401  JSON
    """Return the body of a recorded answer, to be changed by the test at will."""
    return json.loads(json.dumps(CALLS[name]["body"]))


def differences(name: str, response: httpx.Response, places: Mapping[str, str]) -> list[str]:
    """List where an answer differs from the recorded one; `places` are the addresses of the recording by those of this run."""
    call = CALLS[name]
    recorded: Mapping[str, str] = call["headers"]
    found = []
    if response.status_code != call["status"]:
        found.append(f"status {response.status_code}, recorded {call['status']}")
    if response.headers.get("Content-Type") != recorded.get("content-type"):
        found.append(f"content type {response.headers.get('Content-Type')}, recorded {recorded.get('content-type')}")
    if _neutral(response.headers.get("Location", ""), places) != _neutral(recorded.get("location", ""), {}):
        found.append(f"location {response.headers.get('Location')}, recorded {recorded.get('location')}")
    if _cookies(recorded.get("set-cookie", "")) - _cookies(", ".join(response.headers.get_list("set-cookie"))):
        found.append(f"cookies {response.headers.get_list('set-cookie')}, recorded {recorded.get('set-cookie')}")
    return [f"{name}: {line}" for line in (*found, *_of_body(call["body"], response))]


def _of_body(recorded: object, response: httpx.Response) -> list[str]:
    if isinstance(recorded, dict | list):
        if "json" not in response.headers.get("Content-Type", ""):
            return [f"body {response.text[:200]!r}, recorded JSON"]
        return shapes(recorded, response.json())
    if isinstance(recorded, str) and recorded and not recorded.startswith(("(html", "\n")):
        said = _TOKEN.sub("<jwt>", response.text)
        return [] if said == recorded else [f"body {said!r}, recorded {recorded!r}"]
    return [] if recorded or not response.content else [f"body {response.text!r}, recorded none"]


def shapes(recorded: object, answered: object, at: str = "body") -> list[str]:
    """List where two documents differ in keys, types or lengths; values are free."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        odd = [f"{at}.{key}: {'missing' if key in recorded else 'not recorded'}" for key in recorded.keys() ^ answered.keys()]
        both = sorted(recorded.keys() & answered.keys())
        return sorted(odd) + [line for key in both for line in shapes(recorded[key], answered[key], f"{at}.{key}")]
    if isinstance(recorded, list) and isinstance(answered, list):
        if len(recorded) != len(answered):
            return [f"{at}: {len(recorded)} recorded, {len(answered)} answered"]
        return [line for index, pair in enumerate(zip(recorded, answered, strict=True)) for line in shapes(*pair, at=f"{at}[{index}]")]
    same = type(recorded) is type(answered)
    return [] if same else [f"{at}: {type(recorded).__name__} recorded, {type(answered).__name__} answered"]


def _neutral(location: str, places: Mapping[str, str]) -> str:
    for here, there in places.items():
        location = location.replace(here, there).replace(quote(here, safe=""), quote(there, safe=""))
    return _ID.sub("<id>", _CODE.sub("code=<code>", _TOKEN.sub("<jwt>", location)))


def _cookies(header: str) -> set[str]:
    # Several in one line, as the recording writes them, have commas between them.
    return {name for part in re.split(r", (?=\w+=)", header) for name, morsel in SimpleCookie(part).items() if morsel.value}

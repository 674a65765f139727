"""Answers of a real Gitea (tests/data/gitea), and how an answer is compared with them."""

import json
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx

from bootstrap.gitea.page import read

_DATA = Path(__file__).parent.parent / "data" / "gitea"
CALLS: dict[str, Any] = json.loads((_DATA / "recorded-api-1.22.json").read_text(encoding="utf-8"))["calls"]
LOGIN_CALLS: dict[str, Any] = json.loads((_DATA / "recorded-login.json").read_text(encoding="utf-8"))["calls"]


def differences(recorded: object, answered: object, at: str = "body") -> list[str]:
    """List where two documents differ in keys, types or lengths; values are free."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        found = [f"{at}.{key}: missing" for key in recorded.keys() - answered.keys()]
        found += [f"{at}.{key}: not recorded" for key in answered.keys() - recorded.keys()]
        both = sorted(recorded.keys() & answered.keys())
        return sorted(found) + [line for key in both for line in differences(recorded[key], answered[key], f"{at}.{key}")]
    if isinstance(recorded, list) and isinstance(answered, list):
        if len(recorded) != len(answered):
            return [f"{at}: {len(recorded)} recorded, {len(answered)} answered"]
        return [line for index, pair in enumerate(zip(recorded, answered, strict=True)) for line in differences(*pair, at=f"{at}[{index}]")]
    same = type(recorded) is type(answered)
    return [] if same else [f"{at}: {type(recorded).__name__} recorded, {type(answered).__name__} answered"]


def differences_of(call: dict[str, Any], response: httpx.Response) -> list[str]:
    """Compare status, headers and body of an answer with the recorded ones."""
    headers = call["headers"]
    lines = [
        f"{name} {response.headers.get(name)}, recorded {headers.get(name)}"
        for name in ("content-type", "refresh", "x-total-count")
        if response.headers.get(name) != headers.get(name)
    ]
    if response.status_code != call["status"]:
        lines.append(f"status {response.status_code}, recorded {call['status']}: {response.text[:200]}")
    if "location" in headers:
        answered, recorded = (httpx.URL(each) for each in (response.headers.get("location", ""), headers["location"]))
        if sorted(answered.params) != sorted(recorded.params) or answered.path != recorded.path:
            lines.append(f"location {answered}, recorded {recorded}")
    cookies = _cookies(response.headers.get_list("set-cookie"))
    recorded_cookies = _cookies(headers.get("set-cookie", "").split(", "))
    if cookies != recorded_cookies:
        lines.append(f"cookies {cookies}, recorded {recorded_cookies}")
    return lines + _body_differences(call, response)


def _body_differences(call: dict[str, Any], response: httpx.Response) -> list[str]:
    recorded = call["body"]
    if "hidden_inputs" in call:
        hidden = sorted({name for form in read(response.text).forms for name in form.hidden})
        return [] if hidden == sorted(call["hidden_inputs"]) else [f"hidden inputs {hidden}, recorded {sorted(call['hidden_inputs'])}"]
    if not str(call["headers"].get("content-type")).startswith("text/html"):
        return differences(recorded, response.json() if response.content else "")
    if isinstance(recorded, list):
        # Of a long page, its message alone was recorded.
        said, expected = read(response.text).message, read(recorded[0]).message
        return [] if said == expected else [f"message {said!r}, recorded {expected!r}"]
    if not recorded.startswith("<!DOCTYPE"):
        return [] if recorded in {"(html)", "(html again)", response.text} else [f"body {response.text!r}, recorded {recorded!r}"]
    title, expected = read(response.text).title, read(recorded).title
    return [] if title == expected else [f"title {title!r}, recorded {expected!r}"]


def _cookies(lines: list[str]) -> dict[str, str]:
    """Give each cookie with its Max-Age, which tells a cookie that is taken back."""
    found: dict[str, str] = {}
    for line in lines:
        found |= {name: morsel["max-age"] for name, morsel in SimpleCookie(line).items()}
    return found

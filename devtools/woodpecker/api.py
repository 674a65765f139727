"""The REST API of the stand-in, for one request."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from devtools.woodpecker import resources
from devtools.woodpecker.forge import ForgeError
from devtools.woodpecker.resources import Document
from devtools.woodpecker.world import Account, World

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
_PATCHED = (
    "timeout",
    "visibility",
    "require_approval",
    "allow_pr",
    "allow_deploy",
    "config_file",
    "cancel_previous_pipeline_events",
    "netrc_trusted",
)
_EVENTS = frozenset(
    {"push", "pull_request", "pull_request_closed", "pull_request_metadata", "tag", "release", "deployment", "cron", "manual"}
)
_LONGEST_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered; without a content type there is no body."""

    status: int
    body: Any = None
    content_type: str | None = JSON
    headers: tuple[tuple[str, str], ...] = ()


EMPTY_404 = Answer(status=404, content_type=None)


class Refusal(Exception):  # noqa: N818  an answer like any other
    """An answer that ends the handling of a request; without a text it is empty."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.answer = Answer(status=status, body=text.encode(), content_type=TEXT if text else None)


Reply = Callable[[re.Match[str]], Answer]


class Api:
    """One request of one caller, below /api."""

    def __init__(self, world: World, headers: Mapping[str, str]) -> None:
        """Take the headers under lower-case names."""
        self._world = world
        self._headers = headers
        self.call = ""
        """What kind of call it is, as the faults name it."""

    def answer(self, method: str, target: str, content: bytes) -> Answer:
        """Answer a request; raises Refusal."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        account = self._caller(method)
        routes: list[tuple[str, str, str, Reply]] = [
            ("user", "GET", r"/user", lambda _: Answer(status=200, body=account.document)),
            ("token", "POST", r"/user/token", lambda _: self._token(account)),
            ("token", "DELETE", r"/user/token", lambda _: self._other_token(account)),
            ("users", "GET", r"/users", lambda _: self._page([each.document for each in self._for_admin(account).accounts], query)),
            ("agents", "GET", r"/agents", lambda _: self._page(self._for_admin(account).heard(), query)),
            ("queue", "GET", r"/queue/info", lambda _: self._queue(account)),
            ("secrets", "GET", r"/secrets", lambda _: self._page(self._secrets(account, 0), query)),
            ("secrets", "POST", r"/secrets", lambda _: self._post_secret(account, 0, _body(content))),
            ("lookup", "GET", r"/repos/lookup/(.+)", lambda found: self._lookup(unquote(found[1]))),
            ("activate", "POST", r"/repos", lambda _: self._activate(account, query.get("forge_remote_id", ""))),
            ("repo", "GET", r"/repos/(\d+)", lambda found: Answer(status=200, body=self._repository(found))),
            ("repo", "PATCH", r"/repos/(\d+)", lambda found: self._patch(account, self._repository(found), _body(content))),
            ("repo", "DELETE", r"/repos/(\d+)", lambda found: self._delete(account, self._repository(found), query)),
            ("repair", "POST", r"/repos/(\d+)/repair", lambda found: self._repair(account, self._repository(found))),
            ("secrets", "GET", r"/repos/(\d+)/secrets", lambda found: self._page(self._secrets(account, self._number(found)), query)),
            ("secrets", "POST", r"/repos/(\d+)/secrets", lambda found: self._post_secret(account, self._number(found), _body(content))),
            ("secrets", "PATCH", r"/repos/(\d+)/secrets/(.+)", lambda found: self._patch_secret(found, _body(content))),
            ("secrets", "DELETE", r"/repos/(\d+)/secrets/(.+)", self._delete_secret),
            ("registries", "GET", r"/repos/(\d+)/registries", lambda found: self._page(self._registries(found), query)),
            ("registries", "POST", r"/repos/(\d+)/registries", lambda found: self._post_registry(found, _body(content))),
            ("registries", "PATCH", r"/repos/(\d+)/registries/(.+)", lambda found: self._patch_registry(found, _body(content))),
            ("registries", "DELETE", r"/repos/(\d+)/registries/(.+)", self._delete_registry),
            ("pipelines", "GET", r"/repos/(\d+)/pipelines", lambda found: self._page(self._pipelines(found), query)),
            ("pipelines", "GET", r"/repos/(\d+)/pipelines/(\d+)", self._pipeline),
            ("pipelines", "POST", r"/repos/(\d+)/pipelines", lambda found: self._start(found, _body(content))),
        ]
        for call, verb, pattern, reply in routes:
            match = re.fullmatch(pattern, parts.path.removeprefix("/api"))
            if verb == method and match:
                self.call = call
                if refused := self._world.faults.answer(call):
                    raise Refusal(*refused)
                with self._world.lock:
                    return reply(match)
        return Answer(status=404, body={"error": "not found", "path": parts.path})

    def _caller(self, method: str) -> Account:
        """Find who asks: by a token, or by a session and, where something is to change, the sign that only its page knows."""
        bearer = self._headers.get("authorization", "").removeprefix("Bearer ")
        if bearer:
            account = self._world.whose(bearer, "user")
            if account is None:
                raise Refusal(401, "User not authorized")
            return account
        session = next(
            (part.partition("=")[2] for part in self._headers.get("cookie", "").split("; ") if part.startswith("user_sess=")), ""
        )
        account = self._world.whose(session, "sess")
        if account is None:
            raise Refusal(401, "User not authorized")
        if method != "GET" and self._headers.get("x-csrf-token", "") != self._world.sign(account):
            raise Refusal(401)
        return account

    def _for_admin(self, account: Account) -> World:
        if not account.document["admin"]:
            raise Refusal(403, "User not authorized")
        return self._world

    @staticmethod
    def _page(items: list[Document], query: Mapping[str, str]) -> Answer:
        size = min(int(query.get("perPage") or _LONGEST_PAGE), _LONGEST_PAGE)
        first = (int(query.get("page") or 1) - 1) * size
        return Answer(status=200, body=items[first : first + size])

    def _token(self, account: Account) -> Answer:
        return Answer(status=200, body=self._world.token(account).encode(), content_type=TEXT)

    def _other_token(self, account: Account) -> Answer:
        account.hash = account.hash[::-1] + "x"
        return self._token(account)

    def _queue(self, account: Account) -> Answer:
        count = len(self._for_admin(account).agents)
        stats = {"worker_count": count, "pending_count": 0, "waiting_on_deps_count": 0, "running_count": 0}
        return Answer(status=200, body={"pending": [], "waiting_on_deps": [], "running": [], "stats": stats, "paused": False})

    def _lookup(self, full_name: str) -> Answer:
        found = self._world.by_name(full_name)
        return EMPTY_404 if found is None else Answer(status=200, body=found)

    def _activate(self, account: Account, remote_id: str) -> Answer:
        if not remote_id:
            raise Refusal(400, "No forge_remote_id provided")
        there = self._world.by_remote(remote_id)
        if there is not None and there["active"]:
            raise Refusal(409, "Repository is already active.")
        try:
            remote = self._world.forge.repository(account.forge_token, remote_id)
        except ForgeError:
            raise Refusal(500, "Could not fetch repository from forge.") from None
        if not (remote.get("permissions") or {}).get("admin"):
            raise Refusal(403, "User has to be a admin of this repository")
        other = self._world.by_name(remote["full_name"])
        if there is None and other is not None:
            raise Refusal(500, "Error inserting repository. on insert duplicate based on constraints was detected")
        document = there or resources.repository(self._world.next("repository"), remote)
        try:
            self._world.forge.hook(account.forge_token, document["full_name"], self._world.hook_url(document))
        except ForgeError as error:
            raise Refusal(500, str(error)) from None
        document["active"] = True
        self._world.repositories[document["id"]] = document
        return Answer(status=200, body=document)

    def _repository(self, found: re.Match[str]) -> Document:
        document = self._world.repositories.get(int(found[1]))
        if document is None:
            raise Refusal(404)
        return document

    def _number(self, found: re.Match[str]) -> int:
        return int(self._repository(found)["id"])

    def _patch(self, account: Account, document: Document, asked: Mapping[str, Any]) -> Answer:
        trusted = asked.get("trusted") or {}
        if any(document["trusted"][key] != value for key, value in trusted.items()) and not account.document["admin"]:
            raise Refusal(403, "Insufficient privileges")
        document["trusted"].update(trusted)
        document.update({key: asked[key] for key in _PATCHED if key in asked})
        return Answer(status=200, body=document)

    def _delete(self, account: Account, document: Document, query: Mapping[str, str]) -> Answer:
        try:
            self._world.forge.unhook(account.forge_token, document["full_name"], self._world.webhook_host)
        except ForgeError as error:
            raise Refusal(500, str(error)) from None
        document["active"] = False
        if query.get("remove") == "true":
            del self._world.repositories[document["id"]]
        return Answer(status=200, body=document)

    def _repair(self, account: Account, document: Document) -> Answer:
        try:
            self._world.forge.repository(account.forge_token, document["forge_remote_id"])
            self._world.forge.unhook(account.forge_token, document["full_name"], self._world.webhook_host)
            self._world.forge.hook(account.forge_token, document["full_name"], self._world.hook_url(document))
        except ForgeError:
            raise Refusal(500, "Could not fetch repository from forge.") from None
        return Answer(status=204, content_type=None)

    def _secrets(self, account: Account, owner: int) -> list[Document]:
        if owner == 0:
            self._for_admin(account)
        return list(self._world.secrets.get(owner, {}).values())

    def _post_secret(self, account: Account, owner: int, asked: Mapping[str, Any]) -> Answer:
        if owner == 0:
            self._for_admin(account)
        name = str(asked.get("name") or "").lower()
        _check_events(asked.get("events"))
        kept = self._world.secrets.setdefault(owner, {})
        if name in kept:
            raise Refusal(500, f'Error inserting secret "{name}". on insert duplicate based on constraints was detected')
        kept[name] = resources.secret(self._world.next("secret"), owner, asked)
        self._world.values[owner, name] = str(asked.get("value") or "")
        return Answer(status=200, body=kept[name])

    def _patch_secret(self, found: re.Match[str], asked: Mapping[str, Any]) -> Answer:
        owner, name = self._number(found), unquote(found[2])
        secret = self._world.secrets.get(owner, {}).get(name)
        if secret is None:
            raise Refusal(404)
        if "events" in asked:
            _check_events(asked["events"])
            secret["events"] = sorted(asked["events"])
        if "images" in asked:
            secret["images"] = list(asked["images"] or ())
        if asked.get("value"):
            self._world.values[owner, name] = str(asked["value"])
        return Answer(status=200, body=secret)

    def _delete_secret(self, found: re.Match[str]) -> Answer:
        if self._world.secrets.get(self._number(found), {}).pop(unquote(found[2]), None) is None:
            raise Refusal(404)
        return Answer(status=204, content_type=None)

    def _registries(self, found: re.Match[str]) -> list[Document]:
        return list(self._world.registries.get(self._number(found), {}).values())

    def _post_registry(self, found: re.Match[str], asked: Mapping[str, Any]) -> Answer:
        owner, address = self._number(found), str(asked.get("address") or "")
        kept = self._world.registries.setdefault(owner, {})
        if address in kept:
            raise Refusal(500, f'Error inserting registry "{address}". on insert duplicate based on constraints was detected')
        kept[address] = resources.registry(asked)
        self._world.values[owner, address] = str(asked.get("password") or "")
        return Answer(status=200, body=kept[address])

    def _patch_registry(self, found: re.Match[str], asked: Mapping[str, Any]) -> Answer:
        owner, address = self._number(found), unquote(found[2])
        kept = self._world.registries.get(owner, {}).get(address)
        if kept is None:
            raise Refusal(404)
        kept["username"] = asked.get("username") or kept["username"]
        if asked.get("password"):
            self._world.values[owner, address] = str(asked["password"])
        return Answer(status=200, body=kept)

    def _delete_registry(self, found: re.Match[str]) -> Answer:
        if self._world.registries.get(self._number(found), {}).pop(unquote(found[2]), None) is None:
            raise Refusal(404)
        return Answer(status=204, content_type=None)

    def _pipelines(self, found: re.Match[str]) -> list[Document]:
        # The list leaves out what is inside of each.
        kept = self._world.pipelines.get(self._number(found), [])
        return [{key: value for key, value in each.items() if key != "workflows"} for each in reversed(kept)]

    def _pipeline(self, found: re.Match[str]) -> Answer:
        number = int(found[2])
        kept = next((each for each in self._world.pipelines.get(self._number(found), []) if each["number"] == number), None)
        return EMPTY_404 if kept is None else Answer(status=200, body=kept)

    def _start(self, found: re.Match[str], asked: Mapping[str, Any]) -> Answer:
        repository = self._repository(found)
        kept = self._world.pipelines.setdefault(repository["id"], [])
        kept.append(resources.pipeline(len(kept) + 1, repository, asked, int(time.time())))
        return Answer(status=200, body=kept[-1])


def _body(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        raise Refusal(400, "Error parsing body") from None
    return found if isinstance(found, dict) else {}


def _check_events(events: object) -> None:
    if not isinstance(events, list) or not events:
        raise Refusal(422, "Error inserting secret. invalid secret event: no event specified")
    if unknown := [each for each in events if each not in _EVENTS]:
        raise Refusal(422, f"Error inserting secret. invalid secret event: {unknown[0]}")

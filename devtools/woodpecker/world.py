"""What a Woodpecker server knows: users, repositories, secrets, registries, agents."""

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devtools.woodpecker import jwt, resources
from devtools.woodpecker.faults import Faults
from devtools.woodpecker.forge import Forge
from devtools.woodpecker.resources import Document

VERSION = "3.17.0"
# server/api/login.go: stateTokenDuration
_STATE_SECONDS = 300
_SESSION_SECONDS = 72 * 3600


@dataclass(slots=True, kw_only=True)
class Account:
    """A user, with what is never shown."""

    document: Document
    hash: str
    forge_token: str


@dataclass(slots=True, kw_only=True)
class World:
    """A server's configuration and database. `host` is WOODPECKER_HOST, `oauth_host` where it sends browsers to, `webhook_host` Gitea."""

    host: str
    forge: Forge
    oauth_host: str
    webhook_host: str
    admins: Sequence[str] = ("platform",)
    is_open: bool = False
    version: str = VERSION
    faults: Faults = field(default_factory=Faults)
    accounts: list[Account] = field(default_factory=list)
    repositories: dict[int, Document] = field(default_factory=dict)
    secrets: dict[int, dict[str, Document]] = field(default_factory=dict)
    """Secrets as they are shown, by repository (0: the whole server) and name."""
    values: dict[tuple[int, str], str] = field(default_factory=dict)
    """Values of secrets, and passwords of registries: for tests, since nobody can read them through the API."""
    registries: dict[int, dict[str, Document]] = field(default_factory=dict)
    agents: list[Document] = field(default_factory=list)
    alive: set[int] = field(default_factory=set)
    """The numbers of the agents that go on reporting."""
    pipelines: dict[int, list[Document]] = field(default_factory=dict)
    signing_key: str = field(default_factory=lambda: secrets.token_hex(16))
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _numbers: dict[str, int] = field(default_factory=dict)

    def next(self, kind: str) -> int:
        """Give the next number of a table."""
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return self._numbers[kind]

    def state(self) -> str:
        """Make the sign of a login that is under way."""
        return jwt.signed({"type": "oauth-state", "forge-id": "1", "exp": int(time.time()) + _STATE_SECONDS}, self.signing_key)

    def is_admin(self, login: str) -> bool:
        """Tell whether WOODPECKER_ADMIN names a user."""
        return login.lower() in {name.lower() for name in self.admins}

    def enter(self, remote: Mapping[str, Any], forge_token: str) -> Account | None:
        """Let a user of Gitea in; None where registration is closed."""
        account = next((each for each in self.accounts if each.document["forge_remote_id"] == str(remote["id"])), None)
        admin = self.is_admin(remote["login"])
        if account is None:
            if not self.is_open and not admin:
                return None
            document = resources.user(self.next("user"), remote, admin=admin)
            account = Account(document=document, hash=secrets.token_hex(20), forge_token=forge_token)
            self.accounts.append(account)
        account.forge_token = forge_token
        account.document["admin"] = account.document["admin"] or admin
        return account

    def session(self, account: Account) -> str:
        """Make the cookie of a session."""
        claims: dict[str, str | int] = {"type": "sess", "user-id": str(account.document["id"]), "exp": int(time.time()) + _SESSION_SECONDS}
        return jwt.signed(claims, account.hash)

    @staticmethod
    def sign(account: Account) -> str:
        """Make the sign against forged requests."""
        return jwt.signed({"type": "csrf"}, account.hash)

    @staticmethod
    def token(account: Account) -> str:
        """Make the user's token: the same each time."""
        return jwt.signed({"type": "user", "user-id": str(account.document["id"])}, account.hash)

    def whose(self, token: str, kind: str) -> Account | None:
        """Find whose token or session it is."""
        number = jwt.claims(token).get("user-id")
        account = next((each for each in self.accounts if str(each.document["id"]) == number), None)
        return account if account is not None and jwt.is_valid(token, account.hash, kind) else None

    def hook_url(self, repository: Mapping[str, Any]) -> str:
        """Make the address of a repository's webhook."""
        claims = {"type": "hook", "repo-id": str(repository["id"]), "repo-forge-remote-id": repository["forge_remote_id"]}
        return f"{self.webhook_host}/api/hook?access_token={jwt.signed(claims, self.signing_key)}"

    def by_name(self, full_name: str) -> Document | None:
        """Find a repository by its name, active or not."""
        return next((each for each in self.repositories.values() if each["full_name"].lower() == full_name.lower()), None)

    def by_remote(self, remote_id: str) -> Document | None:
        """Find a repository by its number in Gitea."""
        return next((each for each in self.repositories.values() if each["forge_remote_id"] == remote_id), None)

    def connect(self, *names: str, version: str | None = None, silent_for: int = 0) -> None:
        """Let agents report from here on; one that is silent has died that many seconds ago."""
        for name in names:
            contact = int(time.time()) - silent_for
            made = resources.agent(self.next("agent"), name, version or self.version, contact)
            self.agents.append(made)
            if not silent_for:
                self.alive.add(made["id"])

    def heard(self) -> list[Document]:
        """Return the agents, of which those that live have reported just now."""
        for agent in self.agents:
            if agent["id"] in self.alive:
                agent["last_contact"] = agent["updated"] = int(time.time())
        return self.agents

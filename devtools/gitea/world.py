"""What a Gitea holds: users, tokens, applications, repositories, sessions."""

import hashlib
import itertools
import secrets
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from devtools.gitea.bare import Bare
from devtools.gitea.faults import Faults

VERSION = "1.25.5"
NEVER = "1970-01-01T00:00:00Z"


def timestamp() -> str:
    """Give the time as Gitea writes it: whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True, kw_only=True)
class User:
    """A user, or an organisation. `second_factor` is "", "totp" or "webauthn"."""

    id: int
    name: str
    email: str = ""
    password: str = ""
    admin: bool = False
    organization: bool = False
    second_factor: str = ""
    must_change_password: bool = False
    prohibited: bool = False
    visibility: str = "public"
    created: str = field(default_factory=timestamp)


@dataclass(slots=True, kw_only=True)
class Token:
    """An access token; one that an OAuth2 application got has every scope."""

    id: int
    user: str
    name: str
    value: str
    scopes: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Application:
    """An OAuth2 application, and the users that have let it act for them."""

    id: int
    owner: str
    name: str
    client_id: str
    client_secret: str
    redirect_uris: list[str]
    confidential: bool
    created: str = field(default_factory=timestamp)
    granted: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Hook:
    """A webhook of a repository."""

    id: int
    url: str
    content_type: str
    events: list[str]
    active: bool
    branch_filter: str = ""
    secret: str = ""
    created: str = field(default_factory=timestamp)


@dataclass(slots=True, kw_only=True)
class Key:
    """A deploy key of a repository."""

    id: int
    title: str
    key: str
    read_only: bool
    created: str = field(default_factory=timestamp)


@dataclass(slots=True, kw_only=True)
class Repository:
    """A repository: its settings, and a bare one of git."""

    id: int
    owner: str
    name: str
    bare: Bare
    private: bool = False
    default_branch: str = "main"
    archived: bool = False
    mirror: bool = False
    created: str = field(default_factory=timestamp)
    hooks: list[Hook] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    protections: dict[str, dict[str, object]] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"


@dataclass(slots=True, kw_only=True)
class Session:
    """What is known of a browser: who it is, and what it was asked to consent to."""

    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    user: str = ""
    consent: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Settings:
    """What an administrator has set: in app.ini, or in the container's environment.

    `csrf` is for Gitea up to 1.25, whose forms hold a token. `installed` is INSTALL_LOCK; `restart` the seconds that the installation page
    stays after it was sent, and those without anybody who listens.
    """

    version: str = VERSION
    installed: bool = True
    csrf: bool = True
    password_form: bool = True
    captcha: bool = False
    oauth2: bool = True
    require_sign_in: bool = False
    consent_page_changed: bool = False
    wizard_page_changed: bool = False
    scopes_enforced: bool = True
    most_items: int = 50
    restart: tuple[float, float] = (0.2, 0.2)


class World:
    """Everything that the stand-in remembers. Whoever changes it holds `lock`."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.folder = folder
        self.settings = settings or Settings()
        self.faults = Faults()
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.tokens: list[Token] = []
        self.applications: list[Application] = []
        self.repositories: dict[str, Repository] = {}
        self.sessions: dict[str, Session] = {}
        self.codes: dict[str, tuple[str, str]] = {}
        self._ids = {kind: itertools.count(1) for kind in ("user", "token", "repository", "hook", "key")}
        # The first three are for credential helpers, built in, and nobody's.
        self._ids["application"] = itertools.count(4)

    def id(self, kind: str) -> int:
        """Give the next number of a kind."""
        return next(self._ids[kind])

    def add_user(self, name: str, password: str = "", *, email: str = "", admin: bool = False, organization: bool = False) -> User:
        """Make a user or an organisation."""
        with self.lock:
            address = "" if organization else email or f"{name}@example.lan"
            user = User(id=self.id("user"), name=name, email=address, password=password, admin=admin, organization=organization)
            self.users[name.lower()] = user
            return user

    def user(self, name: str) -> User | None:
        """Look for a user or an organisation; names know no case."""
        return self.users.get(name.lower())

    def add_token(self, user: str, name: str, scopes: tuple[str, ...]) -> Token:
        """Make a token."""
        with self.lock:
            token = Token(id=self.id("token"), user=user, name=name, value=secrets.token_hex(20), scopes=scopes)
            self.tokens.append(token)
            return token

    def add_application(self, owner: str, name: str, redirect_uris: list[str], *, confidential: bool = True) -> Application:
        """Make an OAuth2 application, whatever there is."""
        with self.lock:
            made = Application(
                id=self.id("application"),
                owner=owner,
                name=name,
                client_id=str(uuid.uuid4()),
                client_secret=new_secret(),
                redirect_uris=redirect_uris,
                confidential=confidential,
            )
            self.applications.append(made)
            return made

    def application(self, client_id: str) -> Application | None:
        """Look for an application."""
        return next((each for each in self.applications if each.client_id == client_id), None)

    def add_repository(self, owner: str, name: str, *, private: bool = True, default_branch: str = "main") -> Repository:
        """Make an empty repository."""
        with self.lock:
            bare = Bare(self.folder / f"{owner}/{name}.git".lower())
            bare.create(default_branch)
            made = Repository(id=self.id("repository"), owner=owner, name=name, bare=bare, private=private, default_branch=default_branch)
            self.repositories[made.full_name.lower()] = made
            return made

    def repository(self, full_name: str) -> Repository | None:
        """Look for a repository; names know no case."""
        return self.repositories.get(full_name.lower())

    def new_code(self, client_id: str, user: str) -> str:
        """Make the code that an application changes for a token."""
        code = f"gta_{secrets.token_hex(16)}"
        self.codes[code] = (client_id, user)
        return code


def new_secret() -> str:
    """Make a client secret."""
    return f"gto_{secrets.token_hex(26)}"


def avatar(text: str) -> str:
    """Make the name of an avatar."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

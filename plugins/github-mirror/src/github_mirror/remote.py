"""Where a mirror is: the address of a repository that is reached by ssh."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

_HINT = "write `git@github.com:owner/repository.git`, or `ssh://git@host:2222/owner/repository.git` where ssh has another port"
_DEFAULT_USER = "git"
_DEFAULT_PORT = 22
# Neither what a shell or ssh would take for something else, nor an option (a leading dash).
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
_SCP = re.compile(r"(?:(?P<user>[^@/:]*)@)?(?P<host>\[[^\]]*\]|[^:/@\[\]]+):(?P<path>.*)", re.DOTALL)
_OWNER_AND_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A repository on an ssh server; a path without a leading slash starts in the user's home, as in scp."""

    user: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address; raises ValueError with a sentence that says how to write it."""
        text = text.strip()
        if "://" in text:
            return cls._parse_url(text)
        match = _SCP.fullmatch(text)
        if match is None or re.match(r"[A-Za-z]:[\\/]", text):
            raise ValueError(_what_else(text))
        user = _DEFAULT_USER if match["user"] is None else match["user"]
        return cls._checked(user, match["host"].strip("[]"), _DEFAULT_PORT, match["path"])

    @property
    def url(self) -> str:
        """The address for git."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if not self.path.startswith("/"):
            return f"{self.user}@{host}:{self.path}"
        port = "" if self.port == _DEFAULT_PORT else f":{self.port}"
        return f"ssh://{self.user}@{host}{port}{self.path}"

    @property
    def label(self) -> str:
        """The address for people: `github.com:acme/shop`."""
        return f"{self.place}:{self.path.strip('/').removesuffix('.git')}"

    @property
    def place(self) -> str:
        """The host as known_hosts names it: the port stands with it only where it is not 22."""
        return self.host if self.port == _DEFAULT_PORT else f"[{self.host}]:{self.port}"

    @property
    def on_github(self) -> bool:
        """Whether this is GitHub itself; ssh.github.com is its door for networks that block port 22."""
        return self.host in {"github.com", "ssh.github.com"}

    @classmethod
    def _parse_url(cls, text: str) -> Self:
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise ValueError(f"is not an address of ssh: {_HINT}") from None
        if parts.scheme in {"http", "https"}:
            raise ValueError(_instead_of_https(parts.hostname or "github.com", parts.path))
        if parts.scheme not in {"ssh", "git+ssh", "ssh+git"}:
            raise ValueError(f"is reached by {parts.scheme}, but mirrors are pushed by ssh: {_HINT}")
        if parts.password is not None:
            raise ValueError(f"holds a password, which ssh has no use for; `ssh_key` is the login: {_HINT}")
        if parts.query or parts.fragment:
            raise ValueError(f"has a `?` or `#` in it: {_HINT}")
        user = _DEFAULT_USER if parts.username is None else unquote(parts.username)
        path = unquote(parts.path)
        # git takes ssh://host/~user/path for a path in a home.
        return cls._checked(user, parts.hostname or "", port or _DEFAULT_PORT, path.removeprefix("/") if path.startswith("/~") else path)

    @classmethod
    def _checked(cls, user: str, host: str, port: int, path: str) -> Self:
        if not _USER.fullmatch(user):
            raise ValueError(f"has no user that ssh could log in as: {_HINT}")
        if not _HOST.fullmatch(host):
            raise ValueError(f"has no host name: {_HINT}")
        if not path.strip("/") or not path.isprintable() or path.startswith("-"):
            raise ValueError(f"has no path of a repository: {_HINT}")
        return cls(user=user, host=host.lower(), port=port, path=path)


def _instead_of_https(host: str, path: str) -> str:
    name = unquote(path).strip("/").removesuffix(".git")
    instead = f"git@{host}:{name}.git" if name else "git@github.com:owner/repository.git"
    return f"is an address of https, but mirrors are pushed by ssh with a deploy key: write `{instead}`"


def _what_else(text: str) -> str:
    if text.startswith(("/", ".", "~")):
        return f"is a path on this machine, but mirrors are pushed by ssh: {_HINT}"
    if _OWNER_AND_NAME.fullmatch(text):
        return f"names no host: write `git@github.com:{text.removesuffix('.git')}.git`"
    return f"is not an address of ssh: {_HINT}"

"""Logins for registries, and the config.json of Docker clients that carries them.

Format: docker/cli cli/config/configfile/file.go; `auth` is base64 of `user:password`, Docker Hub's key is its v1 URL.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from plugin_kit.reference import DOCKER_HUB, DOCKER_HUB_LOGIN, parse_registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """User and password for one registry."""

    username: str
    password: str = field(repr=False)

    @property
    def encoded(self) -> str:
        """Base64 of `user:password`, as Docker's configuration and HTTP basic authentication have it (RFC 7617)."""
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


class Credentials:
    """The logins of a run, by registry host."""

    def __init__(self, logins: Mapping[str, Login] | None = None) -> None:
        """Take hosts as in an image name (`docker.io` for Docker Hub)."""
        self._logins = dict(logins or {})

    @classmethod
    def from_docker_config(cls, text: str) -> "Credentials":
        """Read a config.json. Raises ValueError, without a value, when it can't be used."""
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"not valid JSON at position {error.pos}") from None
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004  every problem of the text is one kind of error
        if document.get("credsStore") or document.get("credHelpers"):
            raise ValueError("it names a credential helper, and no helper program is in this image; give the logins themselves (`auths`)")
        auths = document.get("auths") or {}
        if not isinstance(auths, dict):
            raise ValueError("`auths` is not an object")  # noqa: TRY004  see above
        logins = {}
        for key, entry in auths.items():
            login = _read_auth(key, entry)
            if login:
                logins[_host_of(key)] = login
        return cls(logins)

    def with_login(self, host: str, login: Login) -> "Credentials":
        """Return credentials that hold one login more; it wins over one for the same host."""
        return Credentials({**self._logins, host: login})

    def for_host(self, host: str) -> Login | None:
        """Return the login for a registry, if there is one."""
        return self._logins.get(host)

    def hosts(self) -> tuple[str, ...]:
        """Return the hosts that have a login, sorted."""
        return tuple(sorted(self._logins))

    def docker_config(self) -> str:
        """Write the config.json that buildx reads."""
        auths = {DOCKER_HUB_LOGIN if host == DOCKER_HUB else host: {"auth": login.encoded} for host, login in sorted(self._logins.items())}
        return json.dumps({"auths": auths})

    def encoded(self) -> tuple[str, ...]:
        """Return what must not be printed either: passwords, and the logins as they go over the wire."""
        return tuple(text for login in self._logins.values() for text in (login.password, login.encoded))


def _host_of(key: str) -> str:
    # Old clients wrote URLs with a path as keys; only the host counts when a login is looked up.
    bare = key.split("://", 1)[-1].split("/", 1)[0]
    return parse_registry(bare).host


def _read_auth(key: str, entry: object) -> Login | None:
    if not isinstance(entry, dict):
        raise ValueError(f"the entry of {key} is not an object")  # noqa: TRY004  see from_docker_config
    if entry.get("username") and entry.get("password"):
        return Login(username=str(entry["username"]), password=str(entry["password"]))
    if entry.get("identitytoken"):
        raise ValueError(f"the entry of {key} holds an identity token; give a user and a password or access token")
    if not entry.get("auth"):
        return None
    try:
        username, colon, password = base64.b64decode(str(entry["auth"]), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon:
        raise ValueError(f"the auth of {key} is not base64 of user:password") from None
    return Login(username=username, password=password.rstrip("\0"))

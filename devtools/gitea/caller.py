"""Who calls the API, and what that user may do."""

import base64
import binascii
from dataclasses import dataclass

from devtools.gitea.answer import Request, absent, refusal
from devtools.gitea.world import Token, User, World

_SCOPES = {"user": "user", "users": "user", "repos": "repository", "repositories": "repository", "admin": "admin", "orgs": "organization"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: nobody, a user with a password, or one with a token."""

    user: User | None = None
    token: Token | None = None


def caller_of(world: World, request: Request, root: str) -> Caller:
    """Read the Authorization header; raises Refusal for what is wrong with it."""
    scheme, _, value = (request.headers.get("Authorization") or "").partition(" ")
    if not scheme:
        return Caller()
    if scheme.lower() == "basic":
        found = _by_password(world, value, root)
    else:
        token = next((each for each in world.tokens if each.value == value), None)
        user = world.user(token.user) if token else None
        if token is None or user is None:
            raise refusal(401, "user does not exist [uid: 0, name: ]", root)
        found = Caller(user=user, token=token)
    if found.user and found.user.prohibited:
        raise refusal(403, "This account is prohibited from signing in, please contact your site administrator.", root)
    if found.user and found.user.must_change_password:
        raise refusal(403, f"You must change your password. Change it at: {root}/user/change_password", root)
    return found


def may(world: World, caller: Caller, request: Request, root: str) -> None:
    """Raise a Refusal for a token whose scopes do not cover the call."""
    if caller.token is None or not world.settings.scopes_enforced:
        return
    parts = request.path.removeprefix("/api/v1/").split("/")
    wanted = {_SCOPES[parts[0]]} if parts[0] in _SCOPES else set()
    if parts[:2] == ["user", "repos"]:
        wanted.add("repository")
    level = "read" if request.method == "GET" else "write"
    missing = [f"{level}:{each}" for each in sorted(wanted) if not _has(caller.token.scopes, level, each)]
    if missing:
        raise refusal(403, f"token does not have at least one of required scope(s): [{' '.join(missing)}]", root)


def signed_in(caller: Caller, root: str) -> User:
    """Return who calls; raises a Refusal for nobody."""
    if caller.user is None:
        raise refusal(401, "token is required", root)
    return caller.user


def administrator(caller: Caller, root: str) -> User:
    """Return who calls; raises a Refusal for who is no administrator."""
    user = signed_in(caller, root)
    if not user.admin:
        raise refusal(403, "user should be the site admin", root)
    return user


def by_password(caller: Caller, name: str, root: str) -> User:
    """Return the user of that name; raises a Refusal for a login with a token, and for somebody else."""
    user = signed_in(caller, root)
    if caller.token is not None:
        raise refusal(401, "auth required", root)
    if user.name.lower() != name.lower() and not user.admin:
        raise absent(root)
    return user


def _by_password(world: World, value: str, root: str) -> Caller:
    try:
        name, _, password = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise refusal(401, "user does not exist [uid: 0, name: ]", root) from None
    user = world.user(name)
    if user is None or user.organization:
        raise refusal(401, f"user does not exist [uid: 0, name: {name}]", root)
    token = next((each for each in world.tokens if each.value == password), None)
    if token is not None and token.user == user.name:
        return Caller(user=user, token=token)
    if user.password != password:
        raise refusal(401, f"user's password is invalid [uid: {user.id}, name: {user.name}]", root)
    # services/auth/basic.go of Gitea; not recorded.
    if user.second_factor == "totp":
        raise refusal(401, "invalid provided OTP", root)
    if user.second_factor == "webauthn":
        raise refusal(401, "basic authorization is not allowed while WebAuthn enrolled", root)
    return Caller(user=user)


def _has(scopes: tuple[str, ...], level: str, category: str) -> bool:
    return bool({"all", f"write:{category}", f"{level}:{category}"} & set(scopes))

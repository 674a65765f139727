"""Users of Woodpecker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.errors import RightError


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user; the login is the one in Gitea."""

    id: int
    login: str
    admin: bool
    remote_id: str = ""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read the API's form."""
        return cls(
            id=int(document["id"]),
            login=str(document["login"]),
            admin=bool(document.get("admin")),
            remote_id=str(document.get("forge_remote_id") or ""),
        )


def me(woodpecker: Woodpecker) -> User:
    """Return the user of the token; raises TokenRefusedError."""
    return User.of(woodpecker.get("/user", what="say whose token it is"))


def users(woodpecker: Woodpecker) -> list[User]:
    """Return everybody who has logged in so far; only for administrators."""
    return [User.of(each) for each in woodpecker.all("/users", what="list its users")]


def must_administer(user: User) -> None:
    """Raise RightError unless the user administers Woodpecker."""
    if not user.admin:
        raise RightError(
            f"{user.login} is no administrator of Woodpecker",
            hint=f"WOODPECKER_ADMIN must name {user.login} (`woodpecker.admins`; the platform's user is added by itself). It counts at the "
            "next login: `bootstrap up` restarts the server and logs in again",
        )

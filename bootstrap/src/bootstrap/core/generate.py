"""Values of secrets, made once and then kept in the cluster."""

import secrets
from collections.abc import Callable
from typing import TypeAlias

Generator: TypeAlias = Callable[[], str]

# Without characters that look alike: people type the password of an administrator.
_LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def password(length: int = 32) -> Generator:
    """Make a generator of passwords."""
    return lambda: "".join(secrets.choice(_LETTERS) for _ in range(length))


def hexadecimal(size: int = 32) -> Generator:
    """Make a generator of keys of that many bytes."""
    return lambda: secrets.token_hex(size)

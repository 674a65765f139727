"""Kargo's own account `admin`: its password, what the password is checked against, and the key that signs its tokens."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import bcrypt

from bootstrap.components.given import secret_value
from bootstrap.core import generate
from bootstrap.core.context import Context
from bootstrap.core.record import RecordResource

RECORD = "kargo"
PASSWORD = "admin_password"  # noqa: S105  a key
HASH = "admin_password_hash"
SIGNING_KEY = "token_signing_key"
# bcrypt takes no more; libraries differ in what they do with the rest.
_LONGEST_PASSWORD = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The record of the account, and what is recorded: nothing as long as the record is still going to change."""

    record: RecordResource
    values: Mapping[str, str] = field(repr=False)

    @property
    def digest(self) -> str:
        """Tell one hash and key from others, without saying anything about them."""
        text = self.values[HASH] + self.values[SIGNING_KEY]
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def account(context: Context) -> Account:
    """Read the account of record.

    Each bcrypt hash of a password is another text, and another text restarts Kargo: one that fits the password is kept for good.
    """
    wanted = context.platform.kargo.admin_password
    there = context.records.read(RECORD)
    given = {} if wanted.generate else {PASSWORD: secret_value(context, wanted, what="the password of Kargo's administrator")}
    # Where there is none yet, this one is recorded together with its hash, in one go.
    password = given.get(PASSWORD) or there.get(PASSWORD) or generate.password()()
    context.hide(password)
    fits = HASH in there and _fits(password, there[HASH])
    if HASH in there and not fits:
        given[HASH] = _hashed(password)
    record = RecordResource(
        name=RECORD,
        values={PASSWORD: lambda: password, HASH: lambda: _hashed(password), SIGNING_KEY: generate.hexadecimal()},
        given=given,
        purpose="login of Kargo's administrator `admin`",
    )
    settled = fits and there.get(PASSWORD) == password and SIGNING_KEY in there
    return Account(record=record, values=there if settled else {})


def _hashed(password: str) -> str:
    # 10 is what Kargo's own instructions use.
    return bcrypt.hashpw(password.encode()[:_LONGEST_PASSWORD], bcrypt.gensalt(10)).decode("ascii")


def _fits(password: str, there: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:_LONGEST_PASSWORD], there.encode())
    except ValueError:
        # Somebody has put something else there.
        return False

"""Telling whether a secret has changed where the secret itself can't be read: a keyed hash of it is kept in its place."""

import hashlib
import hmac

_DIGITS = 32


def fingerprint(key: str, *parts: str) -> str:
    """Return 32 hexadecimal digits that say nothing about `parts` to who does not have the key (HMAC-SHA-256, cut in half)."""
    # Each part with its length: ("ab", "c") must not look like ("a", "bc").
    message = b"".join(len(data).to_bytes(8, "big") + data for data in (part.encode(errors="surrogateescape") for part in parts))
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()[:_DIGITS]

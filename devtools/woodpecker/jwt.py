"""JSON Web Tokens as Woodpecker makes them: HS256, claims sorted, so that the same claims give the same token."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

_HEADER = {"alg": "HS256", "typ": "JWT"}


def signed(claims: Mapping[str, str | int], key: str) -> str:
    """Make a token."""
    head, body = (_encoded(json.dumps(part, sort_keys=True, separators=(",", ":")).encode()) for part in (_HEADER, dict(claims)))
    return f"{head}.{body}.{_signature(head, body, key)}"


def claims(token: str) -> dict[str, str | int]:
    """Read a token without looking at its signature; none where it is no token."""
    parts = token.split(".")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}


def is_valid(token: str, key: str, kind: str) -> bool:
    """Tell whether a token is of this kind, was signed with the key, and has not expired."""
    head, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    said = claims(token)
    expires = said.get("exp")
    in_time = not isinstance(expires, int) or expires > time.time()
    return said.get("type") == kind and in_time and hmac.compare_digest(_signature(head, body, key), signature)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _signature(head: str, body: str, key: str) -> str:
    return _encoded(hmac.new(key.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest())

"""What a server answered."""

import json
import re
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from typing import Any

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# RFC 8288: addresses in angle brackets, each with its parameters.
_LINK = re.compile(r"<([^>]*)>([^<]*)")
_RELATION = re.compile(r"""\brel\s*=\s*"?([^";,]+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole answer; `headers` does not care for capitals."""

    status_code: int
    reason_phrase: str
    headers: Message
    content: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether it is one of 200 to 299."""
        return HTTPStatus.OK <= self.status_code < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_redirect(self) -> bool:
        """Whether it names another address for what was asked for."""
        return self.status_code in _REDIRECTS and bool(self.headers.get("Location"))

    @property
    def text(self) -> str:
        """The content as UTF-8; what is not, is replaced."""
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:  # noqa: ANN401  whatever the document is
        """Parse the content; raises ValueError when it is no JSON."""
        return json.loads(self.content)

    @property
    def links(self) -> dict[str, str]:
        """The addresses of the Link headers, by their relation (`next`); they may be relative."""
        found = _LINK.findall(", ".join(self.headers.get_all("Link") or ()))
        return {relation[1].strip().lower(): address for address, rest in found if (relation := _RELATION.search(rest))}

"""Requests and answers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from email.message import Message

JSON = "application/json;charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; `path` is decoded, without the query."""

    method: str
    path: str
    query: str
    headers: "Message[str, str]"
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """The query, each name once."""
        return {name: values[0] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        found = json.loads(self.body or b"{}")
        return found if isinstance(found, dict) else {}

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies."""
        return {name: morsel.value for name, morsel in SimpleCookie(self.headers.get("Cookie") or "").items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered; without a content type that header is left out."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)


class Refusal(Exception):  # noqa: N818  an answer like any other
    """An answer that ends the handling of a request."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def document(status: int, body: object, *, headers: Sequence[tuple[str, str]] = (), content_type: str = JSON) -> Answer:
    """Answer with JSON."""
    return Answer(status=status, body=json.dumps(body).encode(), content_type=content_type, headers=headers)


def page(title: str, content: str, *, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """Answer with a web page."""
    text = f'<!DOCTYPE html>\n<html lang="en-US">\n<head>\n\t<title>{title}</title>\n</head>\n<body>\n{content}\n</body>\n</html>\n'
    return Answer(status=status, body=text.encode(), content_type=HTML, headers=headers)


def flash(text: str) -> str:
    """Write the message that a page begins with."""
    return f'<div class="ui negative message flash-message flash-error">\n\t\t<p>{text}</p>\n\t</div>'


def refusal(status: int, message: str, root: str) -> Refusal:
    """Refuse in the API's words."""
    return Refusal(document(status, {"message": message, "url": f"{root}/api/swagger"}))


def absent(root: str) -> Refusal:
    """Refuse what is not there, or is not to be seen."""
    return Refusal(document(404, {"errors": None, "message": "The target couldn't be found.", "url": f"{root}/api/swagger"}))

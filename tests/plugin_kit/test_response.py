"""What an answer says of itself."""

from email.message import Message

import pytest

from plugin_kit.response import Response


def answer(*headers: tuple[str, str], status: int = 200, content: bytes = b"") -> Response:
    """Make an answer."""
    message = Message()
    for name, value in headers:
        message[name] = value
    return Response(status_code=status, reason_phrase="", headers=message, content=content)


@pytest.mark.parametrize(
    ("headers", "links"),
    [
        ((), {}),
        ((("Link", '</v2/x/tags/list?last=b&n=2>; rel="next"'),), {"next": "/v2/x/tags/list?last=b&n=2"}),
        ((("link", "<https://r.lan/next>;rel=next"),), {"next": "https://r.lan/next"}),
        ((("Link", '<a,b>; rel="prev", <c;d>; title="x"; rel="next"'),), {"prev": "a,b", "next": "c;d"}),
        ((("Link", '<a>; rel="prev"'), ("Link", '<b>; REL="Next"')), {"prev": "a", "next": "b"}),
        ((("Link", "<a>"),), {}),
        ((("Link", "nonsense"),), {}),
    ],
)
def test_links_are_found_by_their_relation(headers: tuple[tuple[str, str], ...], links: dict[str, str]) -> None:
    """One header with several links, several headers, quoted or not."""
    assert answer(*headers).links == links


def test_text_survives_bytes_that_are_no_text() -> None:
    """A proxy's page in another encoding can be shown all the same."""
    assert answer(content=b"caf\xe9").text == "caf\N{REPLACEMENT CHARACTER}"


def test_content_that_is_no_json_is_a_value_error() -> None:
    """Callers have one error to expect."""
    with pytest.raises(ValueError, match="Expecting value"):
        answer(content=b"<html>").json()


@pytest.mark.parametrize(
    ("status", "success", "redirect"), [(200, True, False), (299, True, False), (302, False, True), (404, False, False)]
)
def test_the_status_tells_success_and_redirect(status: int, *, success: bool, redirect: bool) -> None:
    """A redirect is one only with an address."""
    found = answer(("Location", "/there"), status=status)
    assert (found.is_success, found.is_redirect) == (success, redirect)
    assert not answer(status=status).is_redirect

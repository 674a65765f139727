"""Takes secrets out of text before anybody reads it."""

import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "********"

# Woodpecker masks nothing of up to 3 characters either: "on" or "1" as a secret would black out the whole log.
_SHORTEST_SECRET = 4
# A shorter piece of base64 turns up by chance in digests and random names.
_SHORTEST_BASE64 = 8
# Line lengths of `base64` and MIME, and of PEM and `openssl base64`.
_BASE64_WRAPS = (76, 64)
# What stays unquoted differs: Python's default and paths, Go's url.UserPassword, JavaScript's encodeURIComponent.
_URL_SAFE_SETS = ("", "/", "$&+,;=", "!*'()")
# Go's encoding/json writes these three as \u00XX wherever they stand.
_GO_JSON = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
_PERCENT_CODE = re.compile(r"%[0-9A-F]{2}")


class Redactor:
    """Replaces every form of the given secrets by `********`.

    Covered are the secret as it is, each of its lines, and both as JSON string, URL-quoted, and in base64, also where the base64 is of a
    longer text such as `user:secret`. Text may come line by line. Values of up to 3 characters stay readable, as in Woodpecker; so may the
    base64 of a longer text around a secret of less than 8 bytes: who builds such a text adds it as a secret of its own.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._compiled: tuple[set[str], re.Pattern[str] | None] = (self._forms, None)
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Hide these from here on, too."""
        forms = {form for secret in secrets for form in _forms(secret)}
        if not forms <= self._forms:
            self._forms = self._forms | forms

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        pattern = self._pattern()
        match = pattern.search(text) if pattern else None
        if pattern is None or match is None:
            return text
        spans = [match.span()]
        # Searched from the next character on, since secrets may overlap: the rest of the second must not stay behind the first one's mask.
        while match := pattern.search(text, match.start() + 1):
            start, end = match.span()
            if start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        shown = zip([0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)], strict=True)
        return MASK.join(text[start:end] for start, end in shown)

    def _pattern(self) -> re.Pattern[str] | None:
        # Not when one is added: who knows a hundred secrets has added them one after the other, and compiling takes longer each time.
        forms, pattern = self._compiled
        if forms is not self._forms:
            forms = self._forms
            pattern = _compile(forms)
            self._compiled = forms, pattern
        return pattern


def _compile(forms: set[str]) -> re.Pattern[str] | None:
    """One pattern for all forms, branched by the first character, since a flat list is tried one by one at each character."""
    if not forms:
        return None
    branches: dict[str, list[str]] = defaultdict(list)
    for form in sorted(forms, key=lambda form: (-len(form), form)):
        branches[form[0]].append(re.escape(form[1:]))
    return re.compile("|".join(f"{re.escape(first)}(?:{'|'.join(rests)})" for first, rests in sorted(branches.items())))


def _forms(secret: str) -> Iterator[str]:
    # A secret from a file or a web form often has blanks or a newline at its ends that no program prints.
    lines = [line.strip() for line in secret.splitlines()]
    values = {secret.strip(), "\n".join(lines).strip(), "\r\n".join(lines).strip(), *lines}
    for value in values:
        if len(value) >= _SHORTEST_SECRET:
            yield value
            yield from _json_forms(value)
            yield from _url_forms(value)
            yield from _base64_forms(value)
    # The end of a text that is encoded as a whole stands in the last group of the base64, so the newline at the end matters there.
    for whole in {secret, *(newline.join(lines) + newline for newline in ("\n", "\r\n"))}:
        if len(whole.strip()) >= _SHORTEST_SECRET:
            yield from _base64_forms(whole)


def _json_forms(value: str) -> Iterator[str]:
    for ascii_only in (True, False):
        inner = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield inner
        yield inner.translate(_GO_JSON)


def _url_forms(value: str) -> Iterator[str]:
    data = value.encode(errors="surrogateescape")
    for quoted in {quote_plus(data), *(quote(data, safe=safe) for safe in _URL_SAFE_SETS)}:
        yield quoted
        yield _PERCENT_CODE.sub(lambda code: code[0].lower(), quoted)


def _base64_forms(value: str) -> Iterator[str]:
    data = value.encode(errors="surrogateescape")
    pieces = set(_base64_pieces(data))
    for piece in pieces | {piece.replace("+", "-").replace("/", "_") for piece in pieces}:
        if len(piece) >= _SHORTEST_BASE64:
            yield piece


def _base64_pieces(data: bytes) -> Iterator[str]:
    """Base64 of the data alone, the lines of it when wrapped, and what of it stays the same wherever the data stands in a longer text."""
    alone = base64.b64encode(data).decode()
    yield alone
    yield alone.rstrip("=")
    for width in _BASE64_WRAPS:
        if len(alone) > width:
            yield from (alone[start : start + width] for start in range(0, len(alone), width))
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data).decode()
        # A character carries 6 bits: the ones that share bits with a neighbour of the data are cut at both ends.
        first = -(-offset * 8 // 6)
        last = (offset + len(data)) * 8 // 6
        yield encoded[first:last]

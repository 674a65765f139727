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
        self._index = _Index(self._forms)
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Hide these from here on, too."""
        forms = {form for secret in secrets for form in _forms(secret)}
        if not forms <= self._forms:
            self._forms = self._forms | forms

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        spans: list[tuple[int, int]] = []
        for start, end in self._current().found(text):
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        shown = zip([0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)], strict=True)
        return MASK.join(text[start:end] for start, end in shown)

    def _current(self) -> "_Index":
        # Not when one is added: who knows a hundred secrets has added them one after the other, and an index takes longer each time.
        index = self._index
        if index.forms is not self._forms:
            index = self._index = _Index(self._forms)
        return index


class _Index:
    """Finds forms by how they begin: with a few keys among them, a pattern of all takes half a second to compile."""

    def __init__(self, forms: set[str]) -> None:
        self.forms = forms
        self._by_head: dict[str, list[str]] = defaultdict(list)
        # At each place the longest one counts.
        for form in sorted(forms, key=len, reverse=True):
            self._by_head[form[:_SHORTEST_SECRET]].append(form)
        # Branched by the first character, since a flat list is tried one by one at each character.
        rests: dict[str, list[str]] = defaultdict(list)
        for head in sorted(self._by_head):
            rests[head[0]].append(re.escape(head[1:]))
        branches = "|".join(f"{re.escape(first)}(?:{'|'.join(all_)})" for first, all_ in rests.items())
        self._heads = re.compile(branches) if branches else None

    def found(self, text: str) -> Iterator[tuple[int, int]]:
        """Return where forms stand in a text, from left to right.

        They may overlap: the rest of the second must not stay behind the first one's mask.
        """
        at = 0
        while match := self._heads.search(text, at) if self._heads else None:
            at = match.start() + 1
            if form := next((form for form in self._by_head[match[0]] if text.startswith(form, match.start())), None):
                yield match.start(), match.start() + len(form)


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

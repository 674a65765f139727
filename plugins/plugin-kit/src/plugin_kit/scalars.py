"""Single values of settings: texts, flags, numbers, durations, choices, and the JSON that carries them."""

import json
import re
from collections.abc import Iterable
from datetime import timedelta
from difflib import get_close_matches
from enum import Enum
from typing import Final, NoReturn

from plugin_kit.shape import Kind, Shape, word

TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
FALSE = frozenset({"0", "false", "no", "off", "n", "f"})
# An unquoted YAML date is a timestamp to Woodpecker, which hands it over JSON-quoted.
TIMESTAMP = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"')
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST_SHOWN = 60


class Number(str):
    """A JSON number with its digits as written: `1.20` in a map of texts is no float."""

    __slots__ = ()


class _Unset:
    """The type of UNSET."""


UNSET: Final = _Unset()


class Unusable(Exception):  # noqa: N818  caught by the decoder, which adds the place
    """A value that isn't what its setting holds."""


def scalar(shape: Shape, value: object, *, top: bool) -> object:
    """Decode one value; `top` where it is a whole setting and not a part of one."""
    if isinstance(value, list | dict):
        raise Unusable(f"must be {_article(shape)}, not a {'list' if isinstance(value, list) else 'map'}")
    text = word(value) if isinstance(value, bool) else str(value)
    match shape.kind:
        case Kind.SECRET:
            return text
        case Kind.TEXT:
            return unquoted(text) if top else text
        case Kind.FLAG:
            return _flag(text)
        case Kind.DURATION:
            return _duration(text)
        case Kind.CHOICE:
            return _choice(shape, text)
        case _:
            return _number(shape, text)


def _flag(text: str) -> bool:
    folded = text.strip().lower()
    if folded not in TRUE | FALSE:
        raise Unusable(f"{quoted(text)} is neither true nor false")
    return folded in TRUE


def _number(shape: Shape, text: str) -> int | float:
    whole = shape.kind is Kind.INTEGER
    try:
        return int(text) if whole else float(text)
    except ValueError:
        pass
    try:
        # 1e6 arrives as 1e+06 and is a whole number all the same.
        number = float(text)
        if number.is_integer():
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise Unusable(f"{quoted(text)} is not a {shape.kind}")


def _duration(text: str) -> timedelta:
    compact = text.strip().replace(" ", "")
    try:
        if DURATION.fullmatch(compact):
            return timedelta(seconds=sum(float(amount) * UNIT_SECONDS[unit] for amount, unit in DURATION_PART.findall(compact)))
        seconds = float(compact)
        if seconds >= 0:
            return timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        pass
    raise Unusable(f"{quoted(text)} is not a duration (30s, 10m, 1h30m, or a number of seconds)")


def _choice(shape: Shape, text: str) -> object:
    by_word = {word(choice): choice for choice in shape.choices}
    folded = {name.casefold(): choice for name, choice in by_word.items()}
    stripped = text.strip()
    choice = by_word.get(stripped, folded.get(stripped.casefold(), UNSET))
    if choice is UNSET:
        raise Unusable(f"{quoted(text)} is none of {', '.join(by_word)}{did_you_mean(stripped, by_word)}")
    return choice.value if isinstance(choice, Enum) else choice


def load_json(text: str) -> object:
    """Parse JSON with its numbers as written; the error says where, never what."""
    problem = "nested too deeply"
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        problem = f"{error.msg.removesuffix(' at')} at position {error.pos + 1}"
    except ValueError as error:
        problem = str(error)
    except RecursionError:
        pass
    # Raised outside the handlers: the JSON error carries the whole text, which may hold a secret.
    raise Unusable(f"not valid JSON: {problem}")


def compact(value: object) -> str:
    """Write JSON without blanks, numbers as they were."""
    match value:
        case Number():
            return str(value)
        case list():
            return f"[{','.join(compact(element) for element in value)}]"
        case dict():
            return f"{{{','.join(f'{compact(key)}:{compact(element)}' for key, element in value.items())}}}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def plain(value: object) -> object:
    """Turn the numbers of parsed JSON into Python's."""
    match value:
        case Number():
            return json.loads(value)
        case list():
            return [plain(element) for element in value]
        case dict():
            return {key: plain(element) for key, element in value.items()}
        case _:
            return value


def unquoted(value: object) -> object:
    """Take the JSON quotes off a timestamp."""
    found = TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else value


def split_list(text: str) -> list[str]:
    r"""Split at commas; a `\,` is a comma of the element."""
    elements = re.split(r"(?<!\\),", text)
    return [element.replace("\\,", ",").strip() for element in elements]


def split_maps(text: str) -> list[dict[str, str]]:
    r"""Split `type=registry,ref=a,type=local,src=b`, a comma-joined list of KEY=value lists: a key that comes again begins the next map.

    An element with escaped commas (`type=registry\,ref=a`) is a map by itself; one without `=` is kept under the key "".
    """
    maps: list[dict[str, str]] = []
    is_open = False
    for element in re.split(r"(?<!\\),", text):
        fields = [piece.strip() for piece in element.split("\\,")]
        if not any(fields):
            continue
        pairs = {key if equals else "": value if equals else key for key, equals, value in (piece.partition("=") for piece in fields)}
        joins = is_open and len(fields) == 1 and "" not in pairs and not pairs.keys() & maps[-1].keys()
        if joins:
            maps[-1] |= pairs
        else:
            maps.append(pairs)
        is_open = len(fields) == 1 and "" not in pairs
    return maps


def did_you_mean(key: str, known: Iterable[str]) -> str:
    """Give `, did you mean "x"?` for a near miss, else nothing."""
    near = get_close_matches(key, known, n=1)
    return f', did you mean "{near[0]}"?' if near else ""


def quoted(value: object) -> str:
    """Quote a value for an error, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f'{text[: LONGEST_SHOWN - 4]}..."'


def _article(shape: Shape) -> str:
    return {Kind.FLAG: "true or false", Kind.TEXT: "text", Kind.CHOICE: f"one of {shape.words}"}.get(shape.kind, f"a {shape.kind}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")

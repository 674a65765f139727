"""Shell patterns as regular expressions, in the two dialects that a pipeline file uses."""

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"(?P<deep>(?P<lead>^|/)\*\*(?P<trail>/|$))|(?P<stars>\*+)|\\(?P<escaped>.)|(?P<set>\[[!^]?[^]]+\])|(?P<other>.)", re.DOTALL
)


@lru_cache(maxsize=512)
def doublestar(pattern: str) -> re.Pattern[str]:
    """Return the expression of a filter (branch, path): `*` stays inside a path segment, `**` doesn't, `{a,b}` are choices."""
    depth = 0

    def part(found: re.Match[str]) -> str:
        nonlocal depth
        if found["deep"]:
            return _any_segments(found["lead"], found["trail"])
        if found["stars"]:
            return "[^/]*"
        other = found["other"]
        if other in {"{", "}"}:
            depth += 1 if other == "{" else -1
            return "(?:" if other == "{" else ")"
        if other == "," and depth:
            return "|"
        return "[^/]" if other == "?" else _plain(found)

    return re.compile(_TOKEN.sub(part, pattern), re.DOTALL)


@lru_cache(maxsize=512)
def shell(pattern: str) -> re.Pattern[str]:
    """Return the expression of a pattern in `${NAME#pattern}`: `*` matches everything."""

    def part(found: re.Match[str]) -> str:
        if found["deep"]:
            return re.escape(found["lead"]) + ".*" + re.escape(found["trail"])
        if found["stars"]:
            return ".*"
        return "." if found["other"] == "?" else _plain(found)

    return re.compile(_TOKEN.sub(part, pattern), re.DOTALL)


def _any_segments(lead: str, trail: str) -> str:
    if trail:
        return f"{lead}(?:.*/)?"
    return "(?:/.*)?" if lead else ".*"


def _plain(found: re.Match[str]) -> str:
    if found["set"]:
        return found["set"].replace("[!", "[^", 1)
    return re.escape(found["escaped"] or found["other"])

"""Versions of charts: what is more than a step."""

import re

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


def jump(before: str, after: str) -> str:
    """Say why the way from one version to another needs a person's word, or nothing where it does not.

    Within a major version (a minor one below 1.0) charts promise to stay compatible; and no chart promises to go back.
    """
    old, new = _VERSION.match(before), _VERSION.match(after)
    if not old or not new:
        return "their order is not known"
    one, other = tuple(map(int, old.groups())), tuple(map(int, new.groups()))
    if other < one:
        return "that is the way back"
    if other[0] != one[0] or (one[0] == 0 and other[1] != one[1]):
        return "what it needs may have changed"
    return ""

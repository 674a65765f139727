"""`when` of a pipeline: whether a push to a branch may start it."""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from bootstrap.check.source import items, mapping, texts

# What a push says of itself besides its branch is not known here: these let it pass.
PUSH = "push"


def may_start(when: object, branch: str) -> bool:
    """Tell whether a push to this branch passes: without `when` it does, and an item passes where each of its filters may."""
    if not when:
        return True
    return any(_passes(item, branch) for item in conditions(when))


def conditions(when: object) -> Iterator[Mapping[str, object]]:
    """Yield the items of a `when`, of which one must pass."""
    for item in items(when) if isinstance(when, list) else [when]:
        yield mapping(item)


def names_events(when: object) -> bool:
    """Tell whether each item says which events it is for."""
    found = list(conditions(when)) if when else []
    return bool(found) and all(item.get("event") for item in found)


def _passes(item: Mapping[str, object], branch: str) -> bool:
    events = texts(item.get("event"))
    if events and PUSH not in events:
        return False
    return _matches(item.get("branch"), branch) and _matches(item.get("ref"), f"refs/heads/{branch}")


def _matches(chosen: object, text: str) -> bool:
    include = texts(mapping(chosen).get("include")) if isinstance(chosen, Mapping) else texts(chosen)
    exclude = texts(mapping(chosen).get("exclude"))
    if any(_pattern(pattern).fullmatch(text) for pattern in exclude):
        return False
    return not include or any(_pattern(pattern).fullmatch(text) for pattern in include)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Return a glob as Woodpecker reads it (github.com/bmatcuk/doublestar): `*` stays between slashes, `**` does not."""
    result, index = "", 0
    while index < len(text):
        if text.startswith("**/", index):
            result, index = result + "(?:.*/)?", index + 3
        elif text.startswith("**", index):
            result, index = result + ".*", index + 2
        elif text[index] == "{" and "}" in text[index:]:
            end = text.index("}", index)
            result += f"(?:{'|'.join(_pattern(each).pattern for each in text[index + 1 : end].split(','))})"
            index = end + 1
        else:
            result, index = result + {"*": "[^/]*", "?": "[^/]"}.get(text[index], re.escape(text[index])), index + 1
    return re.compile(result)

"""HTML and SVG from elements: whatever is not an element itself is text, and escaped."""

from collections.abc import Iterable
from html import escape
from typing import Protocol, TypeAlias

from market_gate.words import one_line

DASH = "\N{EN DASH}"
_VOID = frozenset({"link", "meta"})
# A word that is longer is broken wherever the line ends; an address of mail is shorter.
_LONG_WORD = 36
# Far longer than a name of Kubernetes; what is longer was written to do harm.
_LONGEST_NAME = 120


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child] | None"
Value: TypeAlias = str | float | bool | None


def element(name: str, /, *children: Child, **attributes: Value) -> Markup:
    """Return an element; `class_` is the attribute class, `_` in a name is `-`, and an attribute of None or False is left out."""
    written = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None and value is not False)
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """Return elements and texts one after the other."""
    return Markup("".join(_content(child) for child in children))


def listed(items: Iterable[Child], between: str = ", ") -> Markup:
    """Return elements and texts with something in between."""
    return Markup(escape(between).join(join(item) for item in items))


def written(text: str, *, most: int = _LONGEST_NAME) -> Markup:
    """Return what somebody wrote: one line, kept apart from the direction in which the text around it runs."""
    line = one_line(text, most=most)
    return element("bdi", line, class_="long" if any(len(word) > _LONG_WORD for word in line.split()) else None)


class _OfStage(Protocol):
    @property
    def project(self) -> str: ...

    @property
    def stage(self) -> str: ...


def stage_of(subject: _OfStage) -> Markup:
    """Return project and stage, on one line where they are short."""
    short = len(subject.project) + len(subject.stage) < _LONG_WORD
    return element("span", written(subject.project), "/", written(subject.stage), class_="name" if short else None)


def _content(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, str):
        return child if isinstance(child, Markup) else escape(child)
    return "".join(_content(each) for each in child)


def _attribute(key: str, value: Value) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(f"{value:g}" if isinstance(value, float) else str(value))}"'

"""Names of refs, patterns that choose them, and what `git ls-remote` says that a side has."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"

_PEELED = "^{}"
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# git check-ref-format: what no component of a ref may hold, begin or end with.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_FORBIDDEN_COMPONENT = re.compile(r"^\.|\.lock$|^$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The branches and tags of one side.

    `refs` has the full names with their object ids; `peeled` has, for annotated tags, the object that the tag is put on; `head` is the
    full name of the default branch. Refs of other kinds (`refs/pull/1/head`) are never in it.
    """

    refs: Mapping[str, str]
    head: str | None = None
    peeled: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, lines: Iterable[str]) -> Self:
        """Read the output of `git ls-remote --symref`; lines that are none of a branch, a tag or HEAD are passed over."""
        refs: dict[str, str] = {}
        peeled: dict[str, str] = {}
        head = None
        for line in lines:
            value, _, name = line.rstrip("\n").partition("\t")
            if name == "HEAD" and value.startswith("ref: "):
                head = value.removeprefix("ref: ")
            elif _OBJECT_ID.fullmatch(value) and is_mirrored(name.removesuffix(_PEELED)):
                if name.endswith(_PEELED):
                    peeled[name.removesuffix(_PEELED)] = value
                else:
                    refs[name] = value
        return cls(refs=refs, head=head, peeled=peeled)

    @property
    def branches(self) -> tuple[str, ...]:
        """The full names of the branches."""
        return tuple(name for name in self.refs if name.startswith(BRANCHES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A pattern of the `refs` or `exclude` setting.

    `*` and `?` stay within a component of the name, but a `*` that ends the pattern matches all that follows, as in git's refspecs; `**`
    matches any number of components.
    """

    text: str
    expression: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `heads/*`, `tags/v*` or the same with `refs/` in front; raises ValueError with a sentence for the user."""
        if text.startswith("+"):
            raise ValueError(f'"{text}": nothing is forced by a "+"; use `on_divergence: overwrite`')
        if ":" in text:
            raise ValueError(f'"{text}": refs keep their names; `branch` sends this pipeline\'s commit to another branch')
        name = text if text.startswith("refs/") else f"refs/{text}"
        if not name.startswith((BRANCHES, TAGS)):
            raise ValueError(f'"{text}": begin with heads/ or tags/ ({_meant(text)}); other refs, such as refs/pull, are never mirrored')
        if name in {BRANCHES, TAGS}:
            raise ValueError(f'"{text}": names no ref; all of them are "{text}*"')
        return cls(text=text, expression=re.compile(_expression(name)))

    @property
    def is_whole_kind(self) -> bool:
        """True for all branches or all tags, of which a repository may have none."""
        return self.text.removeprefix("refs/").rstrip("*") in {"heads/", "tags/"}

    def matches(self, name: str) -> bool:
        """Tell whether a full name is meant."""
        return self.expression.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which refs are mirrored: those that a pattern of `refs` matches and none of `exclude`."""

    refs: tuple[Pattern, ...]
    exclude: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, refs: Iterable[str], exclude: Iterable[str] = ()) -> Self:
        """Read both settings; raises ValueError with a sentence for the user."""
        return cls(refs=tuple(map(Pattern.parse, refs)), exclude=tuple(map(Pattern.parse, exclude)))

    def has(self, name: str) -> bool:
        """Tell whether a full name is chosen."""
        return any(pattern.matches(name) for pattern in self.refs) and not self.excludes(name)

    def excludes(self, name: str) -> bool:
        """Tell whether a full name is left out by `exclude`."""
        return any(pattern.matches(name) for pattern in self.exclude)


def is_mirrored(name: str) -> bool:
    """Tell whether a full name is one of a branch or a tag, and fit for a refspec."""
    return name.startswith((BRANCHES, TAGS)) and is_valid(name)


def is_valid(name: str) -> bool:
    """Tell whether git accepts a full name (git check-ref-format)."""
    if _FORBIDDEN.search(name) or name.endswith("."):
        return False
    return not any(_FORBIDDEN_COMPONENT.search(component) for component in name.split("/"))


def short(name: str) -> str:
    """Give a full name as people write it: `main`, `tags/v1`."""
    return name.removeprefix(BRANCHES).removeprefix("refs/")


def _meant(text: str) -> str:
    name = text.removeprefix("refs/")
    return f"heads/{name}" if name.strip("*") and "/" not in name else "heads/*, tags/*"


def _expression(name: str) -> str:
    """Translate a pattern; `**` before `*`, because the longer one must be seen first."""
    parts = {"**/": "(?:.+/)?", "**": ".+", "*": "[^/]*", "?": "[^/]"}
    last = name.endswith("*")
    body = name.rstrip("*") if last else name
    return "".join(parts.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*\*|\*|\?)", body)) + (".*" if last else "")

"""Names of images on GHCR in any text, and what they become."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bootstrap.migrate.aim import GHCR, Aim

REFERENCE = re.compile(r"(?<![\w.])(?<!\w-)ghcr\.io(?![\w-]|\.\w)(?:/(\w(?:[\w./-]*\w)?))?")
REGISTRY_KEY = re.compile(
    r"(.*registry|hub|.*registry[_-]?(url|host|prefix|server|base)|.*(image|docker|repo)[_-]?prefix|.*registries)", re.IGNORECASE
)
IMAGE_KEY = re.compile(r"(.*image|.*repository|.*repo|.*image[_-]?(name|repo|url)|newname|repourl|name|from)", re.IGNORECASE)
# `${REGISTRY:-ghcr.io/ann/shop}/web`, `{{ default "ghcr.io/ann/shop" .Values.registry }}/web`
_BEFORE_A_NAME = re.compile(r"[}\"')]*/|[^/:@\n]*?\}\}[\"']?/")
_DIGEST = re.compile(r"(?::[\w.-]+)?@(sha256:[0-9a-f]{12})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name that begins with GHCR's, where it stands in its text, and what takes its place; None where it is left alone."""

    start: int
    end: int
    path: str
    target: str | None
    digest: str = ""

    @property
    def name(self) -> str:
        """The name as it is written."""
        return f"{GHCR}/{self.path}" if self.path else GHCR


def references(text: str, aim: Aim, *, key: str = "", groups: bool = True) -> Iterator[Reference]:
    """Yield the names in a text that stands under a key; charts have another way (`oci://`) and are passed over.

    `groups` says what a name means that is all of a known beginning (`ghcr.io/ann/shop`) and can be read both ways: the beginning of
    names, or an image.
    """
    for found in REFERENCE.finditer(text):
        if text.endswith("oci://", 0, found.start()):
            continue
        path = found[1] or ""
        digest = _DIGEST.match(text, found.end())
        target = _target(text, found.end(), path, aim, key=key, groups=groups) if path else None
        yield Reference(
            start=found.start(),
            end=found.end(),
            path=path,
            target=f"{aim.registry}/{target}" if target else None,
            digest=digest[1] if digest else "",
        )


def changed(text: str, aim: Aim, *, key: str = "", groups: bool = True) -> str:
    """Return the text with our names in the platform's registry."""
    parts, at = [], 0
    for each in references(text, aim, key=key, groups=groups):
        if each.target is not None:
            parts += [text[at : each.start], each.target]
            at = each.end
    return "".join([*parts, text[at:]])


def changer(aim: Aim, *, key: str, groups: bool) -> Callable[[str], str]:
    """Return `changed` as a function of the text alone."""
    return lambda text: changed(text, aim, key=key, groups=groups)


def are_groups(texts: Iterator[str], aim: Aim) -> bool:
    """Tell whether names in these texts go on after a known beginning: then the beginning by itself is no image."""
    for text in texts:
        for found in REFERENCE.finditer(text):
            path = (found[1] or "").lower()
            if any(path.startswith(f"{prefix.path}/") for prefix in aim.prefixes if not prefix.is_owner):
                return True
    return False


def _target(text: str, end: int, path: str, aim: Aim, *, key: str, groups: bool) -> str | None:
    after = text[end : end + 1]
    if after and after in ":@":
        return aim.path(path)
    if _BEFORE_A_NAME.match(text, end):
        after = "/"
    if after == "/" or REGISTRY_KEY.fullmatch(key):
        return aim.path(path, is_prefix=True) or (aim.path(path) if after != "/" else None)
    as_image = aim.path(path)
    as_group = aim.path(path, is_prefix=True)
    if IMAGE_KEY.fullmatch(key) or not groups:
        return as_image or as_group
    return as_group or as_image

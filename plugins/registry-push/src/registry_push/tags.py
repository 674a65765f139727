"""Which tags the images of a commit get: rules only, no I/O."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_kit.ci import CI
from plugin_kit.reference import branch_slug, tag_problem
from plugin_kit.release import LATEST

if TYPE_CHECKING:
    from registry_push.settings import Settings

_TAG_REF = "refs/tags/"
_DATE = re.compile(r"\d{8}|\d{4}-\d{2}-\d{2}")
# Semantic Versioning 2.0.0 with an optional v, minor or patch left out, leading zeros (v24.04.1) and further numbers, all as
# plugin-docker-buildx allows (hashicorp/go-version: SemverRegexpRaw).
_SEMVER = re.compile(
    r"v?(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+))?(?:\.(?P<patch>[0-9]+))?(?P<more>(?:\.[0-9]+)*)"
    r"(?P<pre>-[0-9A-Za-z.-]+)?(?P<build>\+[0-9A-Za-z.-]+)?"
)
_A_YEAR = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The tags that every image gets.

    `fixed` name the commit and never move once set; `moving` are set by every run; `forward` only move to newer commits. With none of them,
    `reason` says why nothing is pushed.
    """

    fixed: tuple[str, ...] = ()
    moving: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()
    reason: str = ""

    @property
    def wanted(self) -> tuple[str, ...]:
        """All of them, in the order in which they are set."""
        return (*self.fixed, *self.moving, *self.forward)


def choose(settings: "Settings", ci: CI, explicit: Sequence[str]) -> tuple[Tags, list[str]]:
    """Choose the tags by settings and event, and say what is wrong with them.

    `explicit` are the tags of `tags` or `tags_file`. The rules of `auto_tag` are those of plugin-docker-buildx (plugin/tags.go).
    """
    if settings.auto_tag:
        names, problems = _automatic(settings, ci)
        reason = f"auto_tag sets tags on the default branch and on git tags only, and this is {_place(ci)}"
        names += [tag for tag in explicit if tag not in names]
    elif explicit:
        names, problems, reason = list(explicit), [], ""
    elif ci.event.is_pull_request:
        return Tags(reason="a pull request is built and not pushed"), []
    elif settings.repo:
        names, problems, reason = [LATEST], [], ""
    else:
        names, problems = _by_event(ci)
        reason = ""
    if settings.latest == "never":
        names = [name for name in names if name != LATEST]
        reason = reason or "`latest: never` leaves no tag to set"
    problems += [f"tags: {problem}" for name in names if (problem := tag_problem(name))]
    return _sorted(names, ci.sha or "", settings, reason), problems


def semver_tags(git_tag: str) -> list[str] | None:
    """Return the image tags for a version: 1, 1.2 and 1.2.3 for v1.2.3; None where the git tag is no version."""
    if _DATE.fullmatch(git_tag):
        return [git_tag]
    found = _SEMVER.fullmatch(git_tag)
    if not found:
        return None
    major, minor, patch = (int(found[part] or 0) for part in ("major", "minor", "patch"))
    full = f"{major}.{minor}.{patch}"
    if found["pre"] or found["build"]:
        # A "+" is no character of a tag; Helm writes "_" in its place.
        return [f"{full}{found['more']}{found['pre'] or ''}{(found['build'] or '').replace('+', '_')}"]
    if _A_YEAR <= major < 10 * _A_YEAR and minor == 0 and patch == 0:
        return [str(major)]
    return [f"{major}.{minor}", full] if major == 0 else [str(major), f"{major}.{minor}", full]


def _automatic(settings: "Settings", ci: CI) -> tuple[list[str], list[str]]:
    suffix, default = settings.default_suffix, settings.default_tag
    if ci.tag:
        tags = semver_tags(ci.tag)
        if tags is None:
            return [], [f"auto_tag: the git tag {ci.tag} is not a semantic version like v1.2.3; set `tags` instead"]
    elif ci.on_default_branch:
        tags = [default]
    else:
        return [], []
    if not suffix:
        return tags, []
    return [suffix if tag == default else f"{tag}-{suffix}" for tag in tags], []


def _by_event(ci: CI) -> tuple[list[str], list[str]]:
    if ci.tag:
        return semver_tags(ci.tag) or [ci.tag], []
    if ci.on_default_branch:
        return [ci.sha or "", LATEST], []
    # A bare SHA would match the regex of the Warehouse and be promoted.
    return [f"{branch_slug(ci.branch or 'detached')}-{ci.sha}"], []


def _sorted(names: list[str], sha: str, settings: "Settings", reason: str) -> Tags:
    unique = list(dict.fromkeys(names))
    newest = {LATEST, settings.default_suffix or settings.default_tag} if settings.auto_tag else {LATEST}
    fixed = tuple(name for name in unique if sha and name.endswith(sha))
    forward = tuple(name for name in unique if name in newest)
    moving = tuple(name for name in unique if name not in {*fixed, *forward})
    return Tags(fixed=fixed, moving=moving, forward=forward, reason="" if unique else reason)


def _place(ci: CI) -> str:
    if ci.event.is_pull_request:
        return "a pull request"
    return f"branch {ci.branch}" if ci.branch else "neither"

"""What the tests of `migrate` begin with: an aim, files, and what becomes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from bootstrap.migrate.aim import Aim, aim
from bootstrap.migrate.plan import Plan, plan
from bootstrap.migrate.repository import File, Repository
from bootstrap.migrate.source import survey
from bootstrap.platform.load import parse
from bootstrap.platform.platform import Platform
from tests.bootstrap.check.trees import PLATFORM

GIT = "http://gitea.git-server.svc:3000/platform/shop.git"
LOGIN = "registry: {mode: external, host: registry.example.lan, namespace: git-server, login: {username: ci, password: {env: PASSWORD}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is planned for some files: the texts afterwards, and what is left to a person as `file:line: text`."""

    plan: Plan
    files: Mapping[str, str] = field(default_factory=dict)
    looks: tuple[str, ...] = ()


@cache
def a_platform(text: str = PLATFORM) -> Platform:
    """Return a platform; its text is read once."""
    return parse(text, Path("platform.yaml")).platform


def an_aim(*, platform: str = PLATFORM, owners: tuple[str, ...] = ("ann",), given: tuple[str, ...] = ()) -> Aim:
    """Aim at the project shop, whose repository on GitHub was ann/shop."""
    loaded = a_platform(platform)
    return aim(loaded, loaded.projects[0], owners=owners, given=given)


def migrated(
    files: Mapping[str, str], *, platform: str = PLATFORM, owners: tuple[str, ...] = ("ann",), given: tuple[str, ...] = ()
) -> Outcome:
    """Plan the migration of files. A pipeline is there already: what is made where there is none has tests of its own."""
    given_files = {".woodpecker.yml": "steps: []\n", **files}
    read = tuple(File(path=PurePosixPath(name), text=text) for name, text in given_files.items())
    repository = Repository(
        root=Path("/repository"), files=read, names=frozenset(file.path for file in read), has_pipeline=True, has_git=True
    )
    loaded = a_platform(platform)
    made = plan(survey(repository), an_aim(platform=platform, owners=owners, given=given), loaded, loaded.projects[0])
    after = dict(given_files)
    for change in made.changes:
        if change.after is None:
            del after[str(change.path)]
        else:
            after[str(change.path)] = change.after.decode()
    return Outcome(plan=made, files=after, looks=tuple(f"{look.where}: {look.text}" for look in made.looks))


def touched(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines that went, and those that came."""
    import difflib  # noqa: PLC0415  the tests' own diff, not that of the code under test

    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    gone, come = [], []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            gone += old[a:b]
            come += new[c:d]
    return gone, come

"""A registry that is tidied up, and how the log of `kargo-notify --prune` is read."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from kargo_notify.__main__ import PLUGIN
from kargo_notify.freight import Artifact
from plugin_kit.cli import main
from tests.support.holding_kargo import HoldingKargo
from tests.support.project_store import IMAGES, ProjectStore, sha

REPOSITORIES = (*IMAGES, "releases")
ROW = re.compile(r"  (?P<number>[0-9a-f]{4})[0-9a-f]{8}  2026-05-04 ..:..  (?P<state>[a-z]+)(?P<rest>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A registry with a project of ten commits, the Kargo that deploys it, and what was printed."""

    store: ProjectStore
    kargo: HoldingKargo
    printed: Callable[[], str]

    def prune(self, *options: str, code: int = 0, keep: int = 4) -> str:
        """Run the command; returns the log."""
        environ = {"PLUGIN_REGISTRY": self.store.host, "PLUGIN_PROJECT": "shop"}
        assert main(PLUGIN, ["--prune", "--keep", str(keep), *options], environ) == code
        return self.printed()

    def image(self, number: int, name: str = "query-api") -> Artifact:
        """Return an image of a commit as Freight has it, by another name of the registry."""
        digest = self.store.tags[f"shop/{name}"][sha(number)]
        return Artifact(repo_url=f"192.168.1.5:5000/shop/{name}", tag=sha(number), digest=digest)

    def left(self) -> set[int]:
        """Return the commits that are left; those of all repositories must be the same."""
        (numbers,) = {frozenset(self.store.commits(name)) for name in REPOSITORIES}
        return set(numbers)


def rows(log: str) -> Iterator[tuple[int, str, str]]:
    """Yield the commits of the tables: number, state, and all that stands behind it; what goes on in the next line is joined."""
    lines = log.splitlines()
    for at, line in enumerate(lines):
        if found := ROW.match(line):
            more = [after.strip() for after in takewhile(lambda after: after.startswith(" " * 40), lines[at + 1 :])]
            yield int(found["number"], 16), found["state"], " ".join((found["rest"].strip(), *more))


def states(log: str) -> dict[int, str]:
    """Return the states of the commits that are listed."""
    return {number: state for number, state, _ in rows(log)}


def reasons(log: str) -> dict[int, str]:
    """Return why commits are protected."""
    return {number: rest.removeprefix("protected").strip() for number, _, rest in rows(log) if rest.startswith("protected")}

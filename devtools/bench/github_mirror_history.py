"""Histories that are big enough to measure: written for git fast-import, the same each time."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from devtools.bench.github_mirror_git import git

_FOLDERS = 40
_FOLDERS_IN_EACH = 5
_FILES_IN_EACH = 10
_MOST_FILES_CHANGED = 3
_FEWEST_LINES, _MOST_LINES = 10, 150
_WORDS = ("order", "ledger", "invoice", "value", "total", "customer", "session", "price", "return", "import", "def", "= 0", "+= 1", "if")
_FIRST_SECOND = 1_600_000_000
_MAIN = "refs/heads/main"
_ON_MAIN = f"from {_MAIN}^0\n"
# Of the branches of a mirror that nobody has looked after.
_BEHIND, _MISSING, _DIVERGED = 0.3, 0.09, 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The files that a commit writes."""

    paths: tuple[str, ...]

    @property
    def objects(self) -> int:
        """How many objects it adds: the files, the folders above them, and the commit."""
        folders = {folder for path in self.paths for folder in (path.rpartition("/")[0], path.partition("/")[0], "")}
        return len(self.paths) + len(folders) + 1


def changes(objects: int, chance: random.Random) -> Iterator[Change]:
    """Give commits until they have at least so many objects: one with all files, then each with one to three of them."""
    everything = tuple(
        f"part{folder}/module{inner}/file{file}.py"
        for folder in range(_FOLDERS)
        for inner in range(_FOLDERS_IN_EACH)
        for file in range(_FILES_IN_EACH)
    )
    change = Change(paths=everything)
    while True:
        yield change
        objects -= change.objects
        if objects <= 0:
            return
        change = Change(paths=tuple(chance.sample(everything, chance.randint(1, _MOST_FILES_CHANGED))))


def make(folder: Path, objects: int) -> int:
    """Make a bare repository whose main has about so many objects, packed as a forge's is; gives how many they are."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main")
    # What forges allow, and Woodpecker's clone asks for.
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(folder, "fast-import", "--quiet", data="".join(_story(objects)))
    git(folder, "repack", "-a", "-d", "-f", "-q")
    return len(git(folder, "rev-list", "--objects", "--all").splitlines())


def add_commit(folder: Path, number: int) -> str:
    """Put one more commit on main, which changes one file; gives it."""
    files = [("part0/module0/file0.py", f"change = {number}\n")]
    git(folder, "fast-import", "--quiet", data=_commit(_MAIN, 10_000_000 + number, files, _ON_MAIN))
    return git(folder, "rev-parse", _MAIN)


def add_branches(folder: Path, count: int) -> None:
    """Put branches on main, each with two commits of its own."""
    stream = []
    for number in range(count):
        ref = f"refs/heads/team{number % 50}/feature-{number}"
        stream.append(_commit(ref, number, [("part1/module1/file1.py", f"feature = {number}\n")], _ON_MAIN))
        stream.append(_commit(ref, number + 1, [("part1/module1/file2.py", f"feature = {number}\n")]))
    git(folder, "fast-import", "--quiet", data="".join(stream))
    git(folder, "pack-refs", "--all")


def neglect(mirror: Path) -> dict[str, int]:
    """Leave a mirror as time does: of its branches some fall behind, some go missing, some are pushed to; gives how many."""
    listed = git(mirror, "for-each-ref", "--format=%(refname) %(parent) %(tree)", "refs/heads/").splitlines()
    rows = [line.split() for line in listed if line.count(" ") == 2 and _MAIN not in line]  # noqa: PLR2004
    behind, missing, diverged = (round(len(rows) * share) for share in (_BEHIND, _MISSING, _DIVERGED))
    orders = [f"update {ref} {parent}" for ref, parent, _ in rows[:behind]]
    orders += [f"delete {ref}" for ref, _, _ in rows[behind : behind + missing]]
    for ref, parent, tree in rows[behind + missing : behind + missing + diverged]:
        orders.append(f"update {ref} {git(mirror, 'commit-tree', '-p', parent, '-m', 'from elsewhere', tree)}")
    git(mirror, "update-ref", "--stdin", data="".join(f"{order}\n" for order in orders))
    git(mirror, "pack-refs", "--all")
    return {"behind": behind, "missing": missing, "diverged": diverged}


def _story(objects: int) -> Iterator[str]:
    chance = random.Random(objects)  # noqa: S311  nothing secret
    texts: dict[str, list[str]] = {}
    for number, change in enumerate(changes(objects, chance)):
        yield _commit(_MAIN, number, [(path, _edited(path, texts, chance, number)) for path in change.paths])


def _edited(path: str, texts: dict[str, list[str]], chance: random.Random, number: int) -> str:
    """Change a line of a file, or write it; no two versions are the same."""
    lines = texts.get(path)
    if lines is None:
        lines = texts[path] = [_line(chance) for _ in range(chance.randint(_FEWEST_LINES, _MOST_LINES))]
    lines[chance.randrange(len(lines))] = f"{_line(chance)}  # {path} {number}\n"
    return "".join(lines)


def _line(chance: random.Random) -> str:
    return f"{' '.join(chance.choices(_WORDS, k=chance.randint(1, 8)))} {chance.randrange(1000)}\n"


def _commit(ref: str, number: int, files: Iterable[tuple[str, str]], parent: str = "") -> str:
    """Describe a commit for git fast-import; all text is ASCII."""
    message = f"change {number}"
    written = "".join(f"M 644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in files)
    who = f"committer Ada <ada@example.lan> {_FIRST_SECOND + number} +0000\n"
    return f"commit {ref}\n{who}data {len(message)}\n{message}\n{parent}{written}\n"

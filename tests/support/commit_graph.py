"""Many small repositories out of one graph of commits: objects are linked, not made, so that a repository costs a millisecond."""

import os
import random
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tbare = true
[gc]
\tauto = 0
[receive]
\tautogc = false
\tdenyDeleteCurrent = ignore
"""
_EPOCH = 1_700_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitGraph:
    """Commits by number: each has parents with lower numbers; `tags` are annotated tags, by the number of their commit."""

    folder: Path
    parents: Sequence[Sequence[int]]
    oids: Sequence[str]
    tags: Mapping[int, str]
    objects: Mapping[str, frozenset[str]]
    histories: Mapping[str, frozenset[str]]

    def make(self, folder: Path, refs: Mapping[str, str], head: str = "refs/heads/main") -> Path:
        """Make a bare repository with these refs, and with no object that they don't need."""
        for name in ("refs", "objects/info", "objects/pack"):
            (folder / name).mkdir(parents=True)
        (folder / "HEAD").write_text(f"ref: {head}\n")
        (folder / "config").write_text(_CONFIG)
        (folder / "packed-refs").write_text("".join(f"{oid} {name}\n" for name, oid in sorted(refs.items())))
        self.lend(folder, refs.values())
        return folder

    def lend(self, folder: Path, oids: Iterable[str]) -> None:
        """Give a repository these objects with all their history."""
        commits = frozenset[str]().union(*(self.histories[oid] for oid in oids))
        for oid in {part for commit in commits for part in self.objects[commit]}:
            target = folder / "objects" / oid[:2] / oid[2:]
            target.parent.mkdir(exist_ok=True)
            if not target.exists():
                os.link(self.folder / "objects" / oid[:2] / oid[2:], target)

    def contains(self, newer: str, older: str) -> bool:
        """Tell whether one commit is in the history of another, which also contains itself."""
        return older in self.histories[newer]


def commit_graph(folder: Path, seed: int, commits: int = 48) -> CommitGraph:
    """Make a graph with several roots, merges, and clocks that go wrong."""
    chance = random.Random(seed)
    parents: list[list[int]] = []
    stream = []
    for number in range(commits):
        count = 0 if number in {0, commits // 3} else chance.choice([1, 1, 1, 2])
        # Mostly from the latest, so that histories grow long.
        chosen = {max(0, number - 1 - int(chance.expovariate(0.3))) for _ in range(count)}
        parents.append(sorted(chosen))
        skew = chance.choice([0, 0, 0, -500_000, 500_000])
        text = str(number)
        lines = [f"commit refs/heads/c{number}", f"mark :{number + 1}", f"committer A <a@example.org> {_EPOCH + 60 * number + skew} +0000"]
        lines += [f"data {len(text)}", text]
        lines += [f"{'merge' if index else 'from'} :{parent + 1}" for index, parent in enumerate(parents[-1])]
        lines += ["M 644 inline file", f"data {len(text)}", text, ""]
        stream += lines if parents[-1] else [f"reset refs/heads/c{number}", "", *lines]
    tagged = range(0, commits, 5)
    for number in tagged:
        stream += [f"tag a{number}", f"from :{number + 1}", f"tagger A <a@example.org> {_EPOCH} +0000", "data 1", "t"]
    _git(folder, "init", "--quiet", "--bare", str(folder))
    _git(folder, "-c", "fastimport.unpackLimit=100000", "fast-import", "--quiet", f"--export-marks={folder / 'marks'}", stream=stream)
    marks = dict(line.split() for line in (folder / "marks").read_text().splitlines())
    oids = [marks[f":{number + 1}"] for number in range(commits)]
    tags = {number: _git(folder, "rev-parse", f"refs/tags/a{number}").strip() for number in tagged}
    objects = {oid: frozenset(_git(folder, "rev-list", "--objects", "--no-object-names", "--no-walk", oid).split()) for oid in oids}
    histories: dict[str, frozenset[str]] = {}
    for number, oid in enumerate(oids):
        histories[oid] = frozenset({oid}).union(*(histories[oids[parent]] for parent in parents[number]))
    for number, tag in tags.items():
        objects[tag] = frozenset({tag})
        histories[tag] = histories[oids[number]] | {tag}
    return CommitGraph(folder=folder, parents=parents, oids=oids, tags=tags, objects=objects, histories=histories)


def refs_of(folder: Path) -> dict[str, str]:
    """Read the refs of a repository from its files, without starting git."""
    packed = folder / "packed-refs"
    lines = packed.read_text().splitlines() if packed.exists() else []
    found = {name: oid for oid, _, name in (line.partition(" ") for line in lines if not line.startswith(("#", "^")))}
    loose = {str(path.relative_to(folder)): path.read_text().strip() for path in (folder / "refs").rglob("*") if path.is_file()}
    return found | loose


def _git(folder: Path, *argv: str, stream: Sequence[str] = ()) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_DIR": str(folder)}
    text = "\n".join(stream) + "\n"
    return subprocess.run(["git", *argv], input=text, env=environment, check=True, capture_output=True, text=True).stdout

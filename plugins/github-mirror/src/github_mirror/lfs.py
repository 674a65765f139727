"""Git LFS: which objects the commits of a push refer to, and their way from the source to the mirror.

A pointer is a small blob in place of a file (git-lfs docs/spec.md); GitHub refuses commits whose objects it does not have (GH008).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from github_mirror import refusals
from github_mirror.errors import GitFailed, LfsError
from github_mirror.far import Far
from github_mirror.git import Git
from github_mirror.pieces import Refspec
from github_mirror.source import Source
from plugin_kit.console import Console, counted
from plugin_kit.process import Stream

if TYPE_CHECKING:
    from github_mirror.settings import Settings

_ATTRIBUTES_FILE = ".gitattributes"
_ATTRIBUTES = f":(glob)**/{_ATTRIBUTES_FILE}"
_ONLY_BLOBS = ("--filter=object:type=blob", "--filter-provided-objects")
_FILTER = "filter=lfs"
_LARGEST_POINTER = 1024
_MOST_TIPS = 5
_VERSIONS = ("version https://git-lfs.github.com/spec/v1", "version https://hawser.github.com/spec/v1")
_HEADER = re.compile(r"([0-9a-f]{40}(?:[0-9a-f]{24})?) (\w+) \d+")
# Beyond these, git-lfs is told to look through the whole history rather than at single commits and paths.
_MOST_COMMITS = 100
_MOST_PATHS = 100
_NAMED = 5
_WITHOUT = "; `lfs: false` leaves the objects out (GitHub refuses the commits that need them)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """An object of Git LFS, and one of the paths at which commits refer to it."""

    oid: str
    size: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """The LFS objects of a repository, on their way to one mirror; `there` is what the mirror's refs point at."""

    source: Source
    far: Far
    settings: "Settings"
    console: Console
    there: frozenset[str] = frozenset()
    _sent: set[str] = field(default_factory=set, init=False)

    def send(self, refspecs: Sequence[Refspec]) -> None:
        """Send the objects that commits need which are about to be pushed.

        Raises LfsError before anything is sent when one is missing at the source, and names it.
        """
        wanted = [refspec.oid for refspec in refspecs if refspec.oid]
        if self.settings.lfs == "false" or not wanted:
            return
        known = sorted(self.there)
        if self.settings.lfs == "auto" and not uses_lfs(self.source.git, wanted, known):
            return
        needed = [pointer for pointer in pointers(self.source.git, wanted, known) if pointer.oid not in self._sent]
        if not needed:
            return
        if not self.source.git.succeeds("lfs", "version"):
            raise LfsError(
                "the repository uses Git LFS, and the program git-lfs is not installed",
                hint=f"run the plugin from its image, which has it{_WITHOUT}",
            )
        with self.console.step(f"Git LFS: {counted(len(needed), 'object')} for {self.far.remote.label}"):
            self._get(needed, wanted, known)
            self._put(needed)
        self._sent.update(pointer.oid for pointer in needed)

    def _get(self, needed: Sequence[Pointer], wanted: Sequence[str], known: Sequence[str]) -> None:
        """Have all objects here; those of an earlier run are in the cache, those of the workspace are borrowed."""
        missing = self._missing(needed)
        if not missing:
            return
        said: tuple[str, ...] = ()
        if self.source.origin and self.source.url:
            git = self.source.origin.using(config={"remote.source.url": self.source.url, **self._configured(wanted[-1])})
            for arguments in (self._few(missing, wanted, known), ("--all", "source", *wanted)):
                if arguments and missing:
                    said = _fetch(git, arguments)
                    missing = self._missing(missing)
        if missing:
            raise _lost(missing, self.source.label, said)

    def _configured(self, commit: str) -> dict[str, str]:
        """Give the server that .lfsconfig names: git-lfs looks for that file in HEAD, which a bare repository of ours does not have."""
        found = self.source.git.run("config", "--blob", f"{commit}:.lfsconfig", "--get", "lfs.url", check=False).stdout.strip()
        return {"lfs.url": found} if found else {}

    def _few(self, missing: Sequence[Pointer], wanted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
        """Give the arguments that fetch just these objects, where commits and paths are few: a private clone has no others."""
        commits = self.source.git.lines(
            "rev-list", "--ignore-missing", f"--max-count={_MOST_COMMITS + 1}", "--stdin", input=_range(wanted, known)
        )
        paths = {pointer.path for pointer in missing}
        if len(commits) > _MOST_COMMITS or len(paths) > _MOST_PATHS or any(re.search(r"[,*?\[\]\\!]", path) for path in paths):
            return ()
        return (f"--include={','.join(sorted(paths))}", "--exclude=", "source", *commits)

    def _missing(self, needed: Iterable[Pointer]) -> list[Pointer]:
        own, *others = _stores(self.source.git.folder)
        return [pointer for pointer in needed if not _is_whole(own, pointer) and not any(_borrow(other, own, pointer) for other in others)]

    def _put(self, needed: Sequence[Pointer]) -> None:
        # A .lfsconfig names the server of those who work in the repository; this one goes to the mirror whatever it says.
        remote = self.far.remote
        config = {
            "remote.mirror.url": remote.url,
            "lfs.url": remote.url,
            "lfs.pushurl": remote.url,
            "lfs.locksverify": "false",
            f"lfs.{remote.url}.locksverify": "false",
            # GitHub has no git-lfs-transfer; asking for it costs a round trip.
            f"lfs.{remote.url}.sshtransfer": "never",
        }
        git = self.far.git.using(config=config)
        try:
            git.run("lfs", "push", "--object-id", "mirror", "--stdin", input=_lines(pointer.oid for pointer in needed))
        except GitFailed as error:
            found = refusals.explain(error.text, remote.label)
            sentence, hint = found or (f"{remote.label} did not take the Git LFS objects", f"the lines above are git-lfs's own{_WITHOUT}")
            raise LfsError(sentence, details=error.details, hint=hint) from error


def uses_lfs(git: Git, wanted: Sequence[str], known: Sequence[str]) -> bool:
    """Tell whether a .gitattributes in the commits that are about to be pushed gives files to LFS.

    Of a whole history, which takes long to read, folders are only looked into as they are now.
    """
    if git.succeeds("grep", "--quiet", "--fixed-strings", _FILTER, *wanted[:_MOST_TIPS], "--", _ATTRIBUTES):
        return True
    # No pattern: with one, rev-list does not look into folders. And all commits, since for a path it leaves out branches that were merged.
    limited = len(wanted) <= _MOST_TIPS and not known
    ending, options = (f"--\n{_ATTRIBUTES_FILE}\n", ("--full-history", "--sparse")) if limited else ("", ())
    found: list[str] = []

    def take(_: Stream, line: str) -> None:
        oid, _blank, path = line.partition(" ")
        if path.rpartition("/")[2] == _ATTRIBUTES_FILE:
            found.append(oid)

    arguments = ("rev-list", "--ignore-missing", "--objects", *_ONLY_BLOBS, *options, "--stdin")
    git.run(*arguments, input=f"{_range(wanted, known)}{ending}", on_line=take)
    return bool(found) and any(_FILTER in line for line in git.lines("cat-file", "--batch", input=_lines(found)))


def pointers(git: Git, wanted: Sequence[str], known: Sequence[str]) -> tuple[Pointer, ...]:
    """Find the LFS objects that commits refer to which are about to be pushed."""
    chosen = f"--filter=combine:object:type=blob+blob:limit={_LARGEST_POINTER}"
    listed = git.lines(
        "rev-list", "--ignore-missing", "--objects", chosen, "--filter-provided-objects", "--stdin", input=_range(wanted, known)
    )
    paths = {oid: path for oid, _, path in (line.partition(" ") for line in listed)}
    found: dict[str, Pointer] = {}
    blob, lines = "", [""]
    for line in (*git.lines("cat-file", "--batch", input=_lines(paths)), ""):
        header = _HEADER.fullmatch(line)
        if header or not line:
            pointer = _read(lines, paths.get(blob, ""))
            if pointer:
                found.setdefault(pointer.oid, pointer)
            blob, lines = header[1] if header else "", []
        else:
            lines.append(line)
    return tuple(found.values())


def _read(lines: Sequence[str], path: str) -> Pointer | None:
    if not lines or lines[0] not in _VERSIONS:
        return None
    keys = dict(line.split(" ", 1) for line in lines if " " in line)
    oid, size = keys.get("oid", "").removeprefix("sha256:"), keys.get("size", "")
    return Pointer(oid=oid, size=int(size), path=path) if re.fullmatch(r"[0-9a-f]{64}", oid) and size.isdecimal() else None


def _fetch(git: Git, arguments: Sequence[str]) -> tuple[str, ...]:
    """Have git-lfs fetch; what matters is what is here afterwards, so a failure only gives its words."""
    try:
        git.run("lfs", "fetch", *arguments)
    except GitFailed as error:
        return error.details
    return ()


def _stores(folder: Path) -> list[Path]:
    """Give the folders that may have objects: the repository's own first, then those beside borrowed ones."""
    folders = [folder / "lfs" / "objects"]
    alternates = folder / "objects" / "info" / "alternates"
    if alternates.is_file():
        folders += [Path(line).parent / "lfs" / "objects" for line in alternates.read_text(encoding="utf-8").splitlines() if line]
    return folders


def _borrow(store: Path, own: Path, pointer: Pointer) -> bool:
    """Take an object over from another store, if it is there: git-lfs sends by id only what is in its own."""
    if not _is_whole(store, pointer):
        return False
    place = _place(own, pointer)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(_place(store, pointer))
    return True


def _place(store: Path, pointer: Pointer) -> Path:
    return store / pointer.oid[:2] / pointer.oid[2:4] / pointer.oid


def _is_whole(store: Path, pointer: Pointer) -> bool:
    path = _place(store, pointer)
    return path.is_file() and path.stat().st_size == pointer.size


def _lost(missing: Sequence[Pointer], source: str, said: Sequence[str]) -> LfsError:
    lines = [f"{pointer.path}: {pointer.oid} ({pointer.size} bytes)" for pointer in missing[:_NAMED]]
    if len(missing) > _NAMED:
        lines.append(f"and {len(missing) - _NAMED} more")
    what = f"a Git LFS object is missing at {source}" if len(missing) == 1 else f"{len(missing)} Git LFS objects are missing at {source}"
    return LfsError(
        f"{what}, so the commits that need it were not sent"
        if len(missing) == 1
        else f"{what}, so the commits that need them were not sent",
        details=[*lines, *list(said)[-4:]],
        hint=f"push them from a clone that has them (`git lfs push --all origin`){_WITHOUT}",
    )


def _range(wanted: Iterable[str], known: Iterable[str]) -> str:
    return _lines([*wanted, *(f"^{oid}" for oid in known)])


def _lines(values: Iterable[str]) -> str:
    return "".join(f"{value}\n" for value in values)

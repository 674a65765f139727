"""The repository of an application as it lies on the disk: its files, their bytes, and what git knows of them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from bootstrap.check import git
from bootstrap.check.tree import is_pipeline
from plugin_kit.errors import PluginError

LARGEST = 1_000_000
# What people don't commit, where git can't say it.
_SKIPPED = frozenset({".git", "node_modules", ".venv", "venv", "vendor", "__pycache__", ".tox", ".terraform"})
_TEXTS = frozenset(
    {
        ".yaml",
        ".yml",
        ".tpl",
        ".txt",
        ".sh",
        ".bash",
        ".md",
        ".json",
        ".toml",
        ".mk",
        ".env",
        ".gotmpl",
        ".j2",
        ".tf",
        ".hcl",
        ".Dockerfile",
    }
)
_PIPELINES = (".woodpecker.yml", ".woodpecker.yaml", ".woodpecker")
_NAMES = ("Dockerfile", "Containerfile", "Makefile", "Jenkinsfile", "Tiltfile", "justfile", "Justfile", "Taskfile", ".env")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A text file; `text` is what its bytes say, without a byte order mark."""

    path: PurePosixPath
    text: str
    has_mark: bool = False

    def encoded(self, text: str) -> bytes:
        """Return the bytes of another text in its place."""
        return (b"\xef\xbb\xbf" if self.has_mark else b"") + text.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that can't be read, and why."""

    path: PurePosixPath
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What a folder holds; paths are from its root. `modified` are files that git has otherwise, staged ones included."""

    root: Path
    files: tuple[File, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    too_large: tuple[PurePosixPath, ...] = ()
    names: frozenset[PurePosixPath] = frozenset()
    has_pipeline: bool = False
    has_git: bool = False
    modified: frozenset[PurePosixPath] = frozenset()
    untracked: frozenset[PurePosixPath] = frozenset()
    remotes: Mapping[str, str] = field(default_factory=dict)


def read(root: Path, *, exclude: Sequence[str] = ()) -> Repository:
    """Read a folder; PluginError where there is none. What git ignores, submodules, links, and what `exclude` matches is left out."""
    if not root.is_dir():
        raise PluginError(f"there is no folder {root}", hint="name the repository of the application")
    told = git.names(root)
    names = sorted(_tracked(root, told) if told is not None else _walked(root))
    modified, untracked = _uncommitted(root) if told is not None else (frozenset(), frozenset())
    wanted = [name for name in names if _is_wanted(name, exclude)]
    files: list[File] = []
    misnamed = (PurePosixPath(name) for name in told or () if "\ufffd" in name and not os.path.lexists(root / name))
    unreadable = [Unreadable(path=name, why="its name is not UTF-8") for name in misnamed if _is_wanted(name, exclude) and _is_text(name)]
    too_large: list[PurePosixPath] = []
    for name in (each for each in wanted if _is_text(each)):
        found = _read(root / name, name)
        if isinstance(found, File):
            files.append(found)
        elif found is None:
            too_large.append(name)
        else:
            unreadable.append(found)
    return Repository(
        root=root,
        files=tuple(files),
        unreadable=tuple(unreadable),
        too_large=tuple(too_large),
        names=frozenset(wanted),
        # Also one that is left out: none is made beside it.
        has_pipeline=any(map(is_pipeline, names)) or any(os.path.lexists(root / name) for name in _PIPELINES),
        has_git=told is not None,
        modified=modified,
        untracked=untracked,
        remotes=_remotes(root) if told is not None else {},
    )


def _is_text(name: PurePosixPath) -> bool:
    return name.suffix in _TEXTS or name.name.startswith(_NAMES)


def _is_wanted(name: PurePosixPath, exclude: Sequence[str]) -> bool:
    return not any(_matches(name, pattern) for pattern in exclude)


def _matches(name: PurePosixPath, pattern: str) -> bool:
    bare = pattern.removeprefix("./").rstrip("/")
    return fnmatch(str(name), bare) or any(fnmatch(str(parent), bare) for parent in name.parents)


def _read(file: Path, name: PurePosixPath) -> File | Unreadable | None:
    try:
        if file.stat().st_size > LARGEST:
            return None
        content = file.read_bytes()
    except OSError as error:
        return Unreadable(path=name, why=f"can't be read: {error.strerror}")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Unreadable(path=name, why=f"is not UTF-8 text (line {line})")
    return File(path=name, text=text.removeprefix("\ufeff"), has_mark=text.startswith("\ufeff"))


def _tracked(root: Path, told: Sequence[str]) -> Iterator[PurePosixPath]:
    # A submodule is listed as a folder, a link as a file: what it leads to is somebody else's, or listed itself.
    for name in told:
        if (root / name).is_file() and not (root / name).is_symlink():
            yield PurePosixPath(name)


def _walked(root: Path) -> Iterator[PurePosixPath]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _SKIPPED and not (Path(folder) / name / ".git").exists()]
        for name in files:
            file = Path(folder) / name
            if file.is_file() and not file.is_symlink():
                yield PurePosixPath(file.relative_to(root).as_posix())


def _uncommitted(root: Path) -> tuple[frozenset[PurePosixPath], frozenset[PurePosixPath]]:
    """Return what `git restore` would bring back otherwise than it is, and what git does not know."""
    prefix = "".join(git.lines(root, "rev-parse", "--show-prefix") or ())
    found = git.lines(root, "status", "--porcelain=v1", "--no-renames", "--untracked-files=all", "--", ".") or ()
    states = {PurePosixPath(git.unquoted(entry[3:]).removeprefix(prefix)): entry[:2] for entry in found}
    untracked = frozenset(path for path, state in states.items() if state == "??")
    # The second letter is that of the working tree: what is staged comes back as it was staged.
    return frozenset(path for path, state in states.items() if state[1] != " ") - untracked, untracked


def _remotes(root: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in git.lines(root, "config", "--get-regexp", r"^remote\..*\.url$") or ():
        key, _, url = line.partition(" ")
        found[key.removeprefix("remote.").removesuffix(".url")] = url
    return found

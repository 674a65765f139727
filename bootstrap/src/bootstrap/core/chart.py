"""Charts: where they come from, what they are, and the values that are put into them."""

import hashlib
import os
import re
import tarfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from bootstrap.core.errors import ChartError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LOOKUP = re.compile(rb"\blookup\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSource:
    """A chart of one exact version: an OCI reference, a name in a repository (`repo`), or a path (`local`)."""

    reference: str
    version: str
    repo: str | None = None
    digest: str | None = None
    """`sha256:` of the archive that is expected."""
    local: bool = False

    def __str__(self) -> str:
        """Name it for a person."""
        where = f"{self.repo}/{self.reference}" if self.repo else self.reference
        return where if self.local else f"{where} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart that is on this machine."""

    path: Path
    name: str
    version: str
    digest: str
    """`sha256:` of the archive; of a folder, of its files."""
    looks_up: bool = False
    """Whether its templates ask the cluster for objects."""


def merged(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Merge values as Helm merges value files: maps into each other, anything else in place of what was there, None takes it away."""
    result = dict(values)
    for key, value in more.items():
        there = result.get(key)
        result[key] = merged(there, value) if isinstance(value, Mapping) and isinstance(there, Mapping) else value
    return result


def digest_of(path: Path) -> str:
    """Return the digest of a chart archive, or of a folder: of the names and contents of its files."""
    if path.is_file():
        return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    total = hashlib.sha256()
    for file in sorted(_files(path), key=str):
        content = hashlib.sha256((path / file).read_bytes()).hexdigest()
        total.update(f"{content}  {file}\n".encode())
    return f"sha256:{total.hexdigest()}"


def looks_up(path: Path) -> bool:
    """Tell whether a chart might ask the cluster for objects; a comment with the word in it counts, too."""
    if path.is_dir():
        return any(_asks(str(file), (path / file).read_bytes) for file in _files(path))
    try:
        with tarfile.open(path) as archive:
            return any(_asks(member.name, partial(_content, archive, member)) for member in archive.getmembers() if member.isfile())
    except tarfile.TarError as error:
        raise ChartError(f"{path} is no chart: it can't be unpacked ({error})", hint="helm package makes one of a folder") from error


def description_of(path: Path) -> Mapping[str, Any] | None:
    """Return what `Chart.yaml` says, None where that does not make it a chart."""
    try:
        text = (path / "Chart.yaml").read_bytes() if path.is_dir() else _packed(path)
        found = yaml.load(text, Loader=_LOADER) if text else None  # noqa: S506  a safe one
    except (OSError, EOFError, tarfile.TarError, yaml.YAMLError):
        return None
    return found if isinstance(found, Mapping) and isinstance(found.get("name"), str) and isinstance(found.get("version"), str) else None


def check_digest(source: ChartSource, chart: Chart) -> None:
    """Raise ChartError where the chart is not the one that platform.yaml names."""
    if source.digest and source.digest != chart.digest:
        raise ChartError(
            f"the chart {source} is not the one that platform.yaml names",
            details=[f"expected {source.digest}", f"found    {chart.digest}"],
            hint="somebody has put another chart under this version; find out who before you set `digest` to what was found",
        )


class Downloads:
    """One download per chart and run, however many ask at once."""

    def __init__(self) -> None:
        self._locks: dict[ChartSource, threading.Lock] = {}
        self._charts: dict[ChartSource, Chart] = {}
        self._lock = threading.Lock()

    def lock(self, source: ChartSource) -> threading.Lock:
        """Return the lock of one chart."""
        with self._lock:
            return self._locks.setdefault(source, threading.Lock())

    def get(self, source: ChartSource) -> Chart | None:
        """Return a chart that is there."""
        return self._charts.get(source)

    def put(self, source: ChartSource, chart: Chart) -> None:
        """Keep a chart for the rest of the run."""
        self._charts[source] = chart


def _asks(name: str, read: Callable[[], bytes]) -> bool:
    # A packed chart within a chart is not looked into.
    if name.endswith(".tgz"):
        return True
    return "templates/" in name and _LOOKUP.search(read()) is not None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


def _packed(path: Path) -> bytes:
    with tarfile.open(path) as archive:
        # Charts within it lie deeper.
        found = next((each for each in archive if each.isfile() and each.name.endswith("/Chart.yaml") and each.name.count("/") == 1), None)
        return _content(archive, found) if found else b""


def _files(folder: Path) -> Sequence[Path]:
    found: list[Path] = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        found += [(Path(root) / name).relative_to(folder) for name in files]
    return found

"""The index of a backup: what it is of, when and by what it was made, and the digest of each of its files; pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from bootstrap.backup.scope import Part
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Ref

FORMAT = 1
INDEX = "index.json"
SEAL = "index.json.sha256"
"""The digest of the index, in the form of sha256sum. It is written last: a backup without it is not whole."""
FIELDS = "fields.json"
"""The fields of each object that bootstrap manages, by its file."""
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class BackupError(BootstrapError):
    """A backup can't be written or used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file; `ref` is None for one that holds no object."""

    path: str
    sha256: str
    part: Part | None = None
    ref: Ref | None = None

    @property
    def is_sealed(self) -> bool:
        """Whether it is encrypted."""
        return self.path.endswith(".age")


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What a backup says of itself."""

    platform: str
    namespace: str
    cluster: str
    """Address and version of the API server."""
    made: datetime
    bootstrap: str
    """The version that has written it."""
    parts: tuple[Part, ...]
    recipients: tuple[str, ...]
    entries: tuple[Entry, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many objects of each kind, by `part/kind`."""
        return Counter(f"{entry.part}/{entry.ref.kind}" for entry in self.entries if entry.ref and entry.part)

    @property
    def when(self) -> str:
        """When it was made, for a person."""
        return f"{self.made:%Y-%m-%d %H:%M} UTC"

    def text(self) -> str:
        """Write it."""
        document = {
            "format": FORMAT,
            "platform": self.platform,
            "namespace": self.namespace,
            "cluster": self.cluster,
            "made": self.made.strftime(_TIME),
            "bootstrap": self.bootstrap,
            "parts": list(self.parts),
            "secrets": f"encrypted for {', '.join(self.recipients)}" if self.recipients else "left out: no recipient",
            "recipients": list(self.recipients),
            "counts": dict(sorted(self.counts.items())),
            "files": [_written(entry) for entry in self.entries],
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def parse(cls, text: bytes, *, origin: str) -> "Index":
        """Read it; BackupError where it is none, or of another format than this version knows."""
        try:
            document = json.loads(text)
            written = document["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise BackupError(f"{origin} is no backup: its {INDEX} can't be read", hint=_ANOTHER) from error
        if written != FORMAT:
            made_by = document.get("bootstrap", "unknown")
            raise BackupError(
                f"{origin} is written in format {written}, and this version of bootstrap reads format {FORMAT}",
                hint=f"restore it with the version that has made it, {made_by}, and make a new backup then",
            )
        try:
            return cls(
                platform=str(document["platform"]),
                namespace=str(document["namespace"]),
                cluster=str(document["cluster"]),
                made=datetime.strptime(document["made"], _TIME).replace(tzinfo=UTC),
                bootstrap=str(document["bootstrap"]),
                parts=tuple(Part(part) for part in document["parts"]),
                recipients=tuple(str(each) for each in document["recipients"]),
                entries=tuple(_read(each) for each in document["files"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BackupError(f"{origin} is no backup: its {INDEX} lacks something ({error})", hint=_ANOTHER) from error


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()


_ANOTHER = "take another backup; one that was broken can't be repaired"


def _written(entry: Entry) -> Mapping[str, Any]:
    ref = entry.ref
    if ref is None:
        return {"path": entry.path, "sha256": entry.sha256}
    where = {"namespace": ref.namespace} if ref.namespace else {}
    of = {"part": entry.part, "apiVersion": ref.api_version, "kind": ref.kind, **where, "name": ref.name}
    return {"path": entry.path, "sha256": entry.sha256, **of}


def _read(document: Mapping[str, Any]) -> Entry:
    path = str(document["path"])
    if PurePosixPath(path).is_absolute() or ".." in path.split("/"):
        raise ValueError(f"{path} is outside of it")
    if "kind" not in document:
        return Entry(path=path, sha256=str(document["sha256"]))
    ref = Ref(
        api_version=str(document["apiVersion"]), kind=str(document["kind"]), name=str(document["name"]), namespace=document.get("namespace")
    )
    return Entry(path=path, sha256=str(document["sha256"]), part=Part(document["part"]), ref=ref)

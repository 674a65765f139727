"""The clone that outlives the step: one per address, and only one run at a time changes it."""

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LOOK_SECONDS = 0.05
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A place in `cache_dir` for the clone of one address."""

    folder: Path

    @classmethod
    def of(cls, cache_dir: Path, url: str) -> "Cache":
        """Give the place for an address; its name is readable, and no two addresses share one."""
        readable = re.sub(r"[^A-Za-z0-9]+", "-", url.partition("://")[2] or url).strip("-")[-_LONGEST_NAME:].strip("-")
        digest = hashlib.sha256(url.encode()).hexdigest()[:12]
        return cls(folder=cache_dir / f"{readable}-{digest}.git")

    @contextmanager
    def locked(self, patience: float) -> Iterator[bool]:
        """Keep others from changing it as long as the block lasts; False when they did not make room in time. Raises OSError."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _got(descriptor, patience)
        finally:
            os.close(descriptor)

    def discard(self) -> None:
        """Throw the clone away; whoever reads it at this moment keeps the files that are open."""
        broken = self.folder.with_suffix(f".broken-{os.getpid()}-{time.monotonic_ns()}")
        try:
            self.folder.rename(broken)
        except FileNotFoundError:
            return
        shutil.rmtree(broken, ignore_errors=True)


def _got(descriptor: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        else:
            return True

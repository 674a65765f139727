"""What a run has at hand; every resource is given it."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from bootstrap.core.clock import Clock, Deadline, SystemClock
from bootstrap.core.cluster import Cluster
from bootstrap.core.helm import Helm
from bootstrap.core.ownership import MANAGED_BY, MANAGER
from bootstrap.core.record import Records
from bootstrap.core.secrecy import Secrecy
from bootstrap.core.waiting import Waiter
from bootstrap.platform.platform import Platform
from plugin_kit.console import Console

T = TypeVar("T")

PART_OF = "app.kubernetes.io/part-of"


@runtime_checkable
class Client(Protocol):
    """What is connected to somebody."""

    def close(self) -> None:
        """Close every connection."""


class Guard(Protocol):
    """The lock of this run, as those see it who change something."""

    @property
    def holder(self) -> str:
        """Who we are, fit for the value of a label."""

    def check(self) -> None:
        """Raise LockedError when the lock is no longer ours."""

    def is_dead(self, holder: str) -> bool:
        """Tell whether the run of that name is certainly over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the person has allowed on the command line."""

    allow_upgrade: bool = False
    """Charts may jump to another version."""

    take_over: bool = False
    """Fields that somebody else manages, and objects that belong to somebody else, are taken over."""

    remove_finalizers: bool = False
    """What hangs on its way out loses its finalizers."""

    import_clones: bool = False
    """What clones on this machine have beyond Gitea is pushed, also where something was pushed already."""

    forget_secrets: bool = False
    """`down` deletes the Secrets of record and their namespace, too."""


@dataclass(slots=True, kw_only=True)
class Context:
    """One run on one cluster."""

    platform: Platform
    cluster: Cluster
    helm: Helm
    console: Console
    guard: Guard
    options: Options = field(default_factory=Options)
    folder: Path = field(default_factory=Path.cwd)
    """The folder of platform.yaml, which its paths are relative to."""
    clock: Clock = field(default_factory=SystemClock)
    secrecy: Secrecy = field(init=False)
    records: Records = field(init=False)
    waiter: Waiter = field(init=False)
    _made: dict[str, Any] = field(init=False, default_factory=dict)
    _lock: threading.RLock = field(init=False, default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Make what follows from the rest."""
        self.secrecy = Secrecy(self.console.redactor)
        self.records = Records(self.cluster, self.platform.namespace, self.labels, self.secrecy)
        self.waiter = Waiter(self.cluster, self.console, afresh=self._forget)

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of all objects that are made here."""
        return {**self.platform.labels, MANAGED_BY: MANAGER, PART_OF: self.platform.name}

    def deadline(self, length: timedelta | float | None = None) -> Deadline:
        """Set a deadline that many seconds from now, by default those of `timeouts.ready`."""
        length = self.platform.timeouts.ready if length is None else length
        return Deadline.after(length.total_seconds() if isinstance(length, timedelta) else length, self.clock)

    def hide(self, *secrets: str) -> None:
        """Never show these from here on, and start no program with one on its command line."""
        self.secrecy.hide(*secrets)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """Make something on first use, one for the whole run; for clients of APIs."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return cast("T", self._made[key])

    def _forget(self) -> bool:
        return self.cluster.forget()

    def close(self) -> None:
        """Close the clients that were made."""
        with self._lock:
            for each in self._made.values():
                if isinstance(each, Client):
                    each.close()

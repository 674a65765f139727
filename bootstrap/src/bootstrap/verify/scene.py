"""What the rows look at, and what they tell each other."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bootstrap.core.clock import Deadline, SystemClock
from bootstrap.core.context import Context
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project
from bootstrap.verify.interruption import Interruptible
from bootstrap.verify.journey import Journey

CONNECT_SECONDS = 10.0


def connect(host: str, port: int) -> socket.socket:
    """Open a connection."""
    return socket.create_connection((host, port), timeout=CONNECT_SECONDS)


@dataclass(slots=True, kw_only=True)
class Scene:
    """One run of `verify`."""

    context: Context
    agreed: bool = False
    """Whether a commit may be pushed."""
    refusal: str = "a commit is pushed only where somebody has agreed: run it in a terminal, or with --yes"
    """Why none may."""
    to_the_end: bool = False
    """Whether it is promoted to the stages that are promoted to by hand, too."""
    promotes: bool = True
    """Whether the commit is to be promoted at all, and not only built."""
    patience: float = 3600.0
    """Seconds for a pipeline, and for each promotion."""
    project: Project | None = None
    """Of which project."""
    journey: Journey | None = None
    """The commit that is under way; the row `pipeline` begins it."""
    left: list[str] = field(default_factory=list)
    """What this run leaves behind."""
    clock: Interruptible = field(default_factory=lambda: Interruptible(SystemClock()))
    """What rows wait by that wait for long."""
    connect: Callable[[str, int], socket.socket] = field(default=connect)

    @property
    def platform(self) -> Platform:
        """What should be."""
        return self.context.platform

    def now(self) -> datetime:
        """Give the time on the API server's clock."""
        return self.context.cluster.now()

    def deadline(self, seconds: float) -> Deadline:
        """Set a deadline for a wait that ends when the run is cancelled."""
        return Deadline.after(seconds, self.clock)

"""What a bake is doing, read from `--progress=rawjson`.

Each message is a SolveStatus of BuildKit (client/graph.go) with vertexes, statuses and logs. In a bake of several targets buildx puts the
target in front of a vertex' name: `[api 2/4] COPY ...` or `[api] exporting to image`; a single target has no such prefix.
"""

import base64
import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# `[api 2/4] RUN`, `[api build 2/4] RUN`, `[api linux/arm64 build 2/4] RUN`: work that may come from the cache.
_WORK = re.compile(r"\[(?P<words>[^\]]*?)\s*\d+/\d+\] (?P<rest>.*)", re.DOTALL)
_PREFIX = re.compile(r"\[(?P<target>[^\s\]]+)[^\]]*\] ?.*", re.DOTALL)
_BASE = "FROM "
# The vertex of an export completes and begins again several times; the time that counts is the one after this status.
_PUSHED = "pushing manifest for "
_KEPT_LINES = 40
_BIGGEST_MESSAGE = 4 << 20


@dataclass(slots=True)
class Outcome:
    """What is known of one target: how much of its work ran, and when it began and ended."""

    ran: int = 0
    from_cache: int = 0
    begun: datetime | None = None
    ended: datetime | None = None

    @property
    def cached(self) -> bool:
        """Whether nothing had to be built."""
        return self.ran == 0

    @property
    def seconds(self) -> float:
        """From the target's first work to its last."""
        return (self.ended - self.begun).total_seconds() if self.begun and self.ended else 0.0


@dataclass(slots=True)
class Failure:
    """The step of a Dockerfile that failed, with the last lines that it printed.

    `steps` are its names by target: a step that several targets share is one for BuildKit, and fails for each of them.
    """

    steps: dict[str | None, str]
    error: str
    log: tuple[str, ...]

    @property
    def step(self) -> str:
        """The name under which it failed first."""
        return next(iter(self.steps.values()))


@dataclass(slots=True)
class _Vertex:
    name: str
    target: str | None
    log: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    open_line: str = ""


class Progress:
    """Reads the messages line by line; calls back when a target is done and, if wanted, with each line of the build log."""

    def __init__(
        self,
        targets: list[str],
        *,
        on_done: Callable[[str, Outcome], None],
        on_log: Callable[[str, str], None] | None = None,
    ) -> None:
        """Take the ids of the targets in the bake file."""
        self.outcomes = {target: Outcome() for target in targets}
        self.words: list[str] = []
        # What BuildKit finds odd in Dockerfiles (its rules are in docs/reference/build/checks), with the targets that it said it of.
        self.warnings: dict[str, set[str]] = {}
        self._targets = frozenset(targets)
        self._single = targets[0] if len(targets) == 1 else None
        self._on_done = on_done
        self._on_log = on_log
        self._vertexes: dict[str, _Vertex] = {}
        self._failed: dict[str, Failure] = {}
        self._pushed: set[str] = set()
        self._done: set[str] = set()
        self._told: set[str] = set()
        self._open: list[str] = []
        self._open_size = 0

    def feed(self, line: str) -> None:
        """Take the next line of buildx' stderr; what is no message is kept in `words` as buildx' own words."""
        if not self._open and not line.startswith("{"):
            if line.strip():
                self.words = [*self.words[-_KEPT_LINES:], line]
            return
        self._open.append(line)
        self._open_size += len(line)
        # buildx 0.13 indents a message over several lines, newer ones write it on one.
        if line == "}" or (len(self._open) == 1 and line.endswith("}")):
            text, self._open, self._open_size = "\n".join(self._open), [], 0
            try:
                self._take(json.loads(text))
            except ValueError:
                self.words = [*self.words[-_KEPT_LINES:], text[:200]]
        elif self._open_size > _BIGGEST_MESSAGE:
            self._open, self._open_size = [], 0

    def failures(self) -> list[Failure]:
        """Return what failed by itself, first one first; what was only cancelled because of it is left out."""
        for digest, failure in self._failed.items():
            failure.log = tuple(self._vertexes[digest].log)
        return list(self._failed.values())

    def _take(self, message: dict[str, Any]) -> None:
        vertexes = message.get("vertexes") or ()
        for entry in vertexes:
            self._vertex(entry)
        for entry in message.get("statuses") or ():
            if entry.get("completed") and str(entry.get("id", "")).startswith(_PUSHED):
                self._pushed.add(entry.get("vertex", ""))
        for entry in vertexes:
            self._finish(entry)
        for entry in message.get("logs") or ():
            self._log(entry)
        for entry in message.get("warnings") or ():
            self._warning(entry)

    def _vertex(self, entry: dict[str, Any]) -> None:
        name = str(entry.get("name", ""))
        self._vertexes.setdefault(entry["digest"], _Vertex(name=name, target=self._target_of(name)))
        # A step that two targets share is reported once for each, under the name of either.
        target = self._target_of(name)
        error = str(entry.get("error") or "")
        if error and "context canceled" not in error:
            failure = self._failed.setdefault(entry["digest"], Failure(steps={}, error=error, log=()))
            failure.steps[target] = name
        if target is None or not entry.get("completed"):
            return
        self._account(self.outcomes[target], entry, name)
        if self._on_log and entry["digest"] not in self._told and not entry.get("error"):
            self._told.add(entry["digest"])
            begun, ended = _time(entry.get("started")), _time(entry["completed"])
            took = f"{(ended - begun).total_seconds():.1f}s" if begun and ended else ""
            self._on_log(target, f"{name}: {'cached' if entry.get('cached') else took}")

    def _finish(self, entry: dict[str, Any]) -> None:
        """Report a target whose export has ended well; the status alone says nothing, BuildKit completes it after a refusal, too."""
        target = self._vertexes[entry["digest"]].target
        if (
            entry["digest"] not in self._pushed
            or target is None
            or target in self._done
            or not entry.get("completed")
            or entry.get("error")
        ):
            return
        self._done.add(target)
        self._on_done(target, self.outcomes[target])

    def _account(self, outcome: Outcome, entry: dict[str, Any], name: str) -> None:
        begun, ended = _time(entry.get("started")), _time(entry.get("completed"))
        if begun and (outcome.begun is None or begun < outcome.begun):
            outcome.begun = begun
        if ended and (outcome.ended is None or ended > outcome.ended):
            outcome.ended = ended
        work = _WORK.fullmatch(name)
        if work and not work["rest"].startswith(_BASE):
            if entry.get("cached"):
                outcome.from_cache += 1
            else:
                outcome.ran += 1

    def _log(self, entry: dict[str, Any]) -> None:
        vertex = self._vertexes.get(entry.get("vertex", ""))
        if vertex is None:
            return
        text = vertex.open_line + base64.b64decode(entry.get("data") or "").decode(errors="replace")
        *lines, vertex.open_line = text.split("\n")
        for line in lines:
            shown = line.rstrip("\r").rsplit("\r", 1)[-1]
            vertex.log.append(shown)
            if self._on_log:
                self._on_log(vertex.target or "", shown)

    def _warning(self, entry: dict[str, Any]) -> None:
        vertex = self._vertexes.get(entry.get("vertex", ""))
        text = base64.b64decode(entry.get("short") or "").decode(errors="replace").strip()
        if text:
            self.warnings.setdefault(text, set()).update({vertex.target} if vertex and vertex.target else set())

    def _target_of(self, name: str) -> str | None:
        if self._single:
            return self._single
        found = _PREFIX.match(name)
        return found["target"] if found and found["target"] in self._targets else None


def _time(text: str | None) -> datetime | None:
    # Go writes nanoseconds, Python reads microseconds.
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)) if text else None

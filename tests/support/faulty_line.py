"""The line between a run and everything that it changes, which breaks at each change once, in two ways.

The first time that a run makes a change, the request never arrives; whoever tries again at once gets through, but the answer is lost, and
from then on nobody answers any more, as after a power cut. The third time all is well. A run that is started again after each cut so comes
to its end, and each change has been the last one of some run.
"""

import json
import math
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from urllib.parse import parse_qs, urlsplit

import httpx2

from bootstrap.core.clock import SystemClock
from bootstrap.core.transport import Wrap, is_mutation

# What git asks for before it fetches, by POST.
_FETCH = "/git-upload-pack"
# A login ends with a GET, which makes the account.
_LOGIN = "/authorize"
# Each try to bring a release in order has a number of its own.
_REVISION = re.compile(r"(sh\.helm\.release\.v1\.[a-z0-9.-]+)\.v\d+")
# Helm writes its records in protobuf: the state of a release is one of their labels.
_STATUS = re.compile(rb"status\x12.([a-z-]+)")
# By what requests to one address differ.
_TELLING = ("name", "new_branch_name", "branch_name", "rule_name", "address", "title")


class Fate(Enum):
    """What becomes of a request."""

    PASSES = "it arrives, and so does its answer"
    NEVER_ARRIVES = "it never arrives; the next one does"
    ANSWER_LOST = "it is done, and its answer is lost"
    NOBODY_THERE = "nobody listens"


BOTH = (Fate.NEVER_ARRIVES, Fate.ANSWER_LOST)


class Line:
    """The line. It is whole until it is told to be faulty; safe to use from several threads."""

    def __init__(self) -> None:
        self.met: set[str] = set()
        """The changes that were tried."""
        self.lost: set[str] = set()
        """Those that were done, and their answer lost, once."""
        self._broken: Counter[str] = Counter()
        self._faulty = threading.Event()
        self._dead = threading.Event()
        self._lock = threading.Lock()

    @property
    def dead(self) -> bool:
        """Whether nobody answers any more."""
        return self._dead.is_set()

    @property
    def breaks(self) -> int:
        """How often it broke."""
        with self._lock:
            return self._broken.total()

    def mend(self) -> None:
        """Let it be whole again, for the next run."""
        self._dead.clear()

    def forget(self) -> None:
        """Know no change any more."""
        with self._lock:
            self.met.clear()
            self.lost.clear()
            self._broken.clear()

    @contextmanager
    def faulty(self) -> Iterator[None]:
        """Let it break as long as the block runs."""
        self._faulty.set()
        try:
            yield
        finally:
            self._faulty.clear()

    def fate(self, method: str, target: str, body: bytes, *, fates: Sequence[Fate] = BOTH) -> Fate:
        """Decide about a request; a change meets these fates one after the other."""
        change = change_of(method, target, body)
        with self._lock:
            if self.dead:
                return Fate.NOBODY_THERE
            if change is None:
                return Fate.PASSES
            self.met.add(change)
            if not self._faulty.is_set() or self._broken[change] == len(fates):
                return Fate.PASSES
            fate = fates[self._broken[change]]
            self._broken[change] += 1
            if fate is Fate.ANSWER_LOST:
                self.lost.add(change)
                self._dead.set()
            return fate

    def wrap(self) -> Wrap:
        """Return what is put between a run and the API server."""
        return lambda inner: _Transport(inner, self)


class LineClock(SystemClock):
    """While nobody answers, nobody waits: the time that a run would spend on trying again has passed at once."""

    def __init__(self, line: Line, *, longest: float = math.inf) -> None:
        """While somebody answers, no wait takes longer than `longest` seconds, either."""
        self._line = line
        self._longest = longest
        self._skipped = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Give the seconds, those that were skipped included."""
        return super().now() + self._skipped

    # As Python's own `time` calls it.
    monotonic = now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        waited = 0.0 if self._line.dead else min(seconds, self._longest)
        if waited:
            super().sleep(waited)
        with self._lock:
            self._skipped += seconds - waited


class _Transport(httpx2.BaseTransport):
    def __init__(self, inner: httpx2.BaseTransport, line: Line) -> None:
        self._inner = inner
        self._line = line

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        target = request.url.raw_path.decode()
        fate = self._line.fate(request.method, target, request.read())
        if fate is Fate.NOBODY_THERE:
            raise httpx2.ConnectError("nobody listens", request=request)
        if fate is Fate.NEVER_ARRIVES:
            raise httpx2.WriteError("the line broke on the way there", request=request)
        response = self._inner.handle_request(request)
        if fate is Fate.ANSWER_LOST:
            response.read()
            response.close()
            raise httpx2.ReadError("the line broke on the way back", request=request)
        return response

    def close(self) -> None:
        self._inner.close()


def change_of(method: str, target: str, body: bytes) -> str | None:
    """Name what a request changes, the same name for the same change by another run; None where it changes nothing."""
    url = urlsplit(target)
    asked = parse_qs(url.query)
    is_login = url.path == _LOGIN and "code" in asked
    if not is_login and (url.path.endswith(_FETCH) or not is_mutation(httpx2.Request(method, f"http://server{target}"))):
        return None
    detail = [*asked.get("digest", []), *asked.get("mount", []), *_told(url.path, body)]
    return _REVISION.sub(r"\1.v#", " ".join([method, url.path, *detail]))


def _told(path: str, body: bytes) -> list[str]:
    if is_of_helm := _STATUS.search(body):
        return [is_of_helm[1].decode()]
    try:
        found = json.loads(body)
    except ValueError:
        return []
    if isinstance(found, list):
        return [f"{each.get('op')} {each.get('path')}" for each in found if isinstance(each, Mapping)]
    if not isinstance(found, Mapping):
        return []
    metadata, spec, data = (_map(found.get(key)) for key in ("metadata", "spec", "data"))
    names = [str(each[key]) for each in (found, metadata) for key in _TELLING if each.get(key)]
    # The lock is taken, kept, and given back; a record grows key by key.
    free = ["free"] if spec.get("holderIdentity") == "" else []
    return [*names, *free, *(sorted(data) if "/secrets" in path else [])]


def _map(node: object) -> Mapping[str, object]:
    return node if isinstance(node, Mapping) else {}

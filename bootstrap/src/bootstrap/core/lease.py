"""The lock: a Lease in the platform's namespace, so that two runs can't make the same thing twice."""

import hashlib
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.clock import Clock, Deadline
from bootstrap.core.cluster import Cluster
from bootstrap.core.errors import BootstrapError, ExistsError, LockedError, StaleError, WaitError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.waiting import Waiter

NAME = "bootstrap"
SECONDS = 15
RENEW_SECONDS = 4.0
# The server's clock is known to the second only. Nobody takes a lock that its holder still believes in.
_GRACE_SECONDS = 2.0
# As the API server writes a MicroTime.
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_UNKNOWN = "unknown"
# The runs of this process.
_LIVING: set[str] = set()
_NOT_IN_LABEL = re.compile(r"[^A-Za-z0-9-]+")


def identity() -> str:
    """Name this run: host, process, where that number means something, and a random part; fit for the value of a label."""
    host = _NOT_IN_LABEL.sub("-", os.uname().nodename)[:24].strip("-") or "host"
    return f"{host}.{os.getpid()}.{_process_space()}.{secrets.token_hex(4)}"


def is_dead_here(holder: str) -> bool:
    """Tell whether a run was one of this machine (and container) and is certainly over."""
    _, pid, space, _ = (holder.rsplit(".", 3) + [""] * 4)[:4]
    if space != _process_space() or space == _UNKNOWN or not pid.isdecimal():
        return False
    # In a container every run has the same number. Where it is that of another process, it takes as long as the lock lasts.
    return holder not in _LIVING if int(pid) == os.getpid() else not Path(f"/proc/{pid}").exists()


def namespace_manifest(name: str, labels: Mapping[str, str]) -> Manifest:
    """Describe the platform's own namespace, which has to be there before the lock."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}


class Lease:
    """The lock of one platform, held by this run or not."""

    def __init__(self, cluster: Cluster, namespace: str, *, waiter: Waiter, clock: Clock, lost: Callable[[], None] = lambda: None) -> None:
        """`lost` is called once, from a thread, when the lock could not be kept."""
        self.holder = identity()
        self.ref = Ref(api_version="coordination.k8s.io/v1", kind="Lease", name=NAME, namespace=namespace)
        self._cluster = cluster
        self._waiter = waiter
        self._clock = clock
        self._on_lost = lost
        self._renewed = float("-inf")
        self._failure: BootstrapError | None = None

    def check(self) -> None:
        """Raise LockedError when the lock is no longer ours."""
        if self._clock.now() - self._renewed > SECONDS:
            raise LockedError(
                "the lock of the platform was lost: it could not be renewed in time",
                details=[self._failure.message] if self._failure else (),
                hint="nothing was changed after that; run it again",
            ) from self._failure

    def is_dead(self, holder: str) -> bool:
        """Tell whether the run of that name is certainly over: it held the lock as long as it lived, and does no longer."""
        live = self._cluster.get(self.ref)
        return holder != self.holder and (
            live is None or not _is_held(live, self._cluster.now()) or _spec(live)["holderIdentity"] != holder
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; LockedError when another run does. What a dead run holds is free when it has not been renewed for 15 s."""
        _LIVING.add(self.holder)
        try:
            self._acquire()
            with self._kept():
                yield
        finally:
            _LIVING.discard(self.holder)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._keep, args=(stop,), name="lock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self._release()

    def _acquire(self) -> None:
        first = self._cluster.get(self.ref)

        def look() -> Readiness:
            live = self._cluster.get(self.ref)
            if live is None or not _is_held(live, self._cluster.now()) or is_dead_here(_spec(live)["holderIdentity"]):
                self._take(live)
                return READY
            if first is None or _spec(live) != _spec(first):
                raise self._locked(live)
            left = SECONDS + _GRACE_SECONDS - (self._cluster.now() - _renewed(live)).total_seconds()
            return Readiness(state=State.PROGRESSING, message=f"held by {_spec(live)['holderIdentity']}, for {left:.0f} s more at most")

        deadline = Deadline.after(SECONDS + 2 * _GRACE_SECONDS, self._clock)
        try:
            self._waiter.wait("The lock of the platform", look, deadline=deadline)
        except WaitError as error:
            live = self._cluster.get(self.ref)
            raise (self._locked(live) if live else error) from error

    def _take(self, live: Manifest | None) -> None:
        before = self._clock.now()
        now = _written(self._cluster.now())
        taken = _spec(live) if live else {}
        spec = {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": SECONDS,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": int(taken.get("leaseTransitions") or 0) + (1 if live else 0),
        }
        try:
            if live is None:
                metadata = {"name": self.ref.name, "namespace": self.ref.namespace}
                self._cluster.create({"apiVersion": self.ref.api_version, "kind": self.ref.kind, "metadata": metadata, "spec": spec})
            else:
                self._cluster.replace({**live, "spec": spec})
        except (ExistsError, StaleError) as error:
            winner = self._cluster.get(self.ref)
            # The answer to an earlier try of our own may have been lost.
            if winner is None or _spec(winner).get("holderIdentity") != self.holder:
                raise (self._locked(winner) if winner else error) from error
        self._renewed = before

    def _keep(self, stop: threading.Event) -> None:
        while not stop.wait(RENEW_SECONDS):
            before = self._clock.now()
            try:
                live = self._cluster.get(self.ref)
                if live is None or _spec(live).get("holderIdentity") != self.holder:
                    self._failure = self._locked(live) if live else LockedError("somebody has deleted the lock")
                    self._renewed = float("-inf")
                else:
                    self._cluster.replace({**live, "spec": {**_spec(live), "renewTime": _written(self._cluster.now())}})
                    self._renewed = before
            except BootstrapError as error:
                self._failure = error
            if self._clock.now() - self._renewed > SECONDS:
                self._on_lost()
                return

    def _release(self) -> None:
        # It ends by itself soon, and whatever stopped the run is what should be told.
        with suppress(BootstrapError):
            live = self._cluster.get(self.ref)
            if live is not None and _spec(live).get("holderIdentity") == self.holder:
                self._cluster.replace({**live, "spec": {**_spec(live), "holderIdentity": ""}})
        self._renewed = float("-inf")

    def _locked(self, live: Manifest) -> LockedError:
        spec = _spec(live)
        return LockedError(
            f"another run is at work on this platform: {spec.get('holderIdentity')}, since {spec.get('acquireTime')}",
            hint="wait until it has ended, then run this again; the lock of a run that was killed ends by itself after 15 s",
        )


class Unheld:
    """Stands for the lock where nothing is changed: in a plan, and in `status`."""

    holder = ""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._ref = Ref(api_version="coordination.k8s.io/v1", kind="Lease", name=NAME, namespace=namespace)
        self._cluster = cluster

    def check(self) -> None:
        """Nothing may be changed without the lock."""
        raise LockedError("something was to be changed without the lock", hint="this is a bug of bootstrap; please report it")

    def is_dead(self, holder: str) -> bool:
        """Tell whether the run of that name is certainly over."""
        live = self._cluster.get(self._ref)
        return live is None or not _is_held(live, self._cluster.now()) or _spec(live)["holderIdentity"] != holder or is_dead_here(holder)


def _spec(live: Manifest) -> dict[str, Any]:
    return live.get("spec") or {}


def _is_held(live: Manifest, now: datetime) -> bool:
    return bool(_spec(live).get("holderIdentity")) and (now - _renewed(live)).total_seconds() <= SECONDS + _GRACE_SECONDS


def _renewed(live: Manifest) -> datetime:
    try:
        return datetime.strptime(str(_spec(live).get("renewTime")), _TIME).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _written(time: datetime) -> str:
    return time.strftime(_TIME)


def _process_space() -> str:
    """Tell process numbers of this machine, this boot and this container from all others."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return _UNKNOWN
    return hashlib.sha256(f"{boot}{space}".encode()).hexdigest()[:8]

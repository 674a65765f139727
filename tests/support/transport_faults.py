"""What a network and a kill do to a run: answers that are lost after the request was done, and answers that take their time."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import httpx2

from bootstrap.core.transport import Wrap, is_mutation
from plugin_kit.errors import PluginError


class LostAnswer(httpx2.BaseTransport):
    """Lets so many mutations through; the answer to the last one is lost, and from then on nobody answers, as after a power cut."""

    def __init__(self, inner: httpx2.BaseTransport, mutations: int) -> None:
        self._inner = inner
        self._left = mutations
        self._lock = threading.Lock()
        self.hit = False

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request on, if it is to arrive, and its answer, if that is to arrive."""
        with self._lock:
            if self.hit:
                raise httpx2.ConnectError("the test has cut the line", request=request)
            if is_mutation(request):
                self._left -= 1
                self.hit = self._left == 0
            lost = self.hit
        response = self._inner.handle_request(request)
        if lost:
            response.read()
            response.close()
            raise httpx2.ReadError("the test has cut the line", request=request)
        return response

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()


class Slow(httpx2.BaseTransport):
    """Adds so many seconds to each request, as a line to a cluster elsewhere does."""

    def __init__(self, inner: httpx2.BaseTransport, seconds: float) -> None:
        self._inner = inner
        self._seconds = seconds

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request on, later."""
        time.sleep(self._seconds)
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()


class Scene(Protocol):
    """A place of its own in the cluster, on which a command is run."""

    def run(self, wrap: Wrap | None) -> None:
        """Run the command once, with this between it and the API server, which is then to be asked only once."""

    def state(self) -> object:
        """Return what has come of it, without what differs from scene to scene."""

    def kept(self) -> Mapping[str, object]:
        """Return what must not change any more once it is there: secrets, and what exists only once."""


def disturb_every_mutation(make: Callable[[str], Scene], *, most: int = 200) -> int:
    """Run the command on a scene of its own for each mutation, cut off right after it, and run it again; return how many there were.

    The second run must end as an undisturbed one, and keep what the first one has made.
    """
    calm = make("calm")
    calm.run(None)
    expected = calm.state()
    for number in itertools.count(1):
        assert number <= most, f"more than {most} mutations"
        scene = make(f"cut-{number}")
        cuts: list[LostAnswer] = []

        def cut(inner: httpx2.BaseTransport, number: int = number, cuts: list[LostAnswer] = cuts) -> httpx2.BaseTransport:
            cuts.append(LostAnswer(inner, number))
            return cuts[-1]

        try:
            scene.run(cut)
        except PluginError:
            assert any(each.hit for each in cuts), f"mutation {number} was not cut off, and the run failed all the same"
        if not any(each.hit for each in cuts):
            assert scene.state() == expected
            return number - 1
        kept = scene.kept()
        scene.run(None)
        assert scene.state() == expected, f"cut off after mutation {number}"
        again = scene.kept()
        assert {key: again.get(key) for key in kept} == kept, f"cut off after mutation {number}"
    raise AssertionError("unreachable")

"""What goes over the wire to the API server: counted, and its clock and warnings noted."""

import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from time import time

import httpx2

Wrap = Callable[[httpx2.BaseTransport], httpx2.BaseTransport]

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
# Questions that are asked by POST; they leave nothing behind.
_QUESTIONS = ("/selfsubjectaccessreviews", "/selfsubjectreviews", "/selfsubjectrulesreviews")


def is_mutation(request: httpx2.Request) -> bool:
    """Tell whether a request changes something."""
    if request.method in _READS or "dryRun" in request.url.params:
        return False
    return not request.url.path.endswith(_QUESTIONS)


def is_page(response: httpx2.Response) -> bool:
    """Tell whether an answer is a page for people; API servers have none."""
    return response.headers.get("Content-Type", "").lower().startswith("text/html")


class Noted(httpx2.BaseTransport):
    """Passes requests on. Safe to use from several threads, as its inner transport is."""

    def __init__(self, inner: httpx2.BaseTransport, *, changed: Callable[[], object] = lambda: None) -> None:
        """Have `changed` called after every request that may have changed something."""
        self._changed = changed
        self.mutations = 0
        self._inner = inner
        self._warnings: dict[str, None] = {}
        self._ahead = 0.0
        self._lock = threading.Lock()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the API server has warned of: pods that a new policy would refuse, versions that are on their way out."""
        with self._lock:
            return tuple(self._warnings)

    @property
    def ahead(self) -> float:
        """By how many seconds the API server's clock is ahead of ours."""
        return self._ahead

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        mutation = is_mutation(request)
        try:
            response = self._inner.handle_request(request)
        finally:
            if mutation:
                self._changed()
        with self._lock:
            self.mutations += mutation
            for value in response.headers.get_list("Warning"):
                # RFC 7234: code, agent, quoted text
                _, _, text = value.partition('"')
                self._warnings[text.rpartition('"')[0].replace('\\"', '"') or value] = None
            if date := response.headers.get("Date"):
                self._ahead = parsedate_to_datetime(date).timestamp() - time()
        return response

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()


class Objects(httpx2.BaseTransport):
    """Passes on what can be an answer of Kubernetes: a JSON object, or the text of a log. lightkube would take anything else for one, too.

    Raises HTTPStatusError for what is no success, and ValueError for what is something else.
    """

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, and read its answer."""
        response = self._inner.handle_request(request)
        response.request = request
        response.read()
        response.raise_for_status()
        if is_page(response):
            raise ValueError("a page for people")
        if not request.url.path.endswith("/log") and not response.content.lstrip().startswith(b"{"):
            raise ValueError("no JSON object")
        return response

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()

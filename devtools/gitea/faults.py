"""The bad days of a Gitea, on demand."""

import re
import threading
from dataclasses import dataclass, field

PROXY_PAGE = b"""<!doctype html>
<html>
<head><title>Sign in to continue</title></head>
<body><h1>Sign in</h1></body>
</html>
"""


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to requests whose "METHOD path" has a match: `times` times, -1 for ever.

    `status` is answered instead; without one the request is carried out and its answer lost (`lose`).
    """

    pattern: str
    status: int = 0
    body: bytes = b""
    content_type: str = "application/json;charset=utf-8"
    lose: bool = False
    times: int = 1


@dataclass(slots=True, kw_only=True)
class Faults:
    """All that is about to go wrong."""

    waiting: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def answer(self, pattern: str, status: int, *, message: str = "", times: int = 1) -> None:
        """Answer with a status and, as Gitea does, a message."""
        body = f'{{"message":"{message}","url":""}}'.encode()
        self.waiting.append(Fault(pattern=pattern, status=status, body=body, times=times))

    def page(self, pattern: str = ".", *, status: int = 200, body: bytes = PROXY_PAGE, times: int = -1) -> None:
        """Answer with a web page, as a proxy in front of it would."""
        self.waiting.append(Fault(pattern=pattern, status=status, body=body, content_type="text/html; charset=utf-8", times=times))

    def lose(self, pattern: str, *, times: int = 1) -> None:
        """Carry the request out and break the connection before the answer."""
        self.waiting.append(Fault(pattern=pattern, lose=True, times=times))

    def take(self, method: str, path: str) -> Fault | None:
        """Return what happens to a request, and count it."""
        with self.lock:
            for fault in self.waiting:
                if fault.times and re.search(fault.pattern, f"{method} {path}"):
                    fault.times -= 1 if fault.times > 0 else 0
                    return fault
        return None

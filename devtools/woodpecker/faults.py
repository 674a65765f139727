"""The bad days of a Woodpecker, on demand."""

import threading
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Faults:
    """What goes wrong. Numbers of times count down; -1 is for ever.

    `answers` gives a status, a text, and how often, to a kind of call: health, authorize, config, token, user, users, lookup, activate,
    repo, repair, secrets, registries, agents, queue. `lost` does what is asked, and breaks the
    connection before the answer, by the same names.
    """

    answers: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    login_error: str = ""
    """The login ends with this code, whatever came before."""
    error_description: str = ""
    web_page: bool = False
    """A proxy answers everything with a page."""
    no_cookie: bool = False
    """The session's cookie is taken away on its way."""
    no_csrf: bool = False
    """/web-config.js names no sign against forged requests."""
    restarting: int = 0
    """502 from the proxy, so many times."""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def answer(self, call: str) -> tuple[int, str] | None:
        """Give status and text that this call is refused with, and count it."""
        with self.lock:
            status, text, times = self.answers.get(call, (0, "", 0))
            if times == 0:
                return None
            self.answers[call] = (status, text, times - 1 if times > 0 else times)
            return status, text

    def loses(self, call: str) -> bool:
        """Tell whether the answer to this call is lost, and count it."""
        with self.lock:
            times = self.lost.get(call, 0)
            if times > 0:
                self.lost[call] = times - 1
            return times != 0

    def is_restarting(self) -> bool:
        """Tell whether the proxy finds no server behind it, and count it."""
        with self.lock:
            times = self.restarting
            if times > 0:
                self.restarting = times - 1
            return times != 0

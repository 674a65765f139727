"""The secrets of a run: in no output, and on no command line."""

import threading

from plugin_kit.redact import Redactor


class Secrecy:
    """All secrets that are known so far."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._known: set[str] = set()
        self._lock = threading.Lock()

    @property
    def known(self) -> frozenset[str]:
        """The secrets themselves, for who checks that they do not get out."""
        with self._lock:
            return frozenset(self._known)

    def hide(self, *secrets: str) -> None:
        """Never show these from here on."""
        with self._lock:
            fresh = {secret for secret in secrets if secret} - self._known
            if fresh:
                self._known |= fresh
                # Not safe for several threads by itself.
                self._redactor.add(*fresh)

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        return self._redactor.text(text)

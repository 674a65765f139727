"""The one tree of errors that a plugin shows to a person.

PluginError             exit 1
+-- SettingsError       exit 2, every problem of the settings at once
+-- RegistryError       the registry could not be reached or refused
|   +-- RegistryUnavailable   ... but may answer later
|   +-- WrongBytes            ... or answered with other bytes than a digest promises
|   +-- LoginRefused          ... or wants another login, or one at all
+-- BuilderError        no BuildKit to build with
+-- BuildError          a Dockerfile failed
+-- GitError            the checkout can't be read
+-- ProcessError        a child process failed or is missing
+-- Cancelled           exit 143 after SIGTERM, 130 after Ctrl-C
"""

import signal
from collections.abc import Sequence


class PluginError(Exception):
    """An error with a message in the user's words, details, and a hint that says what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)


class SettingsError(PluginError):
    """What the YAML user wrote can't be used; carries every problem, so that one run shows them all."""

    exit_code = 2

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        count = len(problems)
        message = problems[0] if count == 1 else f"{count} settings can't be used"
        super().__init__(message, hint=hint, details=() if count == 1 else problems)
        self.problems = tuple(problems)


class RegistryError(PluginError):
    """The registry could not be reached, refused, or answered with something else than was asked for."""


class RegistryUnavailable(RegistryError):  # noqa: N818  what it is, in the words of the field
    """The registry can't be reached, is busy or broken: who can wait asks again, not before `wait` seconds where it said so."""

    def __init__(self, message: str, *, wait: float | None = None, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.wait = wait


class WrongBytes(RegistryError):  # noqa: N818  see RegistryUnavailable
    """What came is not what its digest promises."""

    def __init__(self, message: str, *, promised: str, received: str, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.promised = promised
        self.received = received


class LoginRefused(RegistryError):  # noqa: N818  see RegistryUnavailable
    """The registry wants a login, or does not take the one that it got."""


class BuilderError(PluginError):
    """There is no BuildKit that could build."""


class BuildError(PluginError):
    """The build of an image failed."""


class GitError(PluginError):
    """The git checkout can't be read."""


class ProcessError(PluginError):
    """A child process failed, took too long, or its program is missing."""


class Cancelled(PluginError):  # noqa: N818  what happened, in the words of the field, is a cancellation
    """The step was cancelled by SIGTERM or Ctrl-C; the exit code is the one by which a shell tells of the signal."""

    def __init__(self, message: str, *, number: int = signal.SIGTERM, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.number = number
        self.exit_code = 128 + number

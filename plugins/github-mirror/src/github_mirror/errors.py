"""What can go wrong between a source and its mirror.

PluginError             exit 1
+-- SshKeyError         ssh_key is no key that ssh can use
+-- HostKeyError        a host is not the one that known_hosts names
+-- SourceError         the repository to be mirrored can't be had
+-- MirrorError         the mirror can't be reached, or refused
    +-- GitFailed       a git command failed; holds what it said
    +-- DeadlineOver    `timeout` is over
+-- LfsError            objects of Git LFS can't be had or sent
"""

from plugin_kit.errors import PluginError
from plugin_kit.process import Result


class SshKeyError(PluginError):
    """A private key can't be used."""


class HostKeyError(PluginError):
    """A host showed a key that nobody vouches for."""


class SourceError(PluginError):
    """The source can't be read, or not completely."""


class MirrorError(PluginError):
    """The mirror can't be reached, or refused."""


class GitFailed(MirrorError):  # noqa: N818  what happened, as in Cancelled
    """A git command failed."""

    def __init__(self, command: str, result: Result) -> None:
        lines = [line for line in (result.stderr or result.stdout).splitlines() if line.strip()]
        super().__init__(f"git {command} failed with exit code {result.returncode}", details=lines[-12:])
        self.result = result

    @property
    def text(self) -> str:
        """What git and the other side said."""
        return f"{self.result.stdout}\n{self.result.stderr}"


class DeadlineOver(MirrorError):  # noqa: N818  see GitFailed
    """The time that `timeout` gives is over."""


class LfsError(PluginError):
    """An object of Git LFS is missing, or can't be sent."""

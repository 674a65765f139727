"""The far side: the repository that is the mirror."""

from dataclasses import dataclass

from github_mirror import host_keys, refusals
from github_mirror.errors import GitFailed, MirrorError
from github_mirror.git import Git
from github_mirror.refs import Listing
from github_mirror.remote import Remote

# What git adds to each failed connection, whatever the reason.
_NOISE = (
    "fatal: Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Far:
    """A mirror, and the git that reaches it: its environment has the key."""

    remote: Remote
    git: Git

    def read(self) -> Listing:
        """List the refs that the mirror has; raises MirrorError or HostKeyError with what is wrong and what to do."""
        try:
            return Listing.parse(self.git.lines("ls-remote", "--symref", self.remote.url))
        except GitFailed as error:
            # ssh's own advice is to change a file that will be gone.
            if "REMOTE HOST IDENTIFICATION HAS CHANGED" in error.text:
                raise host_keys.changed(self.remote) from error
            raise explained(error, self.remote) from error


def explained(error: GitFailed, remote: Remote) -> MirrorError:
    """Say what a failed command means, where the mirror's words are known."""
    found = refusals.explain(error.text, remote.label)
    if found is None:
        return MirrorError(f"{remote.label}: {error.message}", details=error.details)
    sentence, hint = found
    return MirrorError(sentence, hint=hint, details=[line for line in error.details if line not in _NOISE])

"""Gitea's version, as it calls itself."""

import re
from dataclasses import dataclass

from bootstrap.gitea.errors import GiteaError

# Scopes of tokens by category, and branches made from any ref, are from 1.20.
OLDEST = (1, 20)
_NUMBERS = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")
# Forgejo says which Gitea its API is compatible with: 11.0.1+gitea-1.22.0.
_COMPATIBLE = re.compile(r"\+gitea-(\d.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of Gitea; `numbers` is None for a build that names none ("development"), which is taken for the newest."""

    text: str
    numbers: tuple[int, int, int] | None

    def at_least(self, major: int, minor: int = 0) -> bool:
        """Tell whether it is this version or a newer one. Gitea dropped the "1." after 1.27: 28.0 follows."""
        return self.numbers is None or self.numbers >= (major, minor, 0)

    def __str__(self) -> str:
        """Write it as Gitea does."""
        return self.text


def parse(text: str) -> Version:
    """Read `1.25.5`, `28.1.0+12-gabc`, `1.24.0+dev-3`, `development`."""
    compatible = _COMPATIBLE.search(text)
    match = _NUMBERS.match(compatible.group(1) if compatible else text)
    if match is None:
        return Version(text=text, numbers=None)
    major, minor, patch = match.groups(default="0")
    return Version(text=text, numbers=(int(major), int(minor), int(patch)))


def check(version: Version) -> None:
    """Raise GiteaError for a Gitea that is too old."""
    if not version.at_least(*OLDEST):
        raise GiteaError(
            f"Gitea {version} is too old: {'.'.join(map(str, OLDEST))} is the oldest whose API does what is needed",
            hint="upgrade it (a newer image in its workload; make a dump first)",
        )

"""A commit on its way through the platform."""

from dataclasses import dataclass

from bootstrap.platform.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A commit that was pushed, where to, and what has become of it."""

    project: Project
    commit: str
    branch: str
    pipeline: int = 0
    address: str = ""
    """The pipeline's page."""

    @property
    def short(self) -> str:
        """The beginning of the commit's name."""
        return self.commit[:12]

    @property
    def is_released(self) -> bool:
        """Whether Kargo gets to see it: it is on the branch that is built."""
        return self.branch == self.project.repository.branch

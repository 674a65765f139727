"""People, in the names that the Kubernetes API knows them by."""

from pydantic import Field

from bootstrap.platform.section import Section


class People(Section):
    """Users and groups of the Kubernetes API."""

    users: tuple[str, ...] = Field(default=())
    """Users."""

    groups: tuple[str, ...] = Field(default=())
    """Groups."""

    def __bool__(self) -> bool:
        """Whether there is anybody."""
        return bool(self.users or self.groups)

"""What can be wrong before the gate serves, in the words of who configured it."""

from collections.abc import Sequence


class GateError(Exception):
    """An error with a message, details and a hint that says what to do; the process ends with `exit_code`."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def __str__(self) -> str:
        """Return the message, the details below it, and the hint."""
        return "\n".join([self.message, *(f"  {detail}" for detail in self.details), *([f"  hint: {self.hint}"] if self.hint else [])])


class ConfigError(GateError):
    """The configuration can't be used."""

    exit_code = 2


class ClusterConfigError(ConfigError):
    """There is no usable way to the cluster, and waiting will not make one."""

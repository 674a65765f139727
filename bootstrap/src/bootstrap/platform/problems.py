"""What is wrong with `platform.yaml`, in the words of whoever wrote it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from plugin_kit.errors import PluginError


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing that is wrong, or odd: a line of the file, the key as `woodpecker.workspace.size`, and a sentence."""

    line: int
    key: str = ""
    text: str

    def __str__(self) -> str:
        """Write it without the name of the file."""
        return f"{self.line}: {self.key}: {self.text}" if self.key else f"{self.line}: {self.text}"


class PlatformError(PluginError):
    """The file can't be used; carries every problem, so that one run shows them all."""

    def __init__(self, file: Path, problems: Iterable[Problem], *, hint: str | None = None) -> None:
        self.problems = tuple(sorted(problems))
        told = [f"{file}:{problem}" for problem in self.problems]
        alone = len(told) == 1
        super().__init__(told[0] if alone else f"{file} has {len(told)} problems", hint=hint, details=() if alone else told)

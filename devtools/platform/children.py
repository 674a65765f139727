"""The programs that bootstrap starts, in a folder for PATH: each writes down how it was called and is then the real one."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.errors import DevError

# One write, which several at once can't break into.
_SCRIPT = """#!/bin/sh
printf '%s\\n' "$0 $*" >> '{record}'
exec '{program}' "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """The folder, and the record beside it."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, *, helm: str) -> "Children":
        """Write the scripts; `helm` is the real program."""
        made = cls(folder=folder)
        folder.mkdir()
        made.record.touch()
        git = shutil.which("git")
        if git is None:
            raise DevError("the program git is missing", hint="install git")
        made.use("git", git)
        made.use("helm", helm)
        return made

    def use(self, name: str, program: str) -> None:
        """Let that be the real program from now on."""
        script = self.folder / name
        script.write_text(_SCRIPT.format(record=self.record, program=program), encoding="utf-8")
        script.chmod(0o755)

    @property
    def record(self) -> Path:
        """Where the calls are written down."""
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def helm(self) -> str:
        """Helm, as bootstrap is given it."""
        return str(self.folder / "helm")

    def calls(self) -> Sequence[str]:
        """Return the command lines so far; an argument with line feeds is more than one line."""
        return self.record.read_text(encoding="utf-8").splitlines()

"""Writing the files, and taking away those that were rendered earlier and are no longer made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core.errors import BootstrapError
from bootstrap.render.text import GENERATED

_HEADER_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What has become of a folder, by path below it."""

    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int


def write(folder: Path, files: Mapping[str, str]) -> Written:
    """Write the files; a file that is not generated is neither overwritten nor removed, but in the way (BootstrapError)."""
    try:
        there = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        foreign = [name for name in files if name in there and not _is_generated(there[name])]
        if foreign:
            raise BootstrapError(
                f"{folder} has files that were not rendered: {', '.join(foreign)}", hint="choose another --output, or move them away"
            )
        changed = [name for name, text in files.items() if name not in there or there[name].read_text(encoding="utf-8") != text]
        for name in changed:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8")
            path.chmod(0o755 if _is_started(name, files[name]) else 0o644)
        removed = [name for name, path in there.items() if name not in files and _is_generated(path)]
        for name in removed:
            there[name].unlink()
    except OSError as error:
        raise BootstrapError(f"can't write to {folder}: {error.strerror}", details=[str(error.filename)], hint="see --output") from error
    return Written(changed=tuple(changed), removed=tuple(removed), unchanged=len(files) - len(changed))


def _is_generated(path: Path) -> bool:
    with path.open("rb") as file:
        begin = b"".join(file.readline() for _ in range(_HEADER_LINES))
    return GENERATED.encode() in begin


def _is_started(name: str, text: str) -> bool:
    return name.endswith(".sh") and "functions.sh\n" in text

"""Programs that are built from Go modules, each once, and kept in the cache by version and by what they are built from."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devtools import programs, progress
from devtools.errors import DevError
from devtools.locks import alone
from devtools.paths import cache_dir

GO_VERSION = (1, 26)
_FOLDER = "programs"
_UNFINISHED = ".unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoProgram:
    """A program, and the module whose go.mod and go.sum pin everything that goes into it."""

    name: str
    module: Path
    """The folder of go.mod."""
    package: str
    """What is built: an import path, or `.` for the folder itself."""
    pin: str
    """The module in go.mod whose version is the program's."""
    stamps: Mapping[str, str] = field(default_factory=dict)
    """Variables of packages that are set while it is linked."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """What is kept beside the program, by name: a folder of the module `pin`."""
    takes: str
    """How long the build takes where Go has nothing of it in its own cache, for the person who waits."""

    @property
    def version(self) -> str:
        """The version, as go.mod has it."""
        return pinned(self.module, self.pin)


def build(program: GoProgram, *, hint: str = "install Go 1.26 or newer") -> Path:
    """Build a program unless that has been done, and return its file; what is kept beside it lies in the same folder."""
    folder = _folder(program)
    if not folder.exists():
        with alone(f"program-{program.name}"):
            if not folder.exists():
                _need_go(program, hint)
                _build(program, folder)
    return folder / program.name


def pinned(module: Path, dependency: str) -> str:
    """Return the version that a go.mod has of a module."""
    found = re.search(rf"^(?:require)?\s+{re.escape(dependency)} (v\S+)", (module / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise DevError(f"{module}/go.mod requires no {dependency}")
    return found[1]


def forget_others(known: Iterable[GoProgram]) -> list[str]:
    """Remove what was built of other versions than these, and say what that was."""
    kept = {_folder(program).name for program in known}
    # A folder that is being filled belongs to a ./dev that still runs.
    others = sorted(folder for folder in cache_dir(_FOLDER).iterdir() if folder.name.removesuffix(_UNFINISHED) not in kept)
    for folder in others:
        shutil.rmtree(folder)
    return [folder.name for folder in others]


def _folder(program: GoProgram) -> Path:
    return cache_dir(_FOLDER) / f"{program.name}-{program.version}-{_fingerprint(program)}"


def _fingerprint(program: GoProgram) -> str:
    """Return a hash of all that decides what comes out of a build, but for Go itself."""
    digest = hashlib.sha256(json.dumps([program.package, dict(program.stamps), dict(program.folders)]).encode())
    for file in sorted(program.module.glob("go.*")) + sorted(program.module.rglob("*.go")):
        digest.update(f"{file.relative_to(program.module)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:12]


def _build(program: GoProgram, folder: Path) -> None:
    """Make the folder, whole or not at all."""
    unfinished = folder.with_name(f"{folder.name}{_UNFINISHED}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in program.stamps.items())])
    # A go.work of the person's, or a -mod in GOFLAGS, would build something else than what is pinned.
    env = {"CGO_ENABLED": "0", "GOWORK": "off"}
    with progress.step(f"building {program.name} {program.version} from its Go module ({program.takes})"):
        command = ["go", "build", "-mod=readonly", "-trimpath", f"-ldflags={flags}", "-o", str(unfinished / program.name), program.package]
        programs.run(command, cwd=program.module, env=env)
        if program.folders:
            source = Path(
                programs.run(["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", program.pin], cwd=program.module, env=env).strip()
            )
            for name, path in program.folders.items():
                # Go keeps its modules read-only, folders too, and copytree would do the same.
                shutil.copytree(source / path, unfinished / name, copy_function=shutil.copyfile)
                _make_removable(unfinished / name)
        unfinished.rename(folder)


def _make_removable(folder: Path) -> None:
    for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        each.chmod(0o755)


def _need_go(program: GoProgram, hint: str) -> None:
    if shutil.which("go") is None:
        raise DevError(f"the program go is missing to build {program.name}", hint=hint)
    found = re.search(r"go(\d+)\.(\d+)", programs.run(["go", "version"]))
    if found is None or (int(found[1]), int(found[2])) < GO_VERSION:
        raise DevError(f"Go {GO_VERSION[0]}.{GO_VERSION[1]} or newer is needed to build {program.name}", hint=hint)

"""What a Dockerfile builds on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

_ARG = re.compile(r"\s*ARG\s+(.+)", re.IGNORECASE)
_VALUE = re.compile(r"""(\w+)=("[^"]*"|'[^']*'|\S+)""")
_FROM = re.compile(r"\s*FROM\s+(?:--\S+\s+)*(\S+)", re.IGNORECASE)
_COPY = re.compile(r"\s*COPY\s+(?:--\S+\s+)*?--from=(\S+)", re.IGNORECASE)
_MOUNT = re.compile(r"--mount=\S*?\bfrom=([^\s,]+)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """An image that is built on: its name with variables filled in, its line, and the lines of the `ARG`s it is put together from."""

    name: str
    line: int
    arguments: frozenset[int] = frozenset()


def is_dockerfile(path: PurePosixPath) -> bool:
    """Tell whether a file is one, by its name."""
    return path.name.startswith(("Dockerfile", "Containerfile")) or path.suffix == ".Dockerfile"


def bases(text: str) -> Iterator[Base]:
    """Yield what is named in `FROM`, `COPY --from` and `RUN --mount`, stages of the file itself included; lines are counted from 0."""
    known: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(text.splitlines()):
        if found := _ARG.match(line):
            known |= {name: (value.strip("\"'"), number) for name, value in _VALUE.findall(found[1])}
        elif found := _FROM.match(line):
            used = [name or bare for name, _, bare in _VARIABLE.findall(found[1])]
            arguments = frozenset(known[name][1] for name in used if name in known)
            yield Base(name=_filled(found[1], known), line=number, arguments=arguments)
        else:
            names = [match[1] for match in (_COPY.match(line), *_MOUNT.finditer(line)) if match]
            yield from (Base(name=name, line=number) for name in names)


def _filled(text: str, known: dict[str, tuple[str, int]]) -> str:
    return _VARIABLE.sub(lambda found: known.get(found[1] or found[3], (found[2] or "", 0))[0], text)

"""What there is to build: the settings, looked up in the workspace.

Reads the disk (globs, bake files, do the files exist) and decides nothing else; the plan is made from its answers.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from registry_push import bake_file

if TYPE_CHECKING:
    from registry_push.settings import Image, Settings

_REMOTE = re.compile(r"(?:https?|git|ssh|docker-image|oci-layout)://|git@[^/]+:")
_TARGET = "target:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One image to build: absolute paths, or the URL of a remote context.

    `contexts` are folders, URLs, or `target:<name>` for another source. `bake` holds keys of a bake file's target that are passed on.
    """

    name: str
    context: str
    dockerfile: str | None = None
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)
    push: bool = True
    bake: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The sources, and every problem of the settings that was met on the way."""

    sources: tuple[Source, ...]
    problems: tuple[str, ...]


def find(settings: "Settings", workspace: Path) -> Found:
    """Look up what the settings name; problems are sentences for the YAML user."""
    chosen = [name for name in ("images", "discover", "bake_file", "repo") if getattr(settings, name)]
    if not chosen:
        return Found(
            sources=(),
            problems=("there is nothing to build: set `images`, `discover`, `bake_file`, or `repo` for a single image",),
        )
    if len(chosen) > 1:
        words = " and ".join(f"`{name}`" for name in chosen)
        return Found(sources=(), problems=(f"{words} are set together; each of them says what to build, choose one",))
    look = _Look(workspace.resolve(), settings)
    sources = {"images": look.images, "discover": look.discover, "bake_file": look.bake_file, "repo": look.single}[chosen[0]]()
    return Found(sources=tuple(sources), problems=tuple(look.problems))


class _Look:
    def __init__(self, workspace: Path, settings: "Settings") -> None:
        self.workspace = workspace
        self.settings = settings
        self.problems: list[str] = []

    def images(self) -> list[Source]:
        return [self._image(image, f"images[{index}] ({image.name})") for index, image in enumerate(self.settings.images)]

    def single(self) -> list[Source]:
        # The repositories of `repo` get the same build; BuildKit does its work once.
        settings = self.settings
        context, dockerfile = self._build(settings.context, settings.dockerfile, "`context`", "`dockerfile`")
        return [Source(name=name, context=context, dockerfile=dockerfile, target=settings.target) for name in settings.repo]

    def discover(self) -> list[Source]:
        files = sorted({path for pattern in self.settings.discover for path in self._glob(pattern)})
        if not files and not self.problems:
            self.problems.append(f"discover: no Dockerfile matches {', '.join(self.settings.discover)}")
        sources = []
        for file in files:
            where = f"discover: {file.relative_to(self.workspace)}"
            folder = str(file.parent.relative_to(self.workspace))
            wanted = folder if self.settings.context == "." else self.settings.context
            context, dockerfile = self._build(wanted, str(file.relative_to(self.workspace)), where, where)
            sources.append(Source(name=file.parent.name.lower() or "root", context=context, dockerfile=dockerfile))
        return sources

    def bake_file(self) -> list[Source]:
        path = self._inside(self.settings.bake_file or "", "`bake_file`")
        if path is None or not path.is_file():
            if path is not None:
                self.problems.append(f"bake_file: {self.settings.bake_file} does not exist in the repository")
            return []
        sources = []
        targets, wanted = bake_file.resolve(path, self.settings.targets, self.workspace)
        for name, target in targets.items():
            where = f"bake_file: target {name}"
            inline = "dockerfile-inline" in target
            context, dockerfile = self._build(str(target.get("context", ".")), target.get("dockerfile"), where, where, inline=inline)
            sources.append(
                Source(
                    name=name,
                    context=context,
                    dockerfile=dockerfile,
                    target=target.get("target"),
                    build_args=target.get("args") or {},
                    contexts=dict(self._contexts(target.get("contexts") or {}, where)),
                    platforms=tuple(target.get("platforms") or ()),
                    labels=target.get("labels") or {},
                    push=name in wanted,
                    bake=bake_file.kept(target),
                )
            )
        return sources

    def _image(self, image: "Image", where: str) -> Source:
        context, dockerfile = self._build(image.context, image.dockerfile, f"{where}: context", f"{where}: dockerfile")
        return Source(
            name=image.name,
            context=context,
            dockerfile=dockerfile,
            target=image.target,
            build_args=image.build_args,
            contexts=dict(self._contexts(image.build_contexts, where)),
            platforms=tuple(image.platforms),
            labels=image.labels,
            secrets=image.secrets,
            push=image.push,
        )

    def _build(
        self, context: str, dockerfile: str | None, context_at: str, dockerfile_at: str, *, inline: bool = False
    ) -> tuple[str, str | None]:
        """Resolve a context and its Dockerfile; with a remote context the Dockerfile is inside of it, and an `inline` one is no file."""
        if _REMOTE.match(context):
            return context, dockerfile
        folder = self._inside(context, context_at)
        if folder is None:
            return context, dockerfile
        if not folder.is_dir():
            self.problems.append(f"{context_at}: the folder {context} does not exist in the repository")
            return context, dockerfile
        if inline:
            return str(folder), None
        file = self._dockerfile(folder, dockerfile, dockerfile_at)
        return str(folder), str(file) if file else dockerfile

    def _dockerfile(self, folder: Path, dockerfile: str | None, where: str) -> Path | None:
        wanted = dockerfile or "Dockerfile"
        # `docker build -f` counts from where it is run, bake and Compose from the context: users come from both.
        places = [folder / wanted] if dockerfile is None else [self.workspace / wanted, folder / wanted]
        for place in places:
            if place.is_file():
                return place if self._is_inside(place, wanted, where) else None
        shown = " or ".join(dict.fromkeys(os.path.relpath(place, self.workspace) for place in places))
        if any(self._leaves(place) for place in places):
            self.problems.append(f"{where}: {wanted} is outside the repository")
        else:
            self.problems.append(f"{where}: there is no Dockerfile at {shown}")
        return None

    def _contexts(self, contexts: Mapping[str, str], where: str) -> Iterator[tuple[str, str]]:
        for name, value in contexts.items():
            if value.startswith(_TARGET) or _REMOTE.match(value):
                yield name, value
                continue
            folder = self._inside(value, f"{where}: build_contexts.{name}")
            if folder is not None and not folder.exists():
                self.problems.append(f"{where}: build_contexts.{name}: {value} does not exist in the repository")
            yield name, str(folder or value)

    def _glob(self, pattern: str) -> Iterable[Path]:
        if pattern.startswith("/") or ".." in Path(pattern).parts:
            self.problems.append(f"discover: {pattern} is outside the repository")
            return []
        try:
            files = [path for path in self.workspace.glob(pattern) if path.is_file()]
        except ValueError:
            # Python before 3.13 takes `**` as a whole path component only.
            self.problems.append(f"discover: {pattern} is no pattern like services/*/Dockerfile or **/Dockerfile")
            return []
        return [path.resolve() for path in files if self._is_inside(path, str(path.relative_to(self.workspace)), "discover")]

    def _inside(self, text: str, where: str) -> Path | None:
        path = self.workspace / text
        return path.resolve() if self._is_inside(path, text, where) else None

    def _is_inside(self, path: Path, text: str, where: str) -> bool:
        if self._leaves(path):
            self.problems.append(f"{where}: {text} is outside the repository")
            return False
        return True

    def _leaves(self, path: Path) -> bool:
        return not path.resolve().is_relative_to(self.workspace)

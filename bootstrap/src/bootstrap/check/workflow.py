"""A pipeline file of Woodpecker, as its linter and ours look at it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bootstrap.check.finding import Finding
from bootstrap.check.source import Source, items, mapping, texts, walk
from bootstrap.check.subject import steps
from bootstrap.platform.document import Place

# Of plugins that mirror: ours, and the ones that people use for it.
_MIRRORS = ("github-mirror", "plugin-git-push", "drone-git-push", "git-push")
_PUSHES_TO_GITHUB = re.compile(r"\bgit\b.*\bpush\b")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step, its file, and its place there."""

    source: Source
    place: Place
    data: Mapping[str, object]

    def finding(self, key: str, text: str, hint: str, *, is_warning: bool = False) -> Finding:
        """Make a finding about a key of the step, which need not be there."""
        line = self.source.line(*self.place, *(key.split(".") if key else ()))
        return Finding(file=self.source.file, line=line, text=f"step {self.name}: {text}", hint=hint, is_warning=is_warning)

    @property
    def name(self) -> str:
        """Its name, or its number where it has none."""
        name = self.data.get("name")
        return name if isinstance(name, str) else f"number {self.place[-1]}"

    @property
    def image(self) -> str:
        """Its image."""
        image = self.data.get("image")
        return image if isinstance(image, str) else ""

    @property
    def plugin(self) -> str:
        """The bare name of its image: `registry-push`."""
        return self.image.partition("@")[0].rpartition("/")[2].partition(":")[0]

    @property
    def is_plugin(self) -> bool:
        """Whether it leaves what runs to its image: only then Woodpecker makes its settings known to it."""
        return bool(self.image) and not any(self.data.get(key) for key in ("commands", "entrypoint", "environment"))

    @property
    def settings(self) -> Mapping[str, object]:
        """Its settings."""
        return mapping(self.data.get("settings"))

    @property
    def commands(self) -> str:
        """Its commands, one per line."""
        return "\n".join(texts(self.data.get("commands")))

    @property
    def dependencies(self) -> list[str]:
        """The names of the steps that it waits for."""
        wanted = self.data.get("depends_on")
        found = [wanted] if isinstance(wanted, str) else items(wanted)
        return [str(mapping(each).get("name") or "") if isinstance(each, Mapping) else str(each) for each in found]

    @property
    def is_mirror(self) -> bool:
        """Whether it pushes to GitHub."""
        return self.plugin in _MIRRORS or ("github.com" in str(self.data) and bool(_PUSHES_TO_GITHUB.search(self.commands)))

    def secrets(self) -> Iterator[tuple[Place, str]]:
        """Yield the secrets that it asks for, with their places in the file."""
        for place, value in walk(self.data):
            name = mapping(value).get("from_secret")
            if isinstance(name, str):
                yield (*self.place, *place), name


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A pipeline file."""

    source: Source

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Its steps, in their order."""
        return tuple(Step(source=self.source, place=place, data=data) for place, data in steps(self.source))

    @cached_property
    def clones(self) -> tuple[Step, ...]:
        """Its clone steps; none is the default one."""
        return tuple(Step(source=self.source, place=place, data=data) for place, data in steps(self.source, "clone"))

    def finding(self, key: str, text: str, hint: str, *, is_warning: bool = False) -> Finding:
        """Make a finding about a key of the file, which need not be there."""
        return Finding(file=self.source.file, line=self.source.line(key), text=text, hint=hint, is_warning=is_warning)

    def after(self, step: Step) -> list[Step]:
        """Return the steps that run after a step: those below it, or in a graph those that wait for it or begin later for sure."""
        if any(each.dependencies for each in self.steps):
            return [each for each in self.steps if step.name in each.dependencies]
        return list(self.steps[self.steps.index(step) + 1 :])

"""Everything that the checks look at, read and parsed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bootstrap.check.facts import Facts
from bootstrap.check.source import Source, items
from bootstrap.check.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A chart that Helm rendered: with what (as a person would say it), and to what, or why not."""

    chart: str
    file: str
    stage: str = ""
    values_files: tuple[str, ...] = ()
    manifests: tuple[Source, ...] = ()
    error: str = ""
    error_file: str = ""
    error_line: int = 0
    unseen: str = ""

    @property
    def label(self) -> str:
        """Name it: `infra/helm/shop with values.yaml, values-beta.yaml`."""
        return f"{self.chart} with {', '.join(self.values_files)}" if self.values_files else self.chart


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The rendered platform, an application's repository, or both; and the charts that Helm has rendered."""

    facts: Facts
    rendered: Tree | None = None
    repository: Tree | None = None
    renderings: tuple[Rendering, ...] = ()
    unrendered: tuple[str, ...] = field(default=())

    @property
    def trees(self) -> tuple[Tree, ...]:
        """What was read."""
        return tuple(tree for tree in (self.rendered, self.repository) if tree is not None)

    @property
    def manifests(self) -> Iterator[Source]:
        """Every Kubernetes object in files."""
        for tree in self.trees:
            yield from tree.manifests

    @property
    def platform_manifests(self) -> tuple[Source, ...]:
        """The Kubernetes objects of the platform."""
        return self.rendered.manifests if self.rendered else ()

    @property
    def pipelines(self) -> Iterator[Source]:
        """Every pipeline."""
        for tree in self.trees:
            yield from tree.pipelines

    @property
    def rendered_manifests(self) -> Iterator[Source]:
        """What the application's charts become."""
        for rendering in self.renderings:
            if rendering.stage:
                yield from rendering.manifests

    @cached_property
    def built(self) -> frozenset[str]:
        """Names of the images that the pipelines build."""
        found: set[str] = set()
        for source in self.pipelines:
            for _, step in steps(source):
                settings = step.get("settings")
                if isinstance(settings, Mapping):
                    images = [image.get("name") for image in items(settings.get("images")) if isinstance(image, Mapping)]
                    found |= {name.rpartition("/")[2] for name in [*images, settings.get("repo")] if isinstance(name, str)}
        return frozenset(found)


def steps(source: Source, section: str = "steps") -> Iterator[tuple[tuple[str | int, ...], Mapping[str, object]]]:
    """Yield the steps of a pipeline with their places; in a map of steps the key is the name."""
    found = source.get(section)
    if isinstance(found, Mapping):
        for name, step in found.items():
            if isinstance(step, Mapping):
                yield (section, name), {"name": name, **step}
    for index, step in enumerate(items(found)):
        if isinstance(step, Mapping):
            yield (section, index), step

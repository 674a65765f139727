"""A project in the registry of the tests: pushed to by steps, and looked at."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from devtools.goyaml import Value
from devtools.services import Services
from tests.support.monorepo import Monorepo
from tests.support.plugin_step import Pipeline, Run, Running, Step, started
from tests.support.registry_contents import RegistryContents, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One test's part of the registry."""

    name: str
    services: Services
    contents: RegistryContents
    plugin_images: Mapping[str, str]

    def settings(self, repo: Monorepo, more: Mapping[str, Value] | None = None) -> dict[str, Value]:
        """Return settings that push all images of the repository with the BuildKit that stays, changed by `more` (None unsets)."""
        usual: dict[str, Value] = {
            "registry": self.services.registry.inside,
            "insecure": True,
            "project": self.name,
            "builder": self.services.builder.inside,
            "images": list(repo.images),
        }
        return {**usual, **(more or {})}

    def step(self, image: str = "registry-push", **options: Any) -> Step:  # noqa: ANN401  the fields of Step and of its Pipeline
        """Return a step of the plugin; `options` are fields of `Step` or of its `Pipeline`."""
        known = Pipeline.__dataclass_fields__
        pipeline = Pipeline(**{name: value for name, value in options.items() if name in known})
        rest = {name: value for name, value in options.items() if name not in known}
        return replace(Step(image=self.plugin_images[image], network=self.services.network, pipeline=pipeline), **rest)

    def push(self, repo: Monorepo, more: Mapping[str, Value] | None = None, **options: Any) -> Run:  # noqa: ANN401  see `step`
        """Run a step with these settings on top of the usual ones to its end."""
        with self.started(repo, more, **options) as running:
            return running.end()

    @contextmanager
    def started(self, repo: Monorepo, more: Mapping[str, Value] | None = None, **options: Any) -> Iterator[Running]:  # noqa: ANN401  see `step`
        """Start a step with these settings on top of the usual ones."""
        with started(repo, self.settings(repo, more), self.step(**options)) as running:
            yield running

    def release(self, repo: Monorepo, more: Mapping[str, Value] | None = None, **options: Any) -> Run:  # noqa: ANN401  see `step`
        """Run a step of kargo-notify to its end: without Kargo, unless `more` says so."""
        with self.releasing(repo, more, **options) as running:
            return running.end()

    @contextmanager
    def releasing(self, repo: Monorepo, more: Mapping[str, Value] | None = None, **options: Any) -> Iterator[Running]:  # noqa: ANN401  see `step`
        """Start a step of kargo-notify; its workspace has no record, as on another machine than that of registry-push."""
        usual: dict[str, Value] = {"registry": self.services.registry.inside, "insecure": True, "project": self.name}
        with started(repo, {**usual, **(more or {})}, self.step("kargo-notify", **options)) as running:
            yield running

    def tags(self, image: str) -> set[str]:
        """Return the tags of an image."""
        return self.contents.tags(f"{self.name}/{image}")

    def manifest(self, image: str, reference: str) -> Stored:
        """Return an image's manifest."""
        return self.contents.manifest(f"{self.name}/{image}", reference)

    def config(self, image: str, reference: str) -> dict[str, Any]:
        """Return an image's config."""
        return self.contents.config(f"{self.name}/{image}", reference)

    def digests(self, repo: Monorepo, reference: str) -> dict[str, str]:
        """Return the digests of all images of the repository under a tag."""
        return {name: self.manifest(name, reference).digest for name in repo.names}

    def all_tags(self) -> dict[str, set[str]]:
        """Return every tag of every repository of the project."""
        return {name: self.tags(name) for name in self.contents.repositories(self.name)}

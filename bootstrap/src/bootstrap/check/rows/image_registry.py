"""Every image of ours is named with the platform's registry, wherever it is named."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bootstrap.check.facts import Facts, image_host, image_path, normal_host
from bootstrap.check.finding import Check, Finding, Looked
from bootstrap.check.source import Source, mapping, walk
from bootstrap.check.subject import Subject, steps
from bootstrap.platform.document import Place
from plugin_kit.console import counted

GHCR = "ghcr.io"
# The settings of plugins that name a registry, and those that name a whole repository in one.
_REGISTRY_SETTING = "registry"
_REPOSITORY_SETTINGS = ("repo", "cache_repo")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    """An image, or the beginning of its name (`is_prefix`), and where it stands."""

    text: str
    source: Source
    place: Place
    is_prefix: bool = False


def _look(subject: Subject) -> Looked:
    references = list(_references(subject))
    registry = subject.facts.registry
    if registry is None:
        why = f"{counted(len(references), 'image')}: which registry is the platform's stands in platform.yaml (--file) or in a Warehouse"
        return Looked(unseen=(why,) if references else ())
    ours = [each for each in references if _is_ours(each, subject)]
    others = len(references) - len(ours)
    at = f"{counted(len(ours), 'reference')} to our images, {counted(others, 'reference')} to those of others; our registry is {registry}"
    wrong = [each for each in ours if _host(each) != normal_host(registry)]
    # GHCR has a row of its own.
    return Looked(
        at=at if references else "", findings=tuple(_finding(each, subject.facts, registry) for each in wrong if _host(each) != GHCR)
    )


def _references(subject: Subject) -> Iterator[_Reference]:
    for source in (*subject.manifests, *subject.rendered_manifests):
        yield from _of_pods(source)
    for tree in subject.trees:
        for source in tree.values:
            yield from _of_values(source, is_application=tree is subject.repository and tree.chart_of(source.path) is not None)
    for source in subject.pipelines:
        yield from _of_pipeline(source)


def _of_pods(source: Source) -> Iterator[_Reference]:
    for place, value in walk(source.data):
        if len(place) > 1 and place[-1] == "image" and isinstance(value, str) and value and "containers" in str(place[:-1]).lower():
            yield _Reference(text=value, source=source, place=place)


def _of_values(source: Source, *, is_application: bool) -> Iterator[_Reference]:
    for place, value in walk(source.data):
        if not place or not isinstance(value, str | Mapping):
            continue
        image = mapping(value)
        if place[-1] == "image" and isinstance(value, str) and "/" in value:
            yield _Reference(text=value, source=source, place=place)
        elif isinstance(image.get("repository"), str):
            registry = image.get("registry")
            prefix = f"{registry}/" if isinstance(registry, str) and registry else ""
            at = (*place, "registry" if prefix else "repository")
            yield _Reference(text=f"{prefix}{image['repository']}", source=source, place=at)
        elif is_application and place in {("image", "registry"), ("global", "imageRegistry"), ("imageRegistry",)} and value:
            yield _Reference(text=str(value), source=source, place=place, is_prefix=True)


def _of_pipeline(source: Source) -> Iterator[_Reference]:
    for section in ("clone", "steps", "services"):
        for place, step in steps(source, section):
            if isinstance(image := step.get("image"), str):
                yield _Reference(text=image, source=source, place=(*place, "image"))
            settings = mapping(step.get("settings"))
            if isinstance(registry := settings.get(_REGISTRY_SETTING), str):
                yield _Reference(text=registry, source=source, place=(*place, "settings", _REGISTRY_SETTING), is_prefix=True)
            for key in _REPOSITORY_SETTINGS:
                if isinstance(name := settings.get(key), str) and "/" in name:
                    yield _Reference(text=name, source=source, place=(*place, "settings", key))


def _is_ours(reference: _Reference, subject: Subject) -> bool:
    return reference.is_prefix or subject.facts.owns(image_path(reference.text), subject.built)


def _host(reference: _Reference) -> str:
    return normal_host(reference.text.partition("/")[0]) if reference.is_prefix else image_host(reference.text)


def _finding(reference: _Reference, facts: Facts, registry: str) -> Finding:
    where = f" (rendered with {reference.source.rendered_with})" if reference.source.rendered_with else ""
    right = f"{registry}/{image_path(reference.text)}" if not reference.is_prefix else registry
    return Finding(
        file=reference.source.file,
        line=reference.source.line(*reference.place),
        text=f"{reference.text}{where} is in {_host(reference)}, not in {registry}, the registry that {facts.origin} names",
        hint=f"write {right}" if not reference.is_prefix else f"begin it with {registry}",
    )


CHECK = Check(name="image-registry", title="Image registry references", look=_look)

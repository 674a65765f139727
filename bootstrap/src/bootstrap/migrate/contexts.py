"""What a pipeline that is there already lacks, so that images can be built on others of the same run."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from ruamel.yaml.nodes import Node

from bootstrap.migrate import nodes
from bootstrap.migrate.builds import Build, Builds, with_bases
from bootstrap.migrate.pipeline import contexts_of, entry_of
from bootstrap.migrate.repository import File
from bootstrap.migrate.surgery import Surgery
from bootstrap.migrate.text import Look


def lacking(file: File, others: Iterable[Build], dockerfiles: Mapping[PurePosixPath, str], *, folder: str) -> Iterator[Look]:
    """Yield each image of a pipeline whose entry lacks `build_contexts`, with what to add.

    `others` are images that could be built as well, `dockerfiles` the texts after the migration, `folder` is where the images are then.
    """
    known = list(others)
    for root in Surgery(file.text).documents:
        for images in _lists(root):
            # What stands in another list belongs to another run.
            listed = tuple(_build(name, entry, dockerfiles) for name, entry in images.items())
            unlisted = tuple(build for build in known if build.name not in images)
            found = with_bases(Builds(sure=listed, unnamed=unlisted), dockerfiles, folder=folder)
            builds = {build.name: build for build in found.sure}
            for name, entry in images.items():
                there = nodes.at(entry, "build_contexts")
                told = nodes.effective(there) if there is not None else {}
                missing = tuple((base, other) for base, other in builds[name].contexts if base not in told)
                if missing:
                    yield _look(file, entry, replace(builds[name], contexts=missing), _unlisted(missing, builds, images))


def _lists(root: Node) -> Iterator[dict[str, Node]]:
    for each in nodes.maps(root):
        images = {nodes.text(nodes.at(entry, "name")): entry for entry in nodes.items(nodes.at(each, "images"))}
        images.pop("", None)
        if images:
            yield images


def _build(name: str, entry: Node, dockerfiles: Collection[PurePosixPath]) -> Build:
    context = nodes.text(nodes.at(entry, "context")) or "."
    dockerfile = nodes.text(nodes.at(entry, "dockerfile"))
    # From the root, or from the context.
    if dockerfile and PurePosixPath(dockerfile) not in dockerfiles:
        dockerfile = str(PurePosixPath(context) / dockerfile)
    return Build(name=name, context=context, dockerfile=dockerfile)


def _unlisted(missing: Iterable[tuple[str, str]], builds: Mapping[str, Build], images: Collection[str]) -> list[Build]:
    """Return the images that have to be built in the same run, too, those that these are built on included."""
    waiting = [other for _, other in missing]
    found: dict[str, Build] = {}
    while waiting:
        name = waiting.pop()
        if name not in images and name not in found:
            found[name] = builds[name]
            waiting += [other for _, other in builds[name].contexts]
    return [found[name] for name in sorted(found)]


def _look(file: File, entry: Node, build: Build, unlisted: Iterable[Build]) -> Look:
    names = " and ".join(base for base, _ in build.contexts)
    text = f"{build.name} is built on {names} of the same run, which no registry has by then"
    lines = [f"add to {build.name}:", contexts_of(build)]
    if bases := [f"- {entry_of(base)}" for base in unlisted]:
        lines += ["and to the same list `images`:", *bases]
    return Look(file=str(file.path), line=nodes.line(entry), text=text, hint="\n".join(lines))

"""Which images a repository builds, and from what: as far as its files tell."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import PurePosixPath

from ruamel.yaml.nodes import Node, ScalarNode

from bootstrap.migrate import nodes
from bootstrap.migrate.dockerfile import bases
from bootstrap.migrate.source import Source

_COPY = re.compile(r"^\s*(?:COPY|ADD)\s+((?:--\S+\s+)*)(.+)$", re.MULTILINE | re.IGNORECASE)
_TAG = re.compile(r"/([a-z0-9][a-z0-9._-]*)(?::\S*)?\s*$")
# Of the runs of one job that are looked at.
_MOST_RUNS = 100
# Others are built on these; nothing deploys them.
_OF_OTHERS = frozenset({"base", "builder", "common", "python-base"})
_NOT_SHIPPED = frozenset({".devcontainer", "test", "tests", "testdata", "examples", "e2e"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """An image: its name, and the folder and the Dockerfile that it is built from; without a Dockerfile the folder has one.

    `contexts` are the images of the same run that it is built on, each after the name that its Dockerfile has for it; `is_base` is
    whether it is only built for others.
    """

    name: str
    context: str = "."
    dockerfile: str = ""
    is_guess: bool = False
    contexts: tuple[tuple[str, str], ...] = ()
    is_base: bool = False

    @property
    def file(self) -> PurePosixPath:
        """Its Dockerfile."""
        return PurePosixPath(self.dockerfile or f"{self.context}/Dockerfile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """The images that are built; `unnamed` are Dockerfiles that no file names an image of, `unbuilt` names without a Dockerfile."""

    sure: tuple[Build, ...]
    unnamed: tuple[Build, ...] = ()
    unbuilt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """How the tests of one language run."""

    name: str
    image: str
    commands: tuple[str, ...]


def builds(source: Source, named: Collection[str], *, watched: str) -> Builds:
    """Find the images; `named` are those that the files deploy."""
    told = _told(source)
    found = _of_other_dockerfiles(source, watched, told)
    wanted = sorted({*named, *told, watched})
    by_name = {build.name: build for build in found}
    sure = [told.get(name) or by_name.get(name) for name in wanted]
    missing = [name for name, build in zip(wanted, sure, strict=True) if build is None]
    unnamed = [build for build in found if build.name not in wanted]
    if not named and not told:
        # No file says what is deployed: everything that can be built is.
        return Builds(sure=tuple(found), unbuilt=tuple(missing))
    fitting = [build for build in unnamed if build.name not in _OF_OTHERS]
    if len(missing) == len(fitting) == 1:
        unnamed.remove(fitting[0])
        sure.append(replace(fitting[0], name=missing.pop(), is_guess=True))
    kept = sorted((build for build in sure if build is not None), key=lambda build: build.name)
    return Builds(sure=tuple(kept), unnamed=tuple(unnamed), unbuilt=tuple(missing))


def built(source: Source, *, watched: str) -> Mapping[str, Build]:
    """Return everything that could be built, by name, whether or not something deploys it."""
    told = _told(source)
    return {build.name: build for build in (*_of_other_dockerfiles(source, watched, told), *told.values())}


def with_bases(found: Builds, dockerfiles: Mapping[PurePosixPath, str], *, folder: str) -> Builds:
    """Take in what the images are built on: of the same run, since no registry has it under that tag yet.

    `dockerfiles` are their texts after the migration, `folder` is where the project's images are then.
    """
    known = {build.name: build for build in (*found.unnamed, *found.sure)}
    sure = {build.name: build for build in found.sure}
    waiting = list(found.sure)
    while waiting:
        build = waiting.pop()
        named = [base.name for base in bases(dockerfiles.get(build.file, ""))]
        # BuildKit looks a context up by the name without `:latest` (dockerui/namedcontext.go).
        ours = {name.removesuffix(":latest"): name.removeprefix(folder).partition(":")[0] for name in named if name.startswith(folder)}
        contexts = tuple(sorted((name, other) for name, other in ours.items() if other in known and other != build.name))
        sure[build.name] = replace(build, contexts=contexts)
        more = {other for _, other in contexts} - sure.keys()
        sure |= {name: replace(known[name], is_base=True) for name in more}
        waiting += [sure[name] for name in more]
    kept = sorted(sure.values(), key=lambda build: (not build.is_base, build.name))
    return replace(found, sure=tuple(kept), unnamed=tuple(build for build in found.unnamed if build.name not in sure))


def tests(source: Source) -> Iterator[Suite]:
    """Find how the tests run, where the usual files say it."""
    names = source.repository.names
    has_tests = any(name.name.startswith("test_") and name.suffix == ".py" for name in names)
    if has_tests and PurePosixPath("requirements.txt") in names:
        commands = ("pip install --quiet -r requirements.txt pytest", "pytest")
        yield Suite(name="test-python", image="docker.io/library/python:3.13-slim", commands=commands)
    elif has_tests and PurePosixPath("pyproject.toml") in names:
        yield Suite(name="test-python", image="docker.io/library/python:3.13-slim", commands=("pip install --quiet . pytest", "pytest"))
    for path in sorted(name for name in names if name.name == "package.json" and len(name.parts) <= 2):  # noqa: PLR2004  root or one below
        if _has_test_script(source, path):
            folder = str(path.parent)
            install = "npm ci" if path.parent / "package-lock.json" in names else "npm install"
            into = () if folder == "." else (f"cd {folder}",)
            name = "test-node" if folder == "." else f"test-{path.parent.name.lower()}"
            yield Suite(name=name, image="docker.io/library/node:22-slim", commands=(*into, install, "npm test"))
    if PurePosixPath("go.mod") in names:
        yield Suite(name="test-go", image="docker.io/library/golang:1.25", commands=("go vet ./...", "go test ./..."))


def _has_test_script(source: Source, path: PurePosixPath) -> bool:
    try:
        package = json.loads(source.texts[path].text)
    except (KeyError, ValueError):
        return False
    scripts = package.get("scripts") if isinstance(package, dict) else None
    return isinstance(scripts, dict) and isinstance(scripts.get("test"), str) and "no test specified" not in scripts["test"]


def _told(source: Source) -> dict[str, Build]:
    """Return the images that Compose files and workflows say how to build, by name."""
    return {build.name: build for build in (*_of_compose(source), *_of_workflows(source))}


def _of_other_dockerfiles(source: Source, watched: str, told: Mapping[str, Build]) -> list[Build]:
    known = {build.file for build in told.values()}
    return [build for build in _of_dockerfiles(source, watched) if build.file not in known]


def _of_compose(source: Source) -> Iterator[Build]:
    for path, root in source.roots():
        if "compose" not in path.name:
            continue
        for service in nodes.effective(nodes.at(root, "services") or root).values():
            build, image = nodes.at(service, "build"), nodes.text(nodes.at(service, "image"))
            found = _TAG.search(image)
            if build is not None and found:
                folder = nodes.text(build) or nodes.text(nodes.at(build, "context")) or "."
                yield _build(found[1], path.parent, folder, nodes.text(nodes.at(build, "dockerfile")), below=True)


def _of_workflows(source: Source) -> Iterator[Build]:
    for path, root in source.roots():
        if path.parts[:2] != (".github", "workflows"):
            continue
        for job in nodes.effective(nodes.at(root, "jobs") or root).values():
            for step in nodes.maps(job):
                settings = nodes.at(step, "with")
                if settings is None or not nodes.text(nodes.at(step, "uses")).startswith("docker/build-push-action"):
                    continue
                for values in _matrix(job):
                    folder = _filled(nodes.text(nodes.at(settings, "context")) or ".", values)
                    file = _filled(nodes.text(nodes.at(settings, "file")), values)
                    name = _tagged(nodes.at(settings, "tags"), values)
                    if name and "${{" not in f"{folder}{file}":
                        yield _build(name, PurePosixPath(), folder, file, below=False)


def _matrix(job: Node) -> Iterator[Mapping[str, str]]:
    """Yield the values of each run of a job; one without any where it has no matrix."""
    matrix = nodes.effective(nodes.at(job, "strategy", "matrix") or job)
    included = [{key: nodes.text(value) for key, value in nodes.effective(each).items()} for each in nodes.items(matrix.get("include"))]
    lists = {key: [nodes.text(each) for each in nodes.items(value)] for key, value in matrix.items() if key not in {"include", "exclude"}}
    lists = {key: values for key, values in lists.items() if values} if nodes.at(job, "strategy", "matrix") is not None else {}
    runs = [dict(zip(lists, values, strict=True)) for values in islice(product(*lists.values()), _MOST_RUNS)] if lists else []
    yield from [*runs, *included] or [{}]


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}", lambda found: values.get(found[1], found[0]), text)


def _tagged(tags: Node | None, values: Mapping[str, str]) -> str:
    texts = tags.value.splitlines() if isinstance(tags, ScalarNode) else [nodes.text(each) for each in nodes.items(tags)]
    for text in texts:
        # The tag may be an expression; the name of the image may not.
        found = _TAG.search(re.sub(r":\S*\$\{\{.*?\}\}\S*$", ":tag", _filled(text.strip().rstrip(","), values)))
        if found:
            return found[1]
    return ""


def _build(name: str, base: PurePosixPath, folder: str, file: str, *, below: bool) -> Build:
    """Make a build; Compose names a Dockerfile from the context (`below`), Docker's action from the root."""
    context = PurePosixPath(*(part for part in (base / folder).parts if part != "."))
    dockerfile = (context / file if below else PurePosixPath(file)) if file else context / "Dockerfile"
    usual = dockerfile == context / "Dockerfile"
    return Build(name=name, context=str(context), dockerfile="" if usual else str(dockerfile))


def _of_dockerfiles(source: Source, watched: str) -> Iterator[Build]:
    for path in sorted(source.repository.names):
        if _NOT_SHIPPED & {part.lower() for part in path.parts[:-1]}:
            continue
        if path.name in {"Dockerfile", "Containerfile"}:
            folder = path.parent
            name = watched if folder == PurePosixPath() else folder.name.lower()
        elif path.name.startswith("Dockerfile.") and path.suffix != ".dockerignore":
            folder, name = PurePosixPath(), path.name.removeprefix("Dockerfile.").lower()
        elif path.suffix == ".Dockerfile":
            folder, name = PurePosixPath(), path.stem.lower()
        else:
            continue
        usual = path.parent / "Dockerfile"
        if folder == path.parent and not _copies_from_root(source, path):
            yield Build(name=name, context=str(folder), dockerfile="" if path == usual else str(path))
        else:
            yield Build(name=name, dockerfile=str(path))


def _copies_from_root(source: Source, path: PurePosixPath) -> bool:
    """Tell whether a Dockerfile copies what lies below the root of the repository, and not below its own folder."""
    file = source.texts.get(path)
    names = source.repository.names
    for options, words in _COPY.findall(file.text if file else ""):
        for word in words.split()[:-1] if "--from" not in options else ():
            wanted = PurePosixPath(word.rstrip("/"))
            below_root = any(name.is_relative_to(wanted) for name in names)
            if below_root and wanted != PurePosixPath() and not any(name.is_relative_to(path.parent / wanted) for name in names):
                return True
    return False

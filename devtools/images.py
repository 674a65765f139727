"""`./dev images`: builds the project's own images and loads them into the engine, pushes them, or writes OCI layouts.

With them comes BuildKit, which is moby's: a platform needs it in its registry beside the plugins.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docker.errors import APIError
from docker.models.containers import Container

from devtools import base_images, engine, helm, host, programs, progress, recipe, tools_image
from devtools.buildkit import Builder, buildkit, buildkitd_toml
from devtools.containers import network, put_file, stream, waiting
from devtools.errors import DevError
from devtools.locks import alone
from devtools.paths import ROOT, log_dir
from devtools.registry import Registry, mirror, registry

INPUTS_LABEL = "local-cicd.inputs"
# Between runs these keep what was built and what the engine was given.
BUILDER_VOLUME = "local-cicd-images-buildkit"
REGISTRY_VOLUME = "local-cicd-images-registry"
# In the container that has buildx.
_HELM = "/helm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image of the project."""

    name: str
    dockerfile: str
    target: str
    context: tuple[str, ...]
    """The folders and files of the repository that the Dockerfile copies."""
    helm: bool = False
    """Whether it has a stage `helm` that Helm is copied from."""
    upstream: str = ""
    """The base image that this is, under another name; its Dockerfile is for one that was made on this machine."""


def _plugin(name: str, *, folder: str, target: str) -> Image:
    place = f"plugins/{folder}"
    return Image(
        name=name,
        dockerfile=f"{place}/Dockerfile",
        target=target,
        context=("plugins/build-requirements.lock", "plugins/plugin-kit", place),
    )


IMAGES = (
    _plugin("registry-push", folder="registry-push", target="slim"),
    _plugin("registry-push-embedded", folder="registry-push", target="embedded"),
    _plugin("github-mirror", folder="github-mirror", target="mirror"),
    _plugin("kargo-notify", folder="kargo-notify", target="notify"),
    Image(
        name="bootstrap",
        dockerfile="bootstrap/Dockerfile",
        target="command",
        context=("plugins/build-requirements.lock", "plugins/plugin-kit", "bootstrap"),
        helm=True,
    ),
    Image(
        name="market-gate",
        dockerfile="services/market-gate/Dockerfile",
        target="gate",
        context=("plugins/build-requirements.lock", "services/market-gate"),
    ),
)
NAMES = tuple(image.name for image in IMAGES)
# Those of other projects.
UPSTREAM = (
    Image(name="buildkit", dockerfile="devtools/go/buildkit/Dockerfile", target="buildkit", context=(), upstream=base_images.BUILDKIT),
)
_EVERY = (*IMAGES, *UPSTREAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which state of the repository the images are built from."""

    version: str
    revision: str
    created: str
    url: str

    @classmethod
    def read(cls, folder: Path = ROOT) -> "Source":
        """Read it from git; a folder without commits has the version `dev`."""

        def git(*arguments: str) -> str:
            # The owner of a checkout in a container or a CI system is often another user.
            return programs.run(["git", "-c", f"safe.directory={folder}", "-C", str(folder), *arguments]).strip()

        try:
            revision = git("rev-parse", "--verify", "HEAD")
        except DevError:
            return cls(version="dev", revision="", created="", url="")
        seconds = int(git("show", "-s", "--format=%ct", "HEAD"))
        url = git("config", "--default", "", "--get", "remote.origin.url")
        return cls(
            version=git("describe", "--tags", "--always", "--dirty"),
            revision=revision,
            created=datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            # An address with a login in it, or a path of this machine, does not belong into an image.
            url=url if url.startswith("https://") and "@" not in url else "",
        )

    def arguments(self) -> dict[str, str]:
        """Return the build arguments of the Dockerfiles."""
        return {"VERSION": self.version, "REVISION": self.revision, "CREATED": self.created, "SOURCE": self.url}


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What became of one image."""

    image: Image
    reference: str
    size: int
    seconds: float
    unchanged: bool


class Workshop:
    """A builder with buildx beside it, on a network with a registry."""

    def __init__(self, *, tools: Container, builder: Builder, store: Registry) -> None:
        self.tools = tools
        self.builder = builder
        self.store = store

    @classmethod
    @contextmanager
    def open(cls, *, output: Path | None = None) -> Iterator["Workshop"]:
        """Start them, for one process at a time, because the volumes are shared; `output` is this machine's folder for layouts."""
        with alone("images"), network("images") as net, mirror(net) as hub, registry(net, volume=REGISTRY_VOLUME) as store:
            # Where the base images came from a registry, the builder asks that one: it has them for other platforms too.
            from_registry = base_images.from_registry()
            toml = buildkitd_toml(mirror=None if from_registry else hub.inside, http=[hub.inside, store.inside])
            environment, files = _way_out(store.inside) if from_registry else ({}, {})
            folders = {"/src": ROOT, "/run/host": next(iter(host.build_secrets().values())).parent}
            with (
                buildkit(net, config=toml, volume=BUILDER_VOLUME, environment=environment, files=files) as builder,
                waiting(tools_image.ensure(), name=f"{net}-tools", net=net, folders=folders, output=output) as tools,
            ):
                yield cls(tools=tools, builder=builder, store=store)

    def bake(
        self, image: Image, source: Source, *, output: str, platforms: Sequence[str] = (), labels: dict[str, str] | None = None
    ) -> None:
        """Build one image; the whole output goes to a log file, its last lines into the error where it fails."""
        program = helm.program() if image.helm else None
        if program:
            put_file(self.tools, f"{_HELM}/{helm.PLACE}", program.read_bytes(), mode=0o755)
        # A folder of that name takes the place of the stage.
        contexts = {"helm": _HELM} if program else {}
        put_file(self.tools, "/bake.json", json.dumps(_bake_file(image, source, output, platforms, labels or {}, contexts)).encode())
        known = "docker-buildx inspect remote >/dev/null 2>&1"
        create = f"docker-buildx create --name remote --driver remote {self.builder.inside} >/dev/null"
        bake = "docker-buildx bake --builder remote --progress plain -f /bake.json image"
        self.run(f"{known} || {create}; {bake}", f"build-{image.name}")

    def run(self, script: str, name: str) -> None:
        """Run a shell script beside the builder."""
        log = log_dir() / f"{name}.log"
        with log.open("wb", buffering=0) as file:
            code = stream(self.tools, ["sh", "-euc", script], file, {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}, folder="/src")
        if code != 0:
            last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:])
            raise DevError(f"{name} failed (exit {code}, log in {log}):\n{last}")


def build(names: Sequence[str] = NAMES, *, again: bool = False) -> dict[str, str]:
    """Build what has changed, load it into the engine, and return the reference of each image, `local-cicd/<name>:dev`.

    The engine then also knows it as `<name>:latest`. Where nothing changed no builder is started.
    """
    return {each.image.name: each.reference for each in built(names, again=again)}


def built(names: Sequence[str] = NAMES, *, again: bool = False) -> list[Built]:
    """Do what `build` does and say more of each image; without names it is all of them, those of other projects too."""
    base_images.ensure()
    source = Source.read()
    done: list[Built] = []
    wanted: list[tuple[Image, str]] = []
    for image in chosen(names):
        if image.upstream:
            done.append(_named(image))
            continue
        inputs = _inputs(image, source)
        if not again and _label(image) == inputs:
            done.append(Built(image=image, reference=_reference(image), size=_size(image), seconds=0.0, unchanged=True))
        else:
            wanted.append((image, inputs))
    if wanted:
        with Workshop.open() as workshop:
            done += [_build_one(workshop, image, source, inputs) for image, inputs in wanted]
    return sorted(done, key=lambda each: _EVERY.index(each.image))


def _named(image: Image) -> Built:
    """Give a base image, which the engine has, the name that it has among ours."""
    begun = time.monotonic()
    reference = _reference(image)
    base = engine.connect().images.get(image.upstream)
    unchanged = reference in base.tags
    base.tag(*reference.split(":"))
    return Built(image=image, reference=reference, size=_size(image), seconds=time.monotonic() - begun, unchanged=unchanged)


def _build_one(workshop: Workshop, image: Image, source: Source, inputs: str) -> Built:
    begun = time.monotonic()
    with progress.step(f"building {image.name} {source.version}") as step:
        step.detail = f"log in {log_dir()}/build-{image.name}.log"
        # Not compressed: it goes from one container to another on this machine, and gzip would take longer than all the rest.
        output = f"type=image,name={workshop.store.inside}/{image.name}:dev,push=true,registry.insecure=true,compression=uncompressed"
        workshop.bake(image, source, output=output, labels={INPUTS_LABEL: inputs})
        step.detail = "loading it into the engine"
        _load(image, f"{workshop.store.host}/{image.name}")
    return Built(image=image, reference=_reference(image), size=_size(image), seconds=time.monotonic() - begun, unchanged=False)


def _load(image: Image, repository: str) -> None:
    """Pull an image from the registry beside the builder and give it its names, which others had before."""
    client = engine.connect()
    loaded = client.images.pull(repository, tag="dev")
    loaded.tag(f"local-cicd/{image.name}", "dev")
    loaded.tag(image.name, "latest")
    client.images.remove(f"{repository}:dev", noprune=True)
    forget_replaced()


def forget_replaced() -> None:
    """Remove our images that have lost their names to later ones; those that a container uses stay until the next time."""
    client = engine.connect()
    for image in client.images.list(filters={"dangling": True, "label": INPUTS_LABEL}):
        with suppress(APIError):
            client.images.remove(str(image.id))


def chosen(names: Sequence[str]) -> list[Image]:
    """Return the images of these names, all where there is none."""
    known = [image.name for image in _EVERY]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DevError(f"no image is called {', '.join(unknown)}", hint=f"the images are {', '.join(known)}")
    return [image for image in _EVERY if not names or image.name in names]


def _bake_file(
    image: Image, source: Source, output: str, platforms: Sequence[str], labels: dict[str, str], contexts: dict[str, str]
) -> dict[str, Any]:
    bases = {"BASE_IMAGE": base_images.DEBIAN, "BUILDKIT_IMAGE": base_images.BUILDKIT, "HELM_IMAGE": helm.IMAGE}
    arguments = {**bases, "BUILDKIT_VERSION": base_images.BUILDKIT_VERSION, **source.arguments(), **host.proxies()}
    target: dict[str, Any] = {
        "context": "/src",
        "dockerfile": image.dockerfile,
        "target": image.target,
        "args": arguments,
        "labels": labels,
        "contexts": contexts,
        "secret": [f"id={name},src=/run/host/{file.name}" for name, file in host.build_secrets().items()],
        "output": [output],
    }
    if platforms:
        target["platforms"] = list(platforms)
    return {"target": {"image": target}}


def _way_out(inside: str) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return what a buildkitd needs to reach a registry through this machine's network: its environment, and files."""
    environment = host.proxies()
    if environment:
        exceptions = ",".join(filter(None, [environment.get("no_proxy"), inside.split(":", maxsplit=1)[0]]))
        environment |= {"no_proxy": exceptions, "NO_PROXY": exceptions}
    bundle = host.ca_bundle()
    if bundle is None:
        return environment, {}
    place = "/etc/local-cicd/ca.pem"
    return {**environment, "SSL_CERT_FILE": place}, {place: bundle.read_bytes()}


def _inputs(image: Image, source: Source) -> str:
    """Return a hash of everything that goes into an image."""
    client = engine.connect()
    digest = hashlib.sha256(json.dumps([image.target, source.arguments()]).encode())
    for base in (base_images.DEBIAN, base_images.BUILDKIT):
        digest.update(str(client.images.get(base).id).encode())
    if image.helm:
        digest.update(helm.IMAGE.encode())
    for file in [ROOT / image.dockerfile, *_files(image.context)]:
        digest.update(f"{file.relative_to(ROOT)} {file.stat().st_mode:o}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _files(places: Sequence[str]) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith("docs."))


def _label(image: Image) -> str | None:
    reference = _reference(image)
    if not recipe.exists(reference) or not recipe.exists(f"{image.name}:latest"):
        return None
    labels: dict[str, str] = engine.connect().images.get(reference).labels
    return labels.get(INPUTS_LABEL)


def _reference(image: Image) -> str:
    return f"local-cicd/{image.name}:dev"


def _size(image: Image) -> int:
    return int(engine.connect().images.get(_reference(image)).attrs["Size"])

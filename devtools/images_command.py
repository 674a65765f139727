"""`./dev images`: the table of what was built; pushing it, or writing it as OCI layouts."""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from devtools import base_images, images, images_upstream, progress
from devtools.errors import DevError
from devtools.images import Image, Source, Workshop
from devtools.layout import Destination, Layout
from devtools.paths import cache_dir
from plugin_kit.console import Console

WISHED = ("linux/amd64", "linux/arm64")
MEGABYTE = 1_000_000


def main(arguments: argparse.Namespace) -> int:
    """Build, and load into the engine, or push, or write layouts."""
    if arguments.push or arguments.output:
        _publish(arguments)
    elif arguments.platforms:
        raise DevError("--platforms is for --push and --output", hint="the engine takes images of its own platform only")
    else:
        _load(arguments.names, again=arguments.again)
    return 0


def _load(names: Sequence[str], *, again: bool) -> None:
    rows = [
        (each.image.name, each.reference, f"{each.size / MEGABYTE:.0f}", f"{each.seconds:.1f}", "no" if each.unchanged else "yes")
        for each in images.built(names, again=again)
    ]
    Console().table(("image", "in the engine as", "MB", "seconds", "built"), rows, align="llrrl")


def _publish(arguments: argparse.Namespace) -> None:
    source = Source.read()
    rows = []
    with ExitStack() as stack:
        registry = None
        if arguments.push:
            destination = Destination.parse(arguments.push)
            # Before anything is built: a registry that is not there is known at once.
            registry = stack.enter_context(destination.open(insecure=arguments.insecure))
        base_images.ensure()
        folder = stack.enter_context(_folder(arguments.output))
        workshop = stack.enter_context(Workshop.open(output=folder))
        platforms = _platforms(arguments.platforms, workshop)
        for image in images.chosen(arguments.names):
            begun = time.monotonic()
            layout = _write(workshop, image, source, platforms, folder)
            where = str(layout.folder)
            if registry:
                path = destination.repository(image.name)
                with progress.step(f"pushing {registry.host}/{path}:{source.version}"):
                    layout.push(registry, path, [source.version, "latest"])
                where = f"{registry.host}/{path}:{source.version}"
            seconds = time.monotonic() - begun
            rows.append((image.name, where, f"{layout.size() / MEGABYTE:.0f}", f"{seconds:.1f}", " ".join(layout.platforms())))
    Console().table(("image", "where", "MB compressed", "seconds", "platforms"), rows, align="llrrl")


def _write(workshop: Workshop, image: Image, source: Source, platforms: Sequence[str], folder: Path) -> Layout:
    if image.upstream and base_images.pulled(image.upstream):
        layout = Layout(folder=folder / image.name)
        with progress.step(f"copying {image.upstream} as {image.name} {source.version}, for all platforms"):
            images_upstream.copy(image.upstream, layout, f"docker.io/local-cicd/{image.name}:{source.version}")
        return layout
    with progress.step(f"building {image.name} {source.version} for {', '.join(platforms)}"):
        name = f"local-cicd/{image.name}:{source.version}"
        # A layout that is there keeps its blobs, and its index would list both images.
        workshop.run(f"rm -rf /out/{image.name}", f"layout-{image.name}")
        # The builder also has these layers uncompressed, for the engine of this machine.
        output = f"type=oci,tar=false,dest=/out/{image.name},name={name},compression=gzip,force-compression=true"
        workshop.bake(image, source, output=output, platforms=platforms)
        own = f"chown -R {os.getuid()}:{os.getgid()} /out/{image.name}"
        workshop.run(f"rmdir /out/{image.name}/ingest; {own}", f"layout-{image.name}")
    return Layout(folder=folder / image.name)


def _platforms(asked: str | None, workshop: Workshop) -> list[str]:
    """Return the platforms to build for, and say which of those wished for can't be."""
    able = [platform for platform in WISHED if platform in workshop.builder.platforms]
    if not base_images.from_registry():
        # What was made on this machine exists for this machine only.
        able = able[:1]
    if asked:
        wanted = [platform.strip() for platform in asked.split(",") if platform.strip()]
        if missing := [platform for platform in wanted if platform not in able]:
            raise DevError(f"can't build for {', '.join(missing)} here", hint=_remedy())
        return wanted
    if missing := [platform for platform in WISHED if platform not in able]:
        progress.say(f"not built for {', '.join(missing)}: {_remedy()}")
    return able


def _remedy() -> str:
    if base_images.from_registry():
        return "the builder lacks an emulator; install qemu-user-static and binfmt-support on this machine"
    return "the base images were made on this machine, for its own platform; with a way to a container registry they are pulled for all"


@contextmanager
def _folder(wanted: str | None) -> Iterator[Path]:
    if wanted:
        folder = Path(wanted).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    else:
        with tempfile.TemporaryDirectory(dir=cache_dir()) as temporary:
            yield Path(temporary)

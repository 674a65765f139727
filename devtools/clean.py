"""`./dev clean`: removes what a killed `./dev` or `./dev demo --keep` left, by its labels."""

import argparse
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from docker.errors import DockerException

from devtools import base_images, dockerd, engine, go_programs, images, kargo_expressions, progress, recipe
from devtools.containers import remove
from devtools.controlplane import programs
from devtools.paths import cache_dir


def main(arguments: argparse.Namespace) -> int:
    """Remove containers, networks, volumes and old programs; with `--all` also images, build caches and the cache folder."""
    dockerd.Daemon().kept.unlink(missing_ok=True)
    if engine.answers(engine.address()) or dockerd.installed():
        # The engine that ./dev starts is down between its runs, and still has what they left.
        with dockerd.running():
            empty_engine(f"{engine.LABEL}=1", everything=arguments.all)
            if arguments.all:
                _each("images", list(_images()), engine.connect().images.remove)
                images.forget_replaced()
    else:
        progress.say("no Docker engine answers: nothing of it is removed")
    used = [*base_images.BUILDKIT_PROGRAMS, *programs.PROGRAMS.values(), kargo_expressions.PROGRAM]
    progress.say(f"programs of versions that are no longer pinned: {len(go_programs.forget_others(used))} removed")
    if arguments.all:
        _empty_cache()
    return 0


def empty_engine(label: str, *, everything: bool) -> None:
    """Remove what has this label; build caches only with `everything`."""
    client = engine.connect()
    ours: dict[str, str | list[str] | bool] = {"label": label}
    _each("containers", client.containers.list(all=True, filters=ours), remove)
    _each("networks", client.networks.list(filters=ours), lambda network: network.remove())
    volumes = client.volumes.list(filters=ours)
    kept = [] if everything else [volume for volume in volumes if engine.CACHE_LABEL in (volume.attrs["Labels"] or {})]
    _each("volumes", [volume for volume in volumes if volume not in kept], lambda volume: volume.remove(force=True))


def _images() -> Iterator[str]:
    """Yield the names of the images that were made here; those that were pulled are left alone."""
    made = {f"{name}:latest" for name in images.NAMES}
    made |= {name for name in (base_images.DEBIAN, base_images.BUILDKIT) if recipe.exists(name) and not base_images.pulled(name)}
    for image in engine.connect().images.list():
        yield from (tag for tag in image.tags if tag in made or tag.startswith("local-cicd/"))


def _each(what: str, found: Iterable[Any], action: Callable[[Any], object]) -> None:
    """Remove things one by one; one that can't be removed is named and does not stop the others."""
    removed = 0
    for thing in found:
        try:
            action(thing)
            removed += 1
        except DockerException as error:
            progress.say(f"    {getattr(thing, 'name', thing)} stays: {error}")
    progress.say(f"{what}: {removed} removed")


def _empty_cache() -> None:
    """Empty the cache folder, but for the environment that this runs in."""
    environment = Path(sys.prefix)
    for entry in cache_dir().iterdir():
        if entry == environment:
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    progress.say(f"cache: {cache_dir()} emptied, but for the environment of ./dev itself")

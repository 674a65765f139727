"""Networks and containers that live as long as a `with` block."""

import io
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from docker.errors import DockerException
from docker.models.containers import Container
from docker.types import Mount

from devtools import engine
from devtools.errors import DevError

READY_SECONDS = 30.0

_kept: set[str] = set()


def keep(net: str) -> None:
    """Let a network and all that is on it outlive their `with` blocks, until `./dev clean`."""
    _kept.add(net)


@contextmanager
def network(name: str) -> Iterator[str]:
    """Make a network and remove it, with whatever containers are still on it, at the end; yields its name."""
    client = engine.connect()
    unique = engine.unique(name)
    made = client.networks.create(unique, driver="bridge", labels=engine.labels(unique))
    try:
        yield unique
    finally:
        if unique not in _kept:
            for container in client.containers.list(all=True, filters={"network": unique}):
                remove(container)
            made.remove()


@contextmanager
def container_on(  # noqa: PLR0913  each is something that a container may have
    net: str,
    image: str,
    command: Sequence[str],
    *,
    alias: str,
    port: int,
    entrypoint: Sequence[str] | None = None,
    files: Mapping[str, bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    volumes: Sequence[str] = (),
    rights: engine.Privileges | None = None,
) -> Iterator[tuple[Container, int]]:
    """Start a container under an alias on the network, one port of it published on 127.0.0.1; yields it and the port on this machine.

    `entrypoint` replaces the image's. `volumes` are `name-or-path:place[:mode]`, or just `place` for one that goes with the container.
    """
    client = engine.connect()
    api = client.api
    settings = api.create_host_config(
        port_bindings={port: ("127.0.0.1", None)},
        binds=[volume for volume in volumes if ":" in volume],
        network_mode=net,
        **(rights.arguments if rights else {}),
    )
    if rights and not rights.privileged:
        # What the docker command makes of `--security-opt systempaths=unconfined`; docker-py has no word for it.
        settings |= {"MaskedPaths": [], "ReadonlyPaths": []}
    answer = api.create_container(
        image,
        list(command),
        entrypoint=None if entrypoint is None else list(entrypoint),
        name=f"{net}-{alias}",
        hostname=alias,
        labels=engine.labels(net),
        environment=dict(environment or {}),
        ports=[port],
        volumes=[volume.split(":")[1] if ":" in volume else volume for volume in volumes],
        host_config=settings,
        networking_config={"EndpointsConfig": {net: api.create_endpoint_config(aliases=[alias])}},
    )
    made = client.containers.get(answer["Id"])
    try:
        for place, content in (files or {}).items():
            put_file(made, place, content)
        made.start()
        made.reload()
        published = made.ports.get(f"{port}/tcp")
        if not published:
            raise _not_ready(made, alias)  # it has exited already
        yield made, int(published[0]["HostPort"])
    finally:
        if net not in _kept:
            remove(made)


@contextmanager
def waiting(
    image: str, *, name: str, net: str | None = None, folders: Mapping[str, Path] | None = None, output: Path | None = None
) -> Iterator[Container]:
    """Start a container that does nothing, for programs to be run in it; `folders` are mounted to be read, `output` on /out."""
    client = engine.connect()
    # Mounts and not volumes: the places of volumes would be part of an image that is made of the container.
    mounts = [Mount(place, str(folder), type="bind", read_only=True) for place, folder in (folders or {}).items()]
    mounts += [Mount("/out", str(output), type="bind")] if output else []
    made = client.containers.create(
        image, ["sleep", "infinity"], entrypoint=[], name=name, network=net, mounts=mounts, labels=engine.labels(net or name)
    )
    try:
        made.start()
        yield made
    finally:
        remove(made)


def until(ready: Callable[[], bool], container: Container, what: str) -> None:
    """Wait until a container is ready; an error with its last log lines where it exits or takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        container.reload()
        if container.status == "exited" or time.monotonic() > deadline:
            raise _not_ready(container, what)
        time.sleep(0.05)


def remove(container: Container) -> None:
    """Remove a container with its anonymous volumes, whatever state it is in."""
    try:
        container.remove(force=True, v=True)
    except DockerException as error:
        # Removed at the same moment by somebody else: by `--rm`, or by whoever ended the network.
        if "is already in progress" not in str(error) and "No such container" not in str(error):
            raise


def put_file(container: Container, place: str, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file into a container, which need not have been started; its folder is made."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(place.lstrip("/"))
        member.size, member.mode, member.mtime = len(content), mode, int(time.time())
        archive.addfile(member, io.BytesIO(content))
    container.put_archive("/", buffer.getvalue())


def execute(container: Container, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Run a program in a running container; returns its exit code and what it printed on either stream."""
    output = io.BytesIO()
    return stream(container, argv, output, environment), output.getvalue()


def stream(
    container: Container, argv: Sequence[str], output: BinaryIO, environment: Mapping[str, str] | None = None, *, folder: str | None = None
) -> int:
    """Run a program in a running container, write what it prints to `output` while it runs, and return its exit code."""
    api = engine.connect().api
    job = api.exec_create(container.id or "", list(argv), environment=dict(environment or {}), workdir=folder)["Id"]
    connection: Any = api.exec_start(job, socket=True)
    frames = io.BufferedReader(connection)
    try:
        # Docker's stream format: which stream it is (4 bytes), the length, the bytes.
        while header := frames.read(8):
            output.write(frames.read(int.from_bytes(header[4:], "big")))
    finally:
        frames.detach()
        # docker-py keeps the connection of an exec out of its pool, and leaves closing it to the garbage collector.
        connection._response.close()  # noqa: SLF001
    return int(api.exec_inspect(job)["ExitCode"])


def named_volume(name: str) -> str:
    """Make a volume that outlives its container, until `./dev clean --all`, and return its name."""
    engine.connect().volumes.create(name, labels={**engine.labels(name), engine.CACHE_LABEL: "1"})
    return name


def _not_ready(container: Container, what: str) -> DevError:
    log = container.logs(tail=15).decode(errors="replace")
    return DevError(f"{what} did not get ready; the end of its log:\n{log}")

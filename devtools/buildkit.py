"""A buildkitd in a container, with or without mTLS."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError
from docker.models.containers import Container

from devtools import base_images, engine
from devtools.containers import container_on, execute, named_volume, until
from devtools.registry import Certificate

PORT = 1234
FOLDER = "/etc/buildkit"
STOP_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """A running buildkitd."""

    container: Container
    inside: str
    """Address on the network, tcp://host:port."""
    host: str
    """Address on this machine, tcp://host:port."""
    platforms: tuple[str, ...]
    """What it can build for, such as linux/amd64."""


@contextmanager
def buildkit(
    net: str,
    *,
    alias: str = "buildkit",
    config: str = "",
    tls: Certificate | None = None,
    volume: str | None = None,
    files: Mapping[str, bytes] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Builder]:
    """Start a buildkitd with this buildkitd.toml; fresh, or with the state of a named volume.

    With `tls.client_ca` it wants a certificate of its clients (mTLS). `files` are put into the container, by their
    absolute paths; `environment` is that of buildkitd.
    """
    contents = {f"{FOLDER}/buildkitd.toml": config.encode(), **(files or {})}
    command = ["--addr", "unix:///run/buildkit/buildkitd.sock", "--addr", f"tcp://0.0.0.0:{PORT}"]
    if tls:
        contents |= {f"{FOLDER}/cert.pem": tls.cert.read_bytes(), f"{FOLDER}/key.pem": tls.key.read_bytes()}
        command += ["--tlscert", f"{FOLDER}/cert.pem", "--tlskey", f"{FOLDER}/key.pem"]
        if tls.client_ca:
            contents[f"{FOLDER}/ca.pem"] = tls.client_ca.read_bytes()
            command += ["--tlscacert", f"{FOLDER}/ca.pem"]
    image = base_images.ensure_buildkit()
    rights = engine.privileges()
    state = f"{named_volume(volume)}:/var/lib/buildkit" if volume else "/var/lib/buildkit"
    volumes = [state, *rights.mounts]
    with container_on(
        net, image, command, alias=alias, port=PORT, files=contents, volumes=volumes, rights=rights, environment=environment
    ) as (container, port):
        workers: list[dict[str, Any]] = []

        def answers() -> bool:
            # The socket, because the TCP address may want a client certificate.
            try:
                code, output = execute(container, ["buildctl", "debug", "workers", "--format", "{{json .}}"])
            except APIError:
                return False  # it has exited
            if code == 0:
                workers.extend(json.loads(output))
            return code == 0

        until(answers, container, alias)
        platforms = {f"{found['os']}/{found['architecture']}" for worker in workers for found in worker["platforms"]}
        try:
            yield Builder(
                container=container, inside=f"tcp://{alias}:{PORT}", host=f"tcp://127.0.0.1:{port}", platforms=tuple(sorted(platforms))
            )
        finally:
            if volume:
                # What is removed is killed; the state on the volume is for the next one.
                container.stop(timeout=STOP_SECONDS)


def buildkitd_toml(*, mirror: str | None = None, http: Sequence[str] = ()) -> str:
    """Return a buildkitd.toml in which `mirror` stands for docker.io and the registries in `http` are reached by plain http."""
    text = f'[registry."docker.io"]\n  mirrors = ["{mirror}"]\n' if mirror else ""
    plain = dict.fromkeys([*http, *([mirror] if mirror else [])])
    return text + "".join(f'[registry."{name}"]\n  http = true\n' for name in plain)

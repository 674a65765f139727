"""A registry (Debian's docker-registry) in a container, and one that stands for docker.io with the base images in it."""

import hashlib
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from devtools import base_images, engine, progress, recipe, tools_image
from devtools.containers import container_on, named_volume, network, until
from devtools.errors import DevError
from devtools.locks import alone

PORT = 5000
FOLDER = "/etc/local-cicd"
# What the mirror has; docker-buildx's own container driver asks for the second name of BuildKit.
MIRRORED = {
    base_images.DEBIAN: (f"library/{base_images.DEBIAN}",),
    base_images.BUILDKIT: (base_images.BUILDKIT, "moby/buildkit:buildx-stable-1"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate of a server, and the CA that its clients must show a certificate of."""

    cert: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A running docker-registry."""

    container: Container
    inside: str
    """host:port on the network."""
    host: str
    """host:port on this machine."""
    scheme: str = "http"
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@contextmanager
def registry(
    net: str,
    *,
    alias: str = "registry",
    tls: Certificate | None = None,
    htpasswd: tuple[str, str] | None = None,
    volume: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> Iterator[Registry]:
    """Start an empty registry, or one on a named volume.

    `htpasswd` is (user, password); `config` replaces keys of the top level of docker-registry's configuration.
    """
    settings = _config(tls=tls, htpasswd=htpasswd) | dict(config or {})
    environment = {"REGISTRY_USER": htpasswd[0], "REGISTRY_WORD": htpasswd[1]} if htpasswd else {}
    files = {f"{FOLDER}/registry.json": json.dumps(settings).encode()}
    if tls:
        files |= {f"{FOLDER}/cert.pem": tls.cert.read_bytes(), f"{FOLDER}/key.pem": tls.key.read_bytes()}
    volumes = [f"{named_volume(volume)}:/var/lib/registry"] if volume else ["/var/lib/registry"]
    image = tools_image.ensure()
    with container_on(net, image, _command(htpasswd), alias=alias, port=PORT, files=files, environment=environment, volumes=volumes) as (
        container,
        port,
    ):
        scheme = "https" if tls else "http"
        until(lambda: _answers(port, scheme), container, alias)
        user, password = htpasswd or (None, None)
        address = f"127.0.0.1:{port}"
        yield Registry(container=container, inside=f"{alias}:{PORT}", host=address, scheme=scheme, username=user, password=password)


@contextmanager
def mirror(net: str, *, alias: str = "mirror") -> Iterator[Registry]:
    """Start the registry that stands for docker.io: it has library/debian:trixie-slim and moby/buildkit."""
    with _volumeless(net, mirror_image(), alias) as hub:
        yield hub


def mirror_image() -> str:
    """See to it that the engine has the mirror's image and return its name, which ends in the hash of what it holds."""
    base_images.ensure()
    tools = tools_image.ensure()
    client = engine.connect()
    parts = [*(client.images.get(image).id for image in (tools, *MIRRORED)), str(MIRRORED)]
    name = f"local-cicd/mirror:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]}"
    if not recipe.exists(name):
        with alone("mirror"):
            if not recipe.exists(name):
                _make_mirror(name, tools)
                recipe.forget_others(name)
    return name


def _make_mirror(name: str, tools: str) -> None:
    with progress.step(f"making the image {name}") as step, network("mirror") as net, _volumeless(net, tools, "mirror") as hub:
        for image, places in MIRRORED.items():
            for place in places:
                step.detail = f"pushing {place}"
                push(image, f"{hub.host}/{place}")
        step.detail = "committing"
        recipe.commit(hub.container, name)


def push(image: str, reference: str) -> None:
    """Push an image of the engine to `reference`, 127.0.0.1:port/repository:tag: to that address engines speak plain http."""
    client = engine.connect()
    repository, tag = reference.rsplit(":", 1)
    client.images.get(image).tag(repository, tag)
    try:
        for event in client.images.push(repository, tag=tag, stream=True, decode=True):
            if "error" in event:
                raise DevError(f"pushing {image} to {reference} failed: {event['error']}")
    finally:
        client.images.remove(reference, noprune=True)


@contextmanager
def _volumeless(net: str, image: str, alias: str) -> Iterator[Registry]:
    """Start a registry whose data is in the container itself, so that a commit takes it along."""
    files = {f"{FOLDER}/registry.json": json.dumps(_config()).encode()}
    with container_on(net, image, _command(None), alias=alias, port=PORT, files=files) as (container, port):
        until(lambda: _answers(port, "http"), container, alias)
        yield Registry(container=container, inside=f"{alias}:{PORT}", host=f"127.0.0.1:{port}")


def _config(*, tls: Certificate | None = None, htpasswd: tuple[str, str] | None = None) -> dict[str, Any]:
    """Return the configuration as docker-registry reads it (YAML, of which JSON is a part)."""
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": "/var/lib/registry"},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {"addr": f":{PORT}"},
    }
    if tls:
        config["http"]["tls"] = {"certificate": f"{FOLDER}/cert.pem", "key": f"{FOLDER}/key.pem"}
        if tls.client_ca:
            raise DevError("the registry asks no client for a certificate")
    if htpasswd:
        config["auth"] = {"htpasswd": {"realm": "local-cicd", "path": "/run/htpasswd"}}
    return config


def _command(htpasswd: tuple[str, str] | None) -> list[str]:
    serve = f"exec docker-registry serve {FOLDER}/registry.json"
    if htpasswd:
        # docker-registry takes bcrypt only; perl-base is in every Debian, and its crypt() knows it.
        crypt = r"""perl -e 'print "$ENV{REGISTRY_USER}:", crypt($ENV{REGISTRY_WORD}, "\$2b\$05\$localcicdlocalcicdlocau"), "\n"'"""
        return ["sh", "-c", f"{crypt} >/run/htpasswd && {serve}"]
    return ["sh", "-c", serve]


def _answers(port: int, scheme: str) -> bool:
    if scheme == "https":
        # Whether it is up, no more; certificates are what the tests are about.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection("127.0.0.1", port, timeout=2, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

"""The Docker engine: one that answers is used as it is, else docker.io is installed and dockerd started by hand."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import docker
import requests
from docker.errors import DockerException

from devtools.errors import DevError

LABEL = "local-cicd"
DEFAULT_HOST = "unix:///var/run/docker.sock"
INSTANCE_LABEL = "local-cicd.instance"
CACHE_LABEL = "local-cicd.cache"
CAPABILITIES = (
    "SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "MKNOD", "SYS_CHROOT", "NET_RAW", "AUDIT_WRITE", "DAC_READ_SEARCH", "IPC_LOCK", "SYS_NICE",
)  # fmt: skip
# Commits and builds are silent for long; those who wait for something have deadlines of their own.
REQUEST_SECONDS = 3600
UNCONFINED = ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Privileges:
    """What a container with a buildkitd in it needs on this engine."""

    privileged: bool

    @property
    def cli_flags(self) -> list[str]:
        """The flags for `docker run`; a volume on /var/lib/buildkit comes on top."""
        if self.privileged:
            return ["--privileged"]
        flags = [f"--cap-add={name}" for name in CAPABILITIES] + [f"--security-opt={option}" for option in UNCONFINED]
        return [*flags, "--volume=/sys/fs/cgroup:/sys/fs/cgroup"]

    @property
    def arguments(self) -> dict[str, Any]:
        """The same for docker-py's `create_host_config`, but `mounts`, and systempaths, for which docker-py has no word."""
        if self.privileged:
            return {"privileged": True}
        options = [option for option in UNCONFINED if not option.startswith("systempaths=")]
        return {"cap_add": list(CAPABILITIES), "security_opt": options}

    @property
    def mounts(self) -> list[str]:
        """The bind mounts, `source:target:mode`."""
        return [] if self.privileged else ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]


@cache
def connect() -> docker.DockerClient:
    """Return a client of the engine that answers; an error where none does (`devtools.dockerd` starts one)."""
    host = address()
    if not answers(host):
        raise DevError("no Docker engine answers", hint="./dev test and ./dev demo start one; or start yours")
    if host:
        # Programs that are started from here (docker, for one) must speak to the same engine.
        os.environ["DOCKER_HOST"] = host
    return docker.DockerClient(base_url=host, timeout=REQUEST_SECONDS)


def answers(host: str | None, *, timeout: int = 30) -> bool:
    """Tell whether an engine answers at `host` (None: the default socket)."""
    if not _listens(host or DEFAULT_HOST):
        return False
    try:
        client = docker.DockerClient(base_url=host, timeout=timeout)
    except (DockerException, requests.RequestException):
        return False
    try:
        return bool(client.ping())
    except (DockerException, requests.RequestException):
        return False
    finally:
        client.close()


def address() -> str | None:
    """Return the engine's address: DOCKER_HOST, else that of the docker command's context, which docker-py does not read."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    if shutil.which("docker") is None:
        return None
    shown = subprocess.run(["docker", "context", "inspect"], check=False, capture_output=True, text=True, timeout=30)
    if shown.returncode != 0:
        return None
    endpoint = json.loads(shown.stdout)[0].get("Endpoints", {}).get("docker", {})
    return endpoint.get("Host") or None


def labels(instance: str) -> dict[str, str]:
    """Return the labels of everything that is made here, by which `./dev clean` finds it."""
    return {LABEL: "1", INSTANCE_LABEL: instance}


def unique(name: str) -> str:
    """Return a name that no other run uses."""
    return f"{LABEL}-{name}-{secrets.token_hex(4)}"


@cache
def privileges() -> Privileges:
    """Find out, by running `true` once, whether this engine can start privileged containers."""
    from devtools.base_images import DEBIAN  # noqa: PLC0415  base_images itself speaks to the engine

    container = connect().containers.create(DEBIAN, ["true"], privileged=True, network_mode="none", labels=labels("privileges"))
    try:
        container.start()
    except DockerException:
        return Privileges(privileged=False)
    else:
        return Privileges(privileged=True)
    finally:
        container.remove(force=True)


def _listens(host: str) -> bool:
    """Tell whether somebody listens at a Unix socket: docker-py does not close the one with which it finds nobody."""
    if not host.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(host.removeprefix("unix://")) == 0


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that containers are removed and the engine is stopped as on Ctrl-C."""

    def leave(number: int, _frame: object) -> None:
        # The clean-up has begun; a second one must not end it half-way.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

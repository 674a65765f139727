"""The BuildKit inside the `-embedded` image: its configuration, its start, and why it can't."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_kit import process
from plugin_kit.access import ca_cert
from plugin_kit.console import Console
from plugin_kit.errors import BuilderError
from plugin_kit.http import pem_text
from plugin_kit.reference import DOCKER_HUB
from registry_push.plan import Plan

if TYPE_CHECKING:
    from registry_push.settings import Settings

_STATE = Path("/var/lib/buildkit")
_PATIENCE = 30.0
_SYS_ADMIN = 21
_PRIVILEGED = (
    "Woodpecker: add the image's full name and tag (registry.lan:5000/registry-push-embedded:1.0) to WOODPECKER_PLUGINS_PRIVILEGED; "
    "docker run: add --privileged; or set `builder` to a BuildKit that stays: then no privileges are needed"
)


@contextmanager
def started(plan: Plan, settings: "Settings", console: Console, folder: Path) -> Iterator[str]:
    """Run buildkitd as long as the block lasts and give its address; raises BuilderError when it can't run."""
    program = demand_program()
    if not _may_mount():
        raise BuilderError("the embedded BuildKit can't start: the step is not privileged", hint=_PRIVILEGED)
    config = folder / "buildkitd.toml"
    config.write_text(toml(plan, settings, folder), encoding="utf-8")
    address = f"unix://{folder}/buildkitd.sock"
    argv = [program, "--config", str(config), "--addr", address, "--root", str(_STATE), "--oci-worker-gc=false"]
    begin = time.monotonic()
    with process.start(argv) as daemon:
        _wait(daemon, folder / "buildkitd.sock")
        console.detail(f"embedded BuildKit is up after {time.monotonic() - begin:.2f}s")
        yield address


def demand_program() -> str:
    """Find buildkitd; raises BuilderError in an image that has none."""
    program = shutil.which("buildkitd")
    if not program:
        raise BuilderError(
            "there is no builder: this image has no BuildKit inside, and neither `builder` nor BUILDKIT_HOST names one",
            hint="set `builder: tcp://host:1234`, or use the image registry-push-embedded (its step must be privileged)",
        )
    return program


def toml(plan: Plan, settings: "Settings", folder: Path) -> str:
    """Write buildkitd.toml: how to talk to the registry and to mirrors (buildkit docs/buildkitd.toml.md)."""
    sections: dict[str, list[str]] = {}
    if settings.mirrors:
        bare = [mirror.split("://", 1)[-1] for mirror in settings.mirrors]
        sections[DOCKER_HUB] = [f"mirrors = [{', '.join(_quoted(mirror) for mirror in bare)}]"]
        for mirror, host in zip(settings.mirrors, bare, strict=True):
            if mirror.startswith("http://"):
                sections[host] = ["http = true"]
    lines = sections.setdefault(plan.registry.host, [])
    if settings.insecure and plan.registry.scheme != "https":
        lines += [line for line in ("http = true", "insecure = true") if line not in lines]
    elif settings.insecure:
        lines.append("insecure = true")
    ca = ca_cert(settings, plan.registry.host)
    if ca:
        path = folder / "registry-ca.pem"
        path.write_text(pem_text(ca), encoding="utf-8")
        lines.append(f"ca = [{_quoted(str(path))}]")
    text = "".join(f"[registry.{_quoted(host)}]\n" + "".join(f"  {line}\n" for line in body) for host, body in sections.items() if body)
    return f"{text}{settings.buildkit_config or ''}\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _may_mount() -> bool:
    """Whether this process holds CAP_SYS_ADMIN, without which no container can be started inside this one."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _SYS_ADMIN & 1)
    return True


def _wait(daemon: process.Child, socket_file: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while daemon.poll() is None and time.monotonic() < deadline:
        if socket_file.exists():
            return
        time.sleep(0.02)
    complaints = [line for line in daemon.tail() if "level=error" in line or "level=fatal" in line or line.startswith("buildkitd:")]
    raise BuilderError(
        "the embedded BuildKit did not start",
        details=[*(complaints or daemon.tail())[-5:]],
        hint=_PRIVILEGED
        if any("permitted" in line or "permission" in line for line in daemon.tail())
        else "the lines above are BuildKit's own",
    )

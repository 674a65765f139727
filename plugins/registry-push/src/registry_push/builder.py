"""The BuildKit that builds: one that stays, or the one inside the `-embedded` image."""

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from plugin_kit.console import Console
from plugin_kit.errors import BuilderError
from plugin_kit.http import pem_text, reason_of
from registry_push import embedded, handshake
from registry_push.buildx import Buildx
from registry_push.plan import Plan

if TYPE_CHECKING:
    from registry_push.settings import Settings

_PATIENCE = 10.0


def addresses(settings: "Settings") -> tuple[str, ...]:
    """Return the builders that settings or BUILDKIT_HOST name; none means embedded."""
    host = os.environ.get("BUILDKIT_HOST", "")
    return tuple(settings.builder) or ((host,) if host else ())


@contextmanager
def connected(buildx: Buildx, plan: Plan, settings: "Settings", console: Console) -> Iterator[None]:
    """Make buildx use the plan's builder, started if it is the embedded one; raises BuilderError where there is none."""
    if plan.embedded:
        with embedded.started(plan, settings, console, buildx.folder) as address:
            buildx.use([address], {})
            yield
        return
    options = _tls_options(settings, buildx.folder)
    for address in plan.builders:
        _reach(address, options)
    buildx.use(plan.builders, options)
    yield


def _reach(address: str, tls: Mapping[str, str]) -> None:
    """Knock before buildx does: it waits long and says little."""
    parts = urlsplit(address)
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            if parts.scheme == "unix":
                with socket.socket(socket.AF_UNIX) as knock:
                    knock.connect(parts.path)
            else:
                with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as knock:
                    handshake.check(knock, address, tls)
        except OSError as error:
            # A BuildKit that is just being restarted is back in a second or two.
            if time.monotonic() < deadline and not isinstance(error, socket.gaierror):
                time.sleep(0.5)
                continue
            raise BuilderError(
                f"can't reach the builder {address}: {reason_of(error)}",
                hint="check that BuildKit runs there and that `builder` is its address as seen from this step",
            ) from None
        return


def _tls_options(settings: "Settings", folder: Path) -> dict[str, str]:
    key = settings.builder_key.get_secret_value() if settings.builder_key else None
    options = {}
    for option, name, value in (
        ("cacert", "builder_ca", settings.builder_ca),
        ("cert", "builder_cert", settings.builder_cert),
        ("key", "builder_key", key),
    ):
        if not value:
            continue
        path = folder / f"{option}.pem"
        path.touch(mode=0o600)
        try:
            path.write_text(pem_text(value), encoding="utf-8")
        except OSError as error:
            raise BuilderError(f"{name}: neither PEM nor a file that can be read ({error.strerror})") from None
        options[option] = str(path)
    return options


def describe(addresses: Sequence[str]) -> str:
    """Name the builder for the log."""
    return "the embedded BuildKit" if not addresses else " + ".join(addresses)

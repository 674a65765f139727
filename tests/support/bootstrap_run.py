"""Runs of bootstrap on the tests' control plane, with components made of whatever resources a test wants."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.core.component import Component
from bootstrap.core.context import Context, Options
from bootstrap.core.resource import Resource
from bootstrap.core.transport import Wrap
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane, programs
from devtools.platform.run import Run, opened

# One wait of a test: long for a busy machine, and only ever as long when something is wrong.
WAIT = "60s"


def a_platform(namespace: str = "local-cicd", **more: Any) -> Platform:  # noqa: ANN401  keys of platform.yaml
    """Return a platform of which nothing but what the core reads is of interest."""
    external = {"mode": "external"}
    usual = {
        "domain": "example.lan",
        "namespace": namespace,
        "prerequisites": {"cert_manager": external},
        "gitea": external,
        "registry": external,
        "timeouts": {"ready": WAIT, "deleted": WAIT},
    }
    return Platform.model_validate({**usual, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A component of given resources, or of those that a function returns."""

    parts: Sequence[Resource] | Callable[[Context], Sequence[Resource]]
    name: str = "parts"
    title: str = "Parts"
    needs: tuple[str, ...] = ()

    def enabled(self, platform: Platform) -> bool:
        """Say yes."""
        del platform
        return True

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return them."""
        return self.parts(context) if callable(self.parts) else self.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """How runs on one control plane are made."""

    plane: ControlPlane | None
    """None where a kubeconfig is all there is, as in a child process."""
    helm: str = "helm3"
    user: str = "admin"
    platform: Platform = field(default_factory=a_platform)
    kubeconfig: Path | None = None

    @contextmanager
    def engine(self, *components: Component, wrap: Wrap | None = None, options: Options | None = None) -> Iterator[Run]:
        """Start a run; `wrap` is put between it and the API server."""
        file = self.kubeconfig or (self.plane.kubeconfig(self.user) if self.plane else None)
        helm = programs.command(self.helm)[0]
        with opened(self.platform, components, kubeconfig=file, helm=helm, wrap=wrap, options=options) as run:
            yield run

"""Runs of bootstrap on the tests' control plane, with components made of whatever resources a test wants."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.core.cluster import Cluster
from bootstrap.core.component import Component
from bootstrap.core.connection import Connection
from bootstrap.core.context import Context, Options
from bootstrap.core.engine import Engine
from bootstrap.core.helm import Helm
from bootstrap.core.lease import Unheld
from bootstrap.core.resource import Resource
from bootstrap.core.transport import Wrap
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane, programs
from plugin_kit.console import Console

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
    def engine(self, *components: Component, wrap: Wrap | None = None, options: Options | None = None) -> Iterator["Run"]:
        """Start a run; `wrap` is put between it and the API server."""
        file = self.kubeconfig or (self.plane.kubeconfig(self.user) if self.plane else None)
        connection = Connection.find(kubeconfig=file)
        out = io.StringIO()
        console = Console(out, colour=False)
        with ExitStack() as stack:
            # Where a line is cut on purpose, to try again takes time for nothing.
            patience: dict[str, Any] = {} if wrap is None else {"wrap": wrap, "retry_for": 0.0}
            cluster = stack.enter_context(Cluster(connection, **patience))
            helm = stack.enter_context(Helm(connection, program=programs.command(self.helm)[0]))
            context = Context(
                platform=self.platform,
                cluster=cluster,
                helm=helm,
                console=console,
                guard=Unheld(cluster, self.platform.namespace),
                options=options or Options(),
            )
            yield Run(engine=Engine(context, components), out=out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run, and what it has printed."""

    engine: Engine
    out: io.StringIO

    @property
    def context(self) -> Context:
        """What it has at hand."""
        return self.engine.context

    @property
    def cluster(self) -> Cluster:
        """Its cluster."""
        return self.engine.context.cluster

    @property
    def printed(self) -> str:
        """What a person has read so far."""
        return self.out.getvalue()

"""One run of bootstrap in this process, on a control plane: the engine with what it needs, and what it has printed."""

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.components import COMPONENTS
from bootstrap.core.clock import Clock, SystemClock
from bootstrap.core.cluster import Cluster
from bootstrap.core.component import Component
from bootstrap.core.connection import Connection
from bootstrap.core.context import Context, Options
from bootstrap.core.engine import Engine
from bootstrap.core.helm import Helm
from bootstrap.core.lease import Unheld
from bootstrap.core.transport import Wrap
from bootstrap.platform.platform import Platform
from plugin_kit.console import Console


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


@contextmanager
def opened(
    platform: Platform,
    components: Sequence[Component],
    *,
    kubeconfig: Path | None,
    helm: str,
    folder: Path | None = None,
    wrap: Wrap | None = None,
    options: Options | None = None,
    clock: Clock | None = None,
    helm_kubeconfig: Path | None = None,
) -> Iterator[Run]:
    """Start a run; `wrap` is put between it and the API server. `helm` is the program, `folder` that of platform.yaml.

    Without a `clock` that knows what waiting is for, a run with `wrap` tries nothing again. Helm may have another way to the API server.
    """
    connection = Connection.find(kubeconfig=kubeconfig)
    way_of_helm = Connection.find(kubeconfig=helm_kubeconfig) if helm_kubeconfig else connection
    out = io.StringIO()
    console = Console(out, colour=False)
    context: Context
    with ExitStack() as stack:
        # Where a line is cut on purpose, to try again takes time for nothing.
        patience: dict[str, Any] = {} if wrap is None else {"wrap": wrap} if clock else {"wrap": wrap, "retry_for": 0.0}
        cluster = stack.enter_context(Cluster(connection, clock=clock, **patience))
        program = stack.enter_context(Helm(way_of_helm, program=helm, known_secrets=lambda: context.secrecy.known))
        context = Context(
            platform=platform,
            cluster=cluster,
            helm=program,
            console=console,
            guard=Unheld(cluster, platform.namespace),
            options=options or Options(),
            folder=folder or Path.cwd(),
            clock=clock or SystemClock(),
        )
        stack.callback(context.close)
        yield Run(engine=Engine(context, components, whole=components is COMPONENTS), out=out)

"""A run on the cluster that a platform.yaml is about: everything that the engine needs, opened and closed."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.components import COMPONENTS
from bootstrap.core.cluster import Cluster
from bootstrap.core.component import Component
from bootstrap.core.connection import Connection
from bootstrap.core.context import Context, Options
from bootstrap.core.engine import Engine
from bootstrap.core.errors import ClusterError
from bootstrap.core.helm import Helm
from bootstrap.core.lease import Unheld
from bootstrap.platform.load import load
from plugin_kit.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open run."""

    context: Context

    @classmethod
    @contextmanager
    def open(
        cls,
        file: Path,
        console: Console,
        *,
        kubeconfig: Path | None = None,
        helm: str = "helm",
        options: Options | None = None,
        allow_plain_secrets: bool = False,
        warned: bool = True,
    ) -> Iterator["Session"]:
        """Read the file and connect to its cluster; raises PluginError with everything that is wrong with the file.

        What is only odd about it is said where it is `warned` of: not to somebody who is in a hurry about something else.
        """
        loaded = load(file, allow_plain_secrets=allow_plain_secrets)
        for warning in loaded.warnings if warned else ():
            console.warn(warning)
        platform = loaded.platform
        connection = Connection.find(kubeconfig=kubeconfig, context=platform.context)
        if platform.context is not None and platform.context != connection.context:
            raise ClusterError(
                f"{file} is about the context {platform.context}, and this is {connection.context}", hint="name its kubeconfig"
            )
        with ExitStack() as stack:
            cluster = stack.enter_context(Cluster(connection, timeout=platform.timeouts.request.total_seconds()))
            context: Context
            program = stack.enter_context(Helm(connection, program=helm, known_secrets=lambda: context.secrecy.known))
            context = Context(
                platform=platform,
                cluster=cluster,
                helm=program,
                console=console,
                guard=Unheld(cluster, platform.namespace),
                options=options or Options(),
                folder=file.resolve().parent,
            )
            stack.callback(context.close)
            yield cls(context=context)

    def engine(self, components: Sequence[Component]) -> Engine:
        """Make the engine of the components that the platform has."""
        return Engine(self.context, components, whole=components is COMPONENTS)

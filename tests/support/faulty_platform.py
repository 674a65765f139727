"""A platform behind a faulty line: all that a run says to the API server, to Gitea, to Woodpecker and to the registry goes over it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest import mock

import httpx
import yaml

from bootstrap.components import COMPONENTS
from bootstrap.core.component import Component
from bootstrap.core.context import Context
from bootstrap.core.errors import WaitError
from bootstrap.core.resource import Resource
from bootstrap.platform.platform import Platform, Timeouts
from devtools.platform.description import Document
from devtools.platform.run import Run, opened
from devtools.platform.world import PlatformWorld
from plugin_kit import http
from plugin_kit.errors import PluginError
from tests.support.faulty_line import Fate, Line, LineClock
from tests.support.line_proxy import LineProxy, Tls
from tests.support.processes import wait_for

Command = Callable[[Run], None]
# No component has half as many changes.
_MOST_RUNS = 150
_MOST_IN_VAIN = 5
_SETTLED_SECONDS = 30
_REGISTRY_SECONDS = 0.02
# A request that does not arrive may be waited for in vain, as that of Gitea's installation page.
_IMPATIENT = Timeouts(request=timedelta(seconds=10), ready=timedelta(seconds=10), deleted=timedelta(seconds=60))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """A component without those that it needs: they are in order."""

    component: Component
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        return self.component.name

    @property
    def title(self) -> str:
        """Its title."""
        return self.component.title

    def enabled(self, platform: Platform) -> bool:
        """Tell whether the platform has it."""
        return self.component.enabled(platform)

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return its resources."""
        return self.component.resources(context)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyPlatform:
    """A world whose platform.yaml has the addresses of proxies."""

    world: PlatformWorld
    line: Line
    clock: LineClock
    helm_kubeconfig: Path

    @classmethod
    @contextmanager
    def behind(cls, world: PlatformWorld) -> Iterator["FaultyPlatform"]:
        """Put a line before everything in a world."""
        line = Line()
        with ExitStack() as stack:
            servers = (world.gitea.url, world.woodpecker.url, world.registry.url)
            gitea, woodpecker, registry = [stack.enter_context(LineProxy.before(url, line)).url for url in servers]
            # Helm tries no change again: to it both fates are one.
            api = stack.enter_context(LineProxy.before(world.plane.url, line, tls=Tls.of(world.plane), fates=[Fate.ANSWER_LOST]))
            # Who speaks to the registry has no clock of the run, and waits for nothing but a broken line.
            stack.enter_context(mock.patch.object(http, "time", LineClock(line, longest=_REGISTRY_SECONDS)))

            def divert(document: Document) -> None:
                document["gitea"]["endpoint"]["bootstrap_url"] = gitea
                document["woodpecker"]["bootstrap_url"] = woodpecker
                document["registry"]["bootstrap_url"] = registry

            world.describe(divert)
            yield cls(world=world, line=line, clock=LineClock(line), helm_kubeconfig=_kubeconfig(world, api.url))

    @contextmanager
    def open(self, components: Sequence[Component], *, platform: Platform | None = None) -> Iterator[Run]:
        """Start a run of some components over the line, which is mended, when Gitea is not about to start again."""
        assert wait_for(self._is_settled, _SETTLED_SECONDS)
        self.line.mend()
        world = self.world
        with opened(
            platform or world.platform,
            components,
            kubeconfig=world.kubeconfig,
            helm=world.children.helm,
            folder=world.folder,
            wrap=self.line.wrap(),
            clock=self.clock,
            helm_kubeconfig=self.helm_kubeconfig,
        ) as run:
            yield run

    def disturbed(self, component: Component, command: Command, after_each: Callable[[], None] = lambda: None) -> int:
        """Run a command on a component over the faulty line until nothing breaks; look after each run, return how many there were."""
        platform = self.world.platform.model_copy(update={"timeouts": _IMPATIENT})
        in_vain = 0
        for number in range(1, _MOST_RUNS):
            before = self.line.breaks
            error = self._faulty_run(Alone(component=component), platform, command)
            broke = self.line.breaks > before
            # Nothing but the line may be wrong; but on a busy machine a wait may be too short.
            in_vain += error is not None and not broke
            assert error is None or broke or (isinstance(error, WaitError) and in_vain < _MOST_IN_VAIN), f"{error}\n{error.__notes__}"
            after_each()
            if error is None and not broke:
                return number
        raise AssertionError(f"{component.title} does not come to an end")

    def _faulty_run(self, component: Component, platform: Platform, command: Command) -> PluginError | None:
        with self.open([component], platform=platform) as run, self.line.faulty():
            try:
                command(run)
            except PluginError as error:
                error.add_note(run.printed)
                return error
        return None

    def _is_settled(self) -> bool:
        gitea = self.world.gitea
        if not gitea.installed.is_set():
            return True
        try:
            return gitea.world.settings.installed and httpx.get(f"{gitea.url}/api/healthz").is_success
        except httpx.TransportError:
            return False

    def components(self) -> list[Component]:
        """Return those that the platform has, in order."""
        return [each for each in COMPONENTS if each.enabled(self.world.platform)]


def _kubeconfig(world: PlatformWorld, url: str) -> Path:
    """Write that of Helm, which comes by the proxy."""
    document = yaml.safe_load(world.kubeconfig.read_text(encoding="utf-8"))
    for each in document["clusters"]:
        each["cluster"]["server"] = url
    file = world.folder / "helm.kubeconfig"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    file.chmod(0o600)
    return file

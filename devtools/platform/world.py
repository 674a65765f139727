"""A cluster, a Gitea, a Woodpecker and a registry for the platform of examples/stonks-oracle, and bootstrap to bring it up there."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bootstrap.components import COMPONENTS
from bootstrap.components.images.component import names
from bootstrap.components.woodpecker.values import webhook_host
from bootstrap.core.context import Options
from bootstrap.core.transport import Wrap
from bootstrap.platform.load import load
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane, programs
from devtools.gitea.server import StandIn as Gitea
from devtools.gitea.server import stand_in as gitea_stand_in
from devtools.gitea.world import Settings
from devtools.platform import clone, description, layouts, prerequisites, probes, provisioner, runner_controller, surroundings
from devtools.platform.api import Rest
from devtools.platform.children import Children
from devtools.platform.command import CommandLine
from devtools.platform.description import Document, Edit, Places
from devtools.platform.forge_of_pods import ForgeOfPods
from devtools.platform.image_registry import ImageRegistry
from devtools.platform.run import Run, opened
from devtools.platform.status_writer import StatusWriter
from devtools.woodpecker.server import StandIn as Woodpecker
from devtools.woodpecker.server import stand_in as woodpecker_stand_in

NODES = 2
# Everybody on k3s.
SYSTEM_ADMIN = "system:admin"
_BASE = b"a base that the images share"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformWorld:
    """Everything that there is before the first `up`; made by `start`."""

    folder: Path
    """That of platform.yaml."""
    plane: ControlPlane
    gitea: Gitea
    """It was deployed and never configured, as in the example."""
    woodpecker: Woodpecker
    registry: ImageRegistry
    writer: StatusWriter
    """Plays Kargo and Argo CD; cert-manager's Issuers and Certificates it leaves to who also makes their Secrets."""
    children: Children
    """How Helm and git were called."""
    rest: Rest
    """With `rest.on()` nobody plays, so that what is measured has the machine for itself."""
    secrets: Mapping[str, str]
    """What the example takes from the environment."""
    edit: Edit
    """What is changed in platform.yaml each time that it is written."""
    small: bool
    """Whether the charts are small ones of our own."""

    @classmethod
    @contextmanager
    def start(
        cls, folder: Path, *, helm: str = "helm3", small: bool = False, edit: Edit = description.nothing
    ) -> Iterator["PlatformWorld"]:
        """Start all of it, in a folder of its own that is made; `edit` changes the parsed platform.yaml before it is written.

        With `small` charts of our own, of a few objects each, stand for the real ones: `up` takes half the time. `helm` is `helm3` or
        `helm4`. Only the main thread can start one, and as long as it is there the environment has `secrets`.
        """
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        platform = description.example()
        children = Children.make(folder / "bin", helm=programs.command(helm)[0])
        given = {"STONKS_GITHUB_DEPLOY_KEY": _deploy_key()}
        for project in platform.projects:
            clone.make(folder / "sources" / project.name, project.name, project.chart_path)
        layouts.all_of(folder / "images", names(platform), shared=_BASE)
        with ExitStack() as stack:
            plane = stack.enter_context(_plane(folder / "plane"))
            surroundings.prepare(plane, platform)
            surroundings.install_runners(plane, platform, folder / "arc", programs.command(helm)[0])
            rest = Rest()
            writer = _play(stack, plane, platform, rest)
            registry = stack.enter_context(ImageRegistry.serving())
            gitea = stack.enter_context(gitea_stand_in(Settings(installed=False)))
            gitea.public_url = platform.gitea.endpoint.public_url
            woodpecker = stack.enter_context(_woodpecker(gitea, plane, platform))
            stack.enter_context(mock.patch.dict(os.environ, {**given, **_NO_SETTINGS}))
            world = cls(
                folder=folder,
                plane=plane,
                gitea=gitea,
                woodpecker=woodpecker,
                registry=registry,
                writer=writer,
                children=children,
                rest=rest,
                secrets=given,
                edit=edit,
                small=small,
            )
            world.describe()
            yield world

    @property
    def file(self) -> Path:
        """platform.yaml."""
        return self.folder / "platform.yaml"

    @property
    def kubeconfig(self) -> Path:
        """That of who may do everything."""
        return self.plane.admin_kubeconfig

    @property
    def platform(self) -> Platform:
        """What platform.yaml says at the moment."""
        return load(self.file).platform

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of a command: the cluster, the programs and the secrets are found there."""
        path = f"{self.children.folder}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, **self.secrets, **_NO_SETTINGS, "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    @property
    def command_line(self) -> CommandLine:
        """The real one: `run("plan", "--json")` to its end, `started("up", "--yes")` to be killed."""
        return CommandLine(folder=self.folder, environment=self.environment)

    @contextmanager
    def open(self, *, wrap: Wrap | None = None, options: Options | None = None) -> Iterator[Run]:
        """Start a run of all components in this process; `wrap` is put between it and the API server."""
        with opened(
            self.platform, COMPONENTS, kubeconfig=self.kubeconfig, helm=self.children.helm, folder=self.folder, wrap=wrap, options=options
        ) as run:
            yield run

    def use_helm(self, helm: str) -> None:
        """Let Helm be `helm3` or `helm4` from now on."""
        self.children.use("helm", programs.command(helm)[0])

    def describe(self, edit: Edit = description.nothing) -> Path:
        """Write platform.yaml anew: the example's with the addresses of here, changed as at the start and then by `edit`."""

        def both(document: Document) -> None:
            self.edit(document)
            edit(document)

        places = Places(gitea=self.gitea.url, registry=self.registry.url, woodpecker=self.woodpecker.url, clones=self.folder / "sources")
        return description.write(self.folder, places, both, small=self.small)


# git's own settings on this machine are not part of it.
_NO_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


def _plane(folder: Path) -> AbstractContextManager[ControlPlane]:
    return ControlPlane.start(folder, controllers=True, nodes=NODES, users={SYSTEM_ADMIN: ("system:masters",)})


def _play(stack: ExitStack, plane: ControlPlane, platform: Platform, rest: Rest) -> StatusWriter:
    stack.enter_context(prerequisites.signing(plane, secrets.token_hex(8), rest=rest))
    stack.enter_context(probes.answering(plane, platform.namespace, {**probes.REACHED, **probes.MOUNTED}, rest=rest))
    stack.enter_context(provisioner.provisioning(plane, rest=rest))
    if platform.arc is not None:
        stack.enter_context(runner_controller.working(plane, platform.arc.namespace, rest=rest))
    writer = stack.enter_context(StatusWriter(plane, rest=rest))
    writer.hold("Issuer", "Certificate")
    return writer


@contextmanager
def _woodpecker(gitea: Gitea, plane: ControlPlane, platform: Platform) -> Iterator[Woodpecker]:
    with woodpecker_stand_in(
        gitea=gitea.url,
        client_id="",
        client_secret="",
        host=platform.woodpecker.public_url,
        oauth_host=platform.gitea.endpoint.public_url,
        webhook_host=webhook_host(platform),
        admins=platform.woodpecker.admins,
    ) as server:
        chart = platform.woodpecker.chart
        server.world.forge = ForgeOfPods(gitea.url, plane, chart.namespace)
        server.world.connect(*(f"{chart.release}-agent-{number}" for number in range(platform.woodpecker.agents.replicas)))
        yield server


def _deploy_key() -> str:
    key = Ed25519PrivateKey.generate()
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()

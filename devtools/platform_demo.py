"""`./dev demo --platform`: the platform of examples/stonks-oracle comes up on a made-up cluster, is disturbed, goes, and comes back."""

import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from devtools import progress
from devtools.controlplane import programs
from devtools.errors import DevError
from devtools.platform.world import PlatformWorld
from plugin_kit.console import Console

# A Deployment of Argo CD's chart, which `helm upgrade` alone would leave as somebody has made it.
NAMESPACE, DEPLOYMENT = "argocd", "argocd-server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A command that was run."""

    command: str
    what: str
    seconds: float
    code: int


@dataclass(slots=True, kw_only=True)
class PlatformDemo:
    """The commands, one after the other; each must end as it should."""

    world: PlatformWorld
    console: Console
    rows: list[Row] = field(default_factory=list)

    def run(self) -> None:
        """Run them all."""
        self._bootstrap("plan", what="an empty cluster: what would be done", code=2)
        self._bootstrap("up", "--yes", what="it is done, and every object is waited for")
        self._bootstrap("up", "--yes", what="nothing is left to do, and nothing is touched", says="Nothing to do")
        self._by_hand()
        self._bootstrap("plan", what="what was changed by hand is seen", code=2, says=DEPLOYMENT)
        self._bootstrap("up", "--yes", what="and put right")
        self._bootstrap("status", what="all is in order")
        self._bootstrap("down", "--yes", what="the platform goes; volumes, secrets, code, images and applications stay")
        self._bootstrap("up", "--yes", what="and comes back with the same secrets and volumes")

    def show(self) -> None:
        """Print how long each took."""
        rows = [(row.command, row.what, f"{row.seconds:.1f}", str(row.code)) for row in self.rows]
        self.console.info("")
        self.console.table(("command", "what it was for", "seconds", "exit code"), rows, align="llrr")

    def _bootstrap(self, *arguments: str, what: str, code: int = 0, says: str = "") -> None:
        command = " ".join(("bootstrap", *arguments))
        self.console.info(f"\n$ {command}                    # {what}")
        begun, printed = time.monotonic(), []
        with self.world.command_line.started(*arguments) as child:
            for line in child.stdout or ():
                progress.say(f"  {line.rstrip()}".rstrip())
                printed.append(line)
            ended = child.wait()
        self.rows.append(Row(command=command, what=what, seconds=time.monotonic() - begun, code=ended))
        if ended != code:
            raise DevError(f"{command} ended with {ended} instead of {code}", hint="its output is above")
        if says and not any(says in line for line in printed):
            raise DevError(f"{command} did not say {says!r}", hint="its output is above")

    def _by_hand(self) -> None:
        arguments = ["scale", "--namespace", NAMESPACE, f"deployment/{DEPLOYMENT}", "--replicas=3"]
        self.console.info(f"\n$ {' '.join(('kubectl', *arguments))}                    # somebody is in a hurry")
        subprocess.run([*programs.command("kubectl"), *arguments], env=dict(self.world.environment), check=True)


def run(*, keep: bool) -> None:
    """Run the demo; DevError where a command did what it should not. With `keep` the cluster stays until Ctrl-C."""
    console = Console()
    console.info(
        "The platform of examples/stonks-oracle: API server, scheduler and controllers of Kubernetes are real, and so is Helm; the"
    )
    console.info("nodes are KWOK's and run nothing. Small servers play Gitea and Woodpecker, as real ones answered when that was recorded;")
    console.info("threads play what controllers of Kargo, Argo CD and cert-manager would write into a status.")
    programs.build("kubernetes", "etcd", "kwok", "kubectl", "helm3")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="local-cicd-platform-"))
        with progress.step("starting the cluster and what is around it"):
            world = stack.enter_context(PlatformWorld.start(Path(folder, "platform")))
        demo = PlatformDemo(world=world, console=console)
        demo.run()
        demo.show()
        if keep:
            console.info(f"\nThe cluster stays until Ctrl-C: KUBECONFIG={world.kubeconfig}, {world.file}")
            signal.pause()

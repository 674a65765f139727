"""`./dev demo --platform`: the platform of examples/stonks-oracle comes up on a made-up cluster, is disturbed, goes, and comes back.

Then a promotion waits at its market gate (devtools/promotion_demo.py).
"""

import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import yaml

from devtools import go_programs, kargo_expressions, progress
from devtools.controlplane import programs
from devtools.demo_terminal import Terminal
from devtools.kargo_promotion import Manifest
from devtools.paths import ROOT
from devtools.platform import clone
from devtools.platform.description import EXAMPLE, Document
from devtools.platform.gate_process import GateProcess, gate_process
from devtools.platform.world import SYSTEM_ADMIN, PlatformWorld
from devtools.promotion_demo import PromotionDemo, window
from plugin_kit.console import Console

# A Deployment of Argo CD's chart, which `helm upgrade` alone would leave as somebody has made it.
NAMESPACE, DEPLOYMENT = "argocd", "argocd-server"
STAGES = EXAMPLE.parent / "rendered/kargo/stages"


def run(*, keep: bool) -> None:
    """Run the demo; DevError where a command did what it should not. With `keep` the cluster stays until Ctrl-C."""
    console = Console()
    console.info(
        "The platform of examples/stonks-oracle. API server, scheduler and controllers of Kubernetes are real, and so are Helm and"
    )
    console.info(
        "market-gate; the nodes are KWOK's and run nothing. Small servers play Gitea and Woodpecker, as real ones answered when that"
    )
    console.info("was recorded; threads play the controllers of Kargo, Argo CD and cert-manager.")
    console.info("Of what bootstrap prints, lines that were printed before are left out, and objects where they are made one by one.")
    console.info("It takes two to four minutes on 2 cores.")
    programs.build("kubernetes", "etcd", "kwok", "kubectl", "helm3")
    go_programs.build(kargo_expressions.PROGRAM)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="local-cicd-platform-")))
        begun = time.monotonic()
        with progress.step("starting the cluster and what is around it"):
            world = stack.enter_context(PlatformWorld.start(folder / "platform", edit=_blocked))
        terminal = Terminal(command_line=world.command_line, console=console)
        terminal.took("the cluster", "with what is around it", time.monotonic() - begun)
        come_and_go(terminal, world)
        gate = hold(terminal, world, stack)
        terminal.show()
        if keep:
            console.info(f"\nIt stays until Ctrl-C. The gate's page: http://127.0.0.1:{gate.port}/")
            console.info(f"KUBECONFIG={world.kubeconfig}, platform.yaml in {world.folder}")
            signal.pause()


def come_and_go(terminal: Terminal, world: PlatformWorld) -> None:
    """Bring the platform up and down."""
    terminal.heading("The platform comes, is disturbed, goes, and comes back")
    terminal.bootstrap("plan", what="what would be done on an empty cluster (2: something)", code=2)
    terminal.bootstrap("up", "--yes", what="it is done, and every object is waited for")
    terminal.bootstrap("up", "--yes", what="nothing is left to do, and nothing is touched", says="Nothing to do")
    arguments = ["scale", "--namespace", NAMESPACE, f"deployment/{DEPLOYMENT}", "--replicas=3"]
    terminal.console.info(f"\n# somebody is in a hurry\n$ {' '.join(('kubectl', *arguments))}")
    done = subprocess.run(
        [*programs.command("kubectl"), *arguments], env=dict(world.environment), stdout=subprocess.PIPE, text=True, check=True
    )
    terminal.console.info(f"  {done.stdout.strip()}")
    terminal.bootstrap("up", "--yes", what="what was changed by hand is seen and put right", says=DEPLOYMENT)
    terminal.bootstrap("down", "--yes", what="the platform goes; volumes, secrets, code and images stay")
    terminal.bootstrap("up", "--yes", what="it comes back, with the same secrets and volumes")
    terminal.bootstrap("status", what="all is in order")


def hold(terminal: Terminal, world: PlatformWorld, stack: ExitStack) -> GateProcess:
    """Let a promotion wait at a gate, which is there until the stack ends."""
    say, platform = terminal.console.info, world.platform
    (project,) = platform.projects
    terminal.heading("A promotion waits at the market gate")
    say("platform.yaml has a window around now in which nothing is promoted. The nodes run no pods, so market-gate runs beside them, with")
    say("the configuration of its pods, as their ServiceAccount. Kargo's part is played: what it does is in the committed files")
    say(f"{STAGES.relative_to(ROOT)}/paper.yaml and live.yaml, whose expressions are evaluated by Kargo's own code.")
    account = world.plane.service_account(platform.market_gate.namespace, "market-gate")
    folder = world.folder / "market-gate"
    folder.mkdir()
    gate = stack.enter_context(gate_process(folder, platform, kubeconfig=account))
    begun = time.monotonic()
    gate.start()
    terminal.took("market-gate", "until it is ready", time.monotonic() - begun)
    PromotionDemo(
        terminal=terminal,
        plane=world.plane,
        gate=gate,
        holding=_stage("paper"),
        failing=_stage("live"),
        tag=clone.git(world.folder / "sources" / project.name, "rev-parse", "main"),
        operator=platform.break_glass.operators.users[0],
        nobody=world.plane.kubeconfig(SYSTEM_ADMIN),
    ).run()
    return gate


def _stage(name: str) -> Manifest:
    stage: Manifest = yaml.safe_load((STAGES / f"{name}.yaml").read_text(encoding="utf-8"))
    return stage


def _blocked(document: Document) -> None:
    document["market_gate"]["windows"] = [window(datetime.now(UTC))]

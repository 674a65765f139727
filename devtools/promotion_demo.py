"""The second half of `./dev demo --platform`: a promotion waits at the market gate until somebody breaks glass, and the audit names it."""

import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from devtools.controlplane import ControlPlane
from devtools.demo_terminal import Terminal
from devtools.errors import DevError
from devtools.kargo_expressions import Expressions, expressions
from devtools.kargo_promotion import Manifest, Promotion
from devtools.platform.gate_process import GateProcess
from devtools.platform.kept_promotion import keep

WHY = "the order book loses fills"
ULIDS = ("01m84cvept1fgzcds2pzz53391", "01m84cw4kx5vv579bxqddacgy5")
# Kargo asks every ten seconds.
_RELEASED_SECONDS = 60.0
_WIDTH = 110
_MOMENT = "%Y-%m-%dT%H:%MZ"


def window(now: datetime) -> dict[str, str]:
    """Return an extra window of platform.yaml, in which nothing is promoted although the market may be closed."""
    since, until = now - timedelta(hours=1), now + timedelta(hours=3)
    times = {"since": since.strftime(_MOMENT), "until": until.strftime(_MOMENT)}
    return {"name": "quarter close", "kind": "blocked", **times, "reason": "the books are being closed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionDemo:
    """A gate that runs, and stages that ask it."""

    terminal: Terminal
    plane: ControlPlane
    gate: GateProcess
    holding: Manifest
    """The Stage whose promotions wait."""
    failing: Manifest
    """The Stage whose promotions fail at once."""
    tag: str
    """The commit that is promoted."""
    operator: str
    """Who may break glass, by platform.yaml."""
    nobody: Path
    """The login of `system:admin`."""

    def run(self) -> None:
        """Go through all of it."""
        with expressions() as kargo:
            held = self._promotion(kargo, self.holding, ULIDS[0])
            wait = held.reconcile()
            if wait is None:
                raise DevError(f"{held.name} was not held: {held.phase}")
            self._ask(held)
            self._refuse(self._promotion(kargo, self.failing, ULIDS[1], actor=self.operator))
            with self._going_on(held, wait) as end:
                self._break_glass(held.stage["metadata"]["name"])
                begun = time.monotonic()
                end.result(_RELEASED_SECONDS)
                self.terminal.took("the promotion", "it goes on by itself when Kargo asks again", time.monotonic() - begun)
            self._released(held)
        self.terminal.bootstrap("audit", what="who broke glass, when, why, and for which promotion", says=self.operator)

    def _promotion(self, kargo: Expressions, stage: Manifest, ulid: str, *, actor: str = "") -> Promotion:
        name = f"{stage['metadata']['name']}.{ulid}.{self.tag[:7]}"
        made = Promotion(
            stage=stage, name=name, expressions=kargo, address=self.gate.address, actor=actor, tag=self.tag, now=datetime.now(UTC)
        )
        keep(self.plane, made)
        return made

    def _ask(self, held: Promotion) -> None:
        """Show what the gate says, to Kargo and to anybody else."""
        say, metadata = self.terminal.console.info, held.stage["metadata"]
        config = next(each for each in held.steps if each["as"] == "gate")["config"]
        question = {"project": metadata["namespace"], "stage": metadata["name"]}
        answer = httpx.get("http://{}:{}/v1/gate".format(*self.gate.address()), params=question, trust_env=False).json()
        say(f"\nPromotion {held.name} is {held.phase}: its step `gate` asks until it may go on.")
        lines = {
            "asks": f"{config['url']} every {config['pollInterval']}",
            "held since": _told(held.gate["startedAt"]),
            "allow": str(answer["allow"]).lower(),
            "reason": answer["reason"],
            "until": _told(answer["until"]),
            "the market": f"{answer['market']['state']}, opens {_told(answer['market']['next_open'])}",
        }
        for name, text in lines.items():
            self.terminal.console.detail(f"{name:<12}{text}")

    def _refuse(self, promotion: Promotion) -> None:
        promotion.reconcile()
        if promotion.phase != "Failed":
            raise DevError(f"{promotion.name} is {promotion.phase} instead of failing at the gate")
        self.terminal.console.info(f"\nPromotion {promotion.name}, by {promotion.actor}, fails at once, as its stage wants:")
        for line in textwrap.wrap(promotion.status["message"], _WIDTH):
            self.terminal.console.detail(line)

    def _break_glass(self, stage: str) -> None:
        asked = ("break-glass", "--stage", stage, "--for", "30m", "--justification", WHY)
        self.terminal.bootstrap(
            *asked, what="on k3s everybody is system:admin: nobody in particular", code=1, says="refuse", login=self.nobody
        )
        self.terminal.bootstrap("operator", "add", self.operator, "--server", self.plane.url, what="a person gets a login of their own")
        login = self.terminal.command_line.folder / f"{self.operator}.kubeconfig"
        self.terminal.bootstrap(*asked, what="and breaks glass with it, in their own name, for half an hour", login=login)

    @contextmanager
    def _going_on(self, held: Promotion, wait: float) -> Iterator["Future[None]"]:
        """Reconcile in a thread, whenever Kargo would."""
        over = threading.Event()

        def work() -> None:
            pause: float | None = wait
            while pause is not None and not over.wait(pause):
                held.now = datetime.now(UTC)
                pause = held.reconcile()

        with ThreadPoolExecutor(1) as pool:
            try:
                yield pool.submit(work)
            finally:
                over.set()

    def _released(self, held: Promotion) -> None:
        if held.phase != "Succeeded":
            raise DevError(f"{held.name} is {held.phase}: {held.status.get('message')}")
        keep(self.plane, held)
        self.terminal.console.info(f"\nPromotion {held.name} asked {held.asked} times and has {held.phase.lower()}. Git keeps why:")
        for line in held.messages[0].splitlines():
            self.terminal.console.detail(line)


def _told(moment: str | None) -> str:
    """Write a moment in the time of this machine."""
    if moment is None:
        return "not known"
    return datetime.fromisoformat(moment).astimezone().strftime("%a %Y-%m-%d %H:%M:%S %Z")

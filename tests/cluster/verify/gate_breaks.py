"""How the market gate and the rules for records of break-glass are broken, and put right again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from bootstrap.break_glass.policy import API_VERSION as ADMISSION
from bootstrap.break_glass.policy import policy_name
from bootstrap.break_glass.record import LABEL
from bootstrap.core.objects import Ref
from tests.cluster.verify.breaks import away, mended, there
from tests.support.live_platform import LivePlatform


@mended
def gate_with(live: LivePlatform, *windows: dict[str, str]) -> Iterator[None]:
    """Give the gate other windows."""
    live.gate.kill()
    live.gate.start(*windows)
    yield
    live.gate.kill()
    live.gate.start()


@mended
def gate_dead(live: LivePlatform) -> Iterator[None]:
    """Kill the gate."""
    live.gate.kill()
    yield
    live.gate.start()


def lying(**answer: Any) -> Callable[[LivePlatform], AbstractContextManager[None]]:  # noqa: ANN401  of the gate's answer
    """Let the gate say something else."""

    @mended
    def lie(live: LivePlatform) -> Iterator[None]:
        live.lie = lambda said: {**said, **answer}
        yield
        live.lie = lambda said: said

    return lie


@mended
def no_policy(live: LivePlatform) -> Iterator[None]:
    """Let records be whatever somebody writes."""
    ref = Ref(api_version=ADMISSION, kind="ValidatingAdmissionPolicyBinding", name=policy_name("local-cicd"))
    with away(live, ref):
        yield


@mended
def garbage(live: LivePlatform) -> Iterator[None]:
    """Let somebody have written a record while there was no policy; nobody may delete it while there is one."""
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "forged", "namespace": "local-cicd", "labels": {LABEL: "true"}}}
    with no_policy(live):
        live.verify_until("break-glass", "anybody could write a record")
        with there(live, made):
            yield

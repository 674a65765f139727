"""Plays the controllers that the tests' cluster does not have: writes into a status what they would write when all is well.

    with StatusWriter(plane) as writer:
        writer.says("Warehouse", {"conditions": [...]}, name="images")     from then on, for one of that name, or for all of the kind
        writer.hold("Stage")                                               nothing more is written for the kind
        writer.release("Stage")

Kinds that are not served yet are looked for until they are. Finalizers, events and retries of the real controllers are not played.
"""

import base64
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from devtools.controlplane import ControlPlane
from devtools.platform.api import Api, Live, Rest, path_of, playing

Status = Mapping[str, Any]
Play = Callable[[Mapping[str, Any]], Status]

KARGO = "kargo.akuity.io/v1alpha1"
ARGO_CD = "argoproj.io/v1alpha1"
CERT_MANAGER = "cert-manager.io/v1"


def condition(name: str, *, status: str = "True", reason: str = "Played", message: str = "", generation: int = 1) -> dict[str, Any]:
    """Write a condition."""
    return {
        "type": name,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def seen(live: Mapping[str, Any], *conditions: Mapping[str, Any], **more: object) -> Status:
    """Write the status of a controller that has seen the last change."""
    generation = live["metadata"].get("generation", 1)
    return {"observedGeneration": generation, "conditions": [{**each, "observedGeneration": generation} for each in conditions], **more}


def _ready(live: Mapping[str, Any]) -> Status:
    return {"conditions": seen(live, condition("Ready"))["conditions"]}


def _seen_and_ready(live: Mapping[str, Any]) -> Status:
    return seen(live, condition("Ready", reason="Synced"))


def _warehouse(live: Mapping[str, Any]) -> Status:
    subscriptions = live["spec"]["subscriptions"]
    ready = condition(
        "Ready", reason="ArtifactsDiscovered", message=f"Successfully discovered artifacts from {len(subscriptions)} subscriptions"
    )
    images = [{"repoURL": each["image"]["repoURL"], "references": []} for each in subscriptions if "image" in each]
    return seen(live, ready, condition("Healthy"), discoveredArtifacts={"discoveredAt": "2026-11-23T13:20:32Z", "images": images})


def _stage(live: Mapping[str, Any]) -> Status:
    """Write what a stage says that nothing was promoted to yet."""
    said = "Stage has no current Freight"
    healthy = condition("Healthy", status="Unknown", reason="NoFreight", message=said)
    return seen(live, healthy, condition("Ready", status="False", reason="NoFreight", message=said))


def _application(live: Mapping[str, Any]) -> Status:
    compared = {key: live["spec"][key] for key in ("source", "destination") if key in live["spec"]}
    return {"sync": {"status": "OutOfSync", "comparedTo": compared}, "health": {"status": "Missing"}}


def _token(live: Mapping[str, Any]) -> Status:
    """Fill in what Kubernetes does where its controllers run."""
    name = live["metadata"]["annotations"]["kubernetes.io/service-account.name"]
    return {"token": base64.b64encode(f"token-of-{name}-{live['metadata']['uid']}".encode()).decode()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    api_version: str
    kind: str
    play: Play
    part: str = "status"
    subresource: bool = True
    only: Callable[[Mapping[str, Any]], bool] = lambda _: True

    @property
    def plural(self) -> str:
        return f"{self.kind.lower()}s"


_KINDS = (
    _Kind(api_version=KARGO, kind="Project", play=_ready),
    _Kind(api_version=KARGO, kind="ProjectConfig", play=_seen_and_ready),
    _Kind(api_version=KARGO, kind="Warehouse", play=_warehouse),
    _Kind(api_version=KARGO, kind="Stage", play=_stage),
    _Kind(api_version=ARGO_CD, kind="Application", play=_application, subresource=False),
    _Kind(api_version=CERT_MANAGER, kind="ClusterIssuer", play=_ready),
    _Kind(api_version=CERT_MANAGER, kind="Issuer", play=_ready),
    _Kind(api_version=CERT_MANAGER, kind="Certificate", play=_ready),
)
_TOKENS = _Kind(
    api_version="v1",
    kind="Secret",
    play=_token,
    part="data",
    subresource=False,
    only=lambda live: live.get("type") == "kubernetes.io/service-account-token",
)


@dataclass(slots=True)
class StatusWriter:
    """Writes, in a thread of its own. `tokens`: also fills in the tokens of ServiceAccounts, where no controllers run."""

    plane: ControlPlane
    tokens: bool = False
    rest: Rest | None = None
    _said: dict[tuple[str, str | None], Play] = field(default_factory=dict)
    _held: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Start."""
        self._stack.enter_context(playing(self.plane, self._look, rest=self.rest))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop; what went wrong in the thread is raised here."""
        self._stack.close()

    def says(self, kind: str, status: Status | Play, *, name: str | None = None) -> None:
        """Write this status from now on."""
        play: Play = status if callable(status) else lambda _: status
        with self._lock:
            self._said[kind, name] = play

    def forget(self) -> None:
        """Write again what all is well with, for every kind."""
        with self._lock:
            self._said.clear()

    def hold(self, *kinds: str) -> None:
        """Leave kinds alone."""
        with self._lock:
            self._held.update(kinds)

    def release(self, *kinds: str) -> None:
        """Write for kinds again."""
        with self._lock:
            self._held.difference_update(kinds)

    def _look(self, api: Api) -> None:
        for kind in (*_KINDS, _TOKENS) if self.tokens else _KINDS:
            with self._lock:
                held = kind.kind in self._held
            for live in [] if held else api.objects(kind.api_version, kind.plural):
                if kind.only(live) and "deletionTimestamp" not in live["metadata"]:
                    self._write(api, kind, live)

    def _write(self, api: Api, kind: _Kind, live: Live) -> None:
        name = live["metadata"]["name"]
        with self._lock:
            play = self._said.get((kind.kind, name)) or self._said.get((kind.kind, None)) or kind.play
        wanted, there = play(live), live.get(kind.part) or {}
        if any(_timeless(there.get(key)) != _timeless(value) for key, value in wanted.items()):
            api.merge(path_of(live, kind.api_version, kind.plural, "status" if kind.subresource else None), {kind.part: wanted})


def _timeless(node: object) -> object:
    if isinstance(node, Mapping):
        return {key: _timeless(value) for key, value in node.items() if key != "lastTransitionTime"}
    return [_timeless(each) for each in node] if isinstance(node, list) else node

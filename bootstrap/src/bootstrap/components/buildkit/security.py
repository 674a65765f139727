"""What BuildKit's pods may do on their node, and the namespace that allows it."""

from dataclasses import dataclass
from typing import Any

from bootstrap.core.change import ABSENT, READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.context import Context
from bootstrap.core.objects import Ref

_LABEL = "pod-security.kubernetes.io/enforce"
_LEVEL = "privileged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What differs between the ways in which BuildKit gets to make containers (`buildkit.privileges`)."""

    image: str
    folder: str
    socket: str
    arguments: list[str]
    pod: dict[str, Any]
    container: dict[str, Any]


FORMS = {
    "privileged": Form(
        image="buildkit",
        folder="/var/lib/buildkit",
        socket="unix:///run/buildkit/buildkitd.sock",
        arguments=[],
        pod={},
        container={"privileged": True},
    ),
    # As docs/rootless.md of moby/buildkit has it. Without a process sandbox of its own it needs no unmasked /proc.
    "rootless": Form(
        image="buildkit-rootless",
        folder="/home/user/.local/share/buildkit",
        socket="unix:///run/user/1000/buildkit/buildkitd.sock",
        arguments=["--oci-worker-no-process-sandbox"],
        pod={"fsGroup": 1000},
        container={
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "seccompProfile": {"type": "Unconfined"},
            "appArmorProfile": {"type": "Unconfined"},
        },
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSecurity:
    """The label that lets privileged pods into BuildKit's namespace, and into no other one.

    Only the label is set: the namespace itself is a resource of another component, which says nothing about this label.
    """

    namespace: str

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Pod security of namespace {self.namespace}"

    def observe(self, context: Context) -> Observation:
        """Look at the label."""
        live = context.cluster.get(self._ref)
        if live is None:
            return Observation(later=Later(resource=self.label, reason=f"namespace {self.namespace} is there"))
        before = (live["metadata"].get("labels") or {}).get(_LABEL)
        if before == _LEVEL:
            return Observation()
        field = FieldChange(path=f'metadata.labels["{_LABEL}"]', before=before, after=_LEVEL)
        return Observation(
            change=Change(resource=self.label, action=Action.UPDATE, fields=(field,), note="BuildKit makes containers itself")
        )

    def apply(self, context: Context, change: Change) -> None:
        """Set the label."""
        del change
        context.guard.check()
        context.cluster.patch(self._ref, {"metadata": {"labels": {_LABEL: _LEVEL}}})

    def verify(self, context: Context, deadline: Deadline) -> None:
        """Wait for nothing: it holds at once."""

    def status(self, context: Context) -> Readiness:
        """Look at the label."""
        live = context.cluster.get(self._ref)
        if live is None:
            return ABSENT
        found = (live["metadata"].get("labels") or {}).get(_LABEL)
        return (
            READY
            if found == _LEVEL
            else Readiness(state=State.FAILED, message=f"is {found or 'not set'}: the pods of BuildKit are refused")
        )

    def removal(self, context: Context) -> Removal | None:
        """Leave it to the namespace that it goes with."""
        del context
        return None

    def remove(self, context: Context, deadline: Deadline) -> None:
        """Leave it to the namespace that it goes with."""

    @property
    def _ref(self) -> Ref:
        return Ref(api_version="v1", kind="Namespace", name=self.namespace)

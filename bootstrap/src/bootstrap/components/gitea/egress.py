"""The setting of a Gitea that is there which lets its webhooks reach the cluster."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bootstrap.components.gitea.snapshot import Snapshot, workload_ref
from bootstrap.components.woodpecker.values import webhook_host
from bootstrap.core import readiness
from bootstrap.core.change import READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest
from bootstrap.gitea import egress, pod, probe
from bootstrap.gitea.egress import Egress, Target
from bootstrap.gitea.errors import LoginError, WebError

if TYPE_CHECKING:
    from bootstrap.core.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressResource:
    """The environment of Gitea's workload, as far as it decides where webhooks may go.

    It is changed with `gitea.manage_env` only; without it the person is told the lines, and told nothing else: app.ini may have them.
    """

    workload: str
    snapshot: Snapshot = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Environment of {self.workload}"

    def observe(self, context: "Context") -> Observation:
        """Read the environment, and see whether a webhook would arrive."""
        live = self.snapshot.workload
        if live is None:
            self._absent(context)
            return Observation()
        found = self._assess(context, live)
        if found is None:
            return Observation(later=Later(resource=self.label, reason="Gitea is installed, and its version known"))
        if not found.message:
            return Observation()
        if found.unseen or not context.platform.gitea.manage_env:
            _warn(context, f"{found.message}; {found.remedy(self.snapshot.pod)}")
            return Observation()
        there = {each["name"]: each.get("value") for each in pod.container_of(live).get("env") or ()}
        fields = tuple(FieldChange(path=name, before=there.get(name), after=value) for name, value in found.lines)
        note = "lets webhooks reach Woodpecker; Gitea restarts"
        return Observation(change=Change(resource=self.label, action=Action.UPDATE, fields=fields, note=note))

    def apply(self, context: "Context", change: Change) -> None:
        """Set the variables of the change, and nothing else of the workload."""
        ref = workload_ref(context.platform)
        live = context.cluster.get(ref)
        if live is None:
            raise BootstrapError(f"{ref.label} is gone", hint="run it again when Gitea is back")
        lines = {each.path: str(each.after) for each in change.fields}
        context.guard.check()
        # The list of containers is replaced as a whole, so it must be the one that was read.
        containers = _with_lines(live, lines)
        version = {"resourceVersion": live["metadata"]["resourceVersion"]}
        context.cluster.patch(ref, {"metadata": version, "spec": {"template": {"spec": {"containers": containers}}}})

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until Gitea is back."""
        ref = workload_ref(context.platform)

        def look() -> Readiness:
            live = context.cluster.get(ref)
            seen = READY if live is None else readiness.of(live)
            if seen.state is not State.READY:
                return seen
            try:
                return probe.readiness(self.snapshot.gitea.web)
            except WebError as error:
                return Readiness(state=State.PROGRESSING, message=error.message)

        context.waiter.wait(self.label, look, deadline=deadline, refs=[ref] if self.snapshot.workload else [])

    def status(self, context: "Context") -> Readiness:
        """Say whether webhooks would arrive."""
        live = self.snapshot.workload
        if live is None:
            return Readiness(state=State.READY, message=f"there is no {self.workload}: whether webhooks arrive can't be seen")
        found = self._assess(context, live)
        if found is None:
            return Readiness(state=State.UNKNOWN, message="can't be seen before Gitea is installed")
        return READY if found.open else Readiness(state=State.FAILED, message=found.message)

    def removal(self, context: "Context") -> Removal | None:
        """Leave Gitea alone."""

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Never comes to this."""

    def _assess(self, context: "Context", live: Manifest) -> Egress | None:
        """Judge the environment, None while nobody knows what version will read it."""
        try:
            found = self.snapshot.probe
        except (LoginError, WebError):
            return None
        if found.state is not probe.State.INSTALLED:
            return None
        url = webhook_host(context.platform)
        return egress.assess(pod.container_of(live).get("env") or (), found.version, [Target(url=url, private=_is_private(url))])

    def _absent(self, context: "Context") -> None:
        if context.platform.gitea.manage_env:
            raise BootstrapError(
                f"there is no {self.workload}, whose environment `gitea.manage_env` wants to be set",
                hint="name what runs Gitea in `gitea.namespace` and `gitea.workload`; where that is not in this cluster, manage_env: false",
            )
        _warn(
            context,
            f"whether Gitea may send webhooks to {webhook_host(context.platform)} can't be seen: there is no {self.workload}; name what "
            "runs it in `gitea.namespace` and `gitea.workload`, or see that its app.ini has ALLOWED_HOST_LIST = private in [webhook] "
            "(from 1.27 on in [security])",
        )


def _with_lines(live: Manifest, lines: Mapping[str, str]) -> list[dict[str, Any]]:
    gitea = pod.container_of(live)
    there = [each["name"] for each in gitea.get("env") or ()]
    env = [{"name": each["name"], "value": lines[each["name"]]} if each["name"] in lines else each for each in gitea.get("env") or ()]
    env += [{"name": name, "value": value} for name, value in lines.items() if name not in there]
    containers = live["spec"]["template"]["spec"]["containers"]
    return [{**each, "env": env} if each["name"] == gitea["name"] else each for each in containers]


def _is_private(url: str) -> bool:
    """Tell whether an address is one of the cluster or the local network; a name is taken for one, since Gitea goes by what it leads to."""
    try:
        return not ipaddress.ip_address(urlsplit(url).hostname or "").is_global
    except ValueError:
        return True


def _warn(context: "Context", text: str) -> None:
    # A run looks several times, and a person reads it once.
    context.once(f"warning {text}", lambda: context.console.warn(text))

"""A Helm release as a resource.

What differs is not what Helm thinks: `helm get manifest` knows nothing of what people have changed, and `helm upgrade --dry-run` nothing
of fields that can't be changed. So the chart is rendered, and the API server is asked about each object as if Helm applied it. Helm itself
runs only when an object differs, or the label `inputs` (digest of the chart, and values) does: each of its runs adds a revision.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bootstrap.core import history, rollout
from bootstrap.core.change import ABSENT, READY, Action, Change, FieldChange, Observation, Readiness, Removal, State
from bootstrap.core.chart import Chart, ChartSource, merged
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import BootstrapError, ChartError, HelmError
from bootstrap.core.history import History, Revision
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.readiness import WORKLOADS, of
from bootstrap.core.recovery import recover, undecided
from bootstrap.core.release_object import observe_object
from bootstrap.core.resource import ObjectResource
from bootstrap.core.versions import jump
from bootstrap.platform.chart import Chart as ChartSettings
from plugin_kit.parallel import each

if TYPE_CHECKING:
    from bootstrap.core.context import Context

_LABEL_LENGTH = 40
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseResource:
    """A release of one chart with these values."""

    name: str
    namespace: str
    chart: ChartSource
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timeout: float = 600.0
    """Seconds for one `helm upgrade --install --wait`."""
    take_ownership: bool = False
    """Objects that exist already without a release become a part of this one."""
    take_over: bool = False
    """Fields that other managers have set are set to what the chart says."""
    kept: str = ""
    """Why `down` leaves it."""

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Helm release {self.namespace}/{self.name}"

    def observe(self, context: "Context") -> Observation:
        """Render the chart and find out what differs."""
        chart = context.helm.chart(self.chart, folder=context.folder)
        there = history.read(context.cluster, self.name, self.namespace)
        objects = self._objects(context, chart, there)
        seen = each(lambda manifest: observe_object(context, manifest, self), objects, at_once=_AT_ONCE)
        parts = tuple(one.change for one in seen if one.change)
        problems = [one.problem for one in seen if one.problem]
        change = self._change(chart, there, parts)
        if change:
            problems = [*self._doubts(context, chart, there), *problems]
        return Observation(change=change, problem=_combined(self.label, problems))

    def apply(self, context: "Context", change: Change) -> None:
        """End what a dead run has left, then let Helm do it."""
        del change
        chart = context.helm.chart(self.chart, folder=context.folder)
        recover(context, self, history.read(context.cluster, self.name, self.namespace, superseded=True))
        there = history.read(context.cluster, self.name, self.namespace)
        self._add_crds(context, chart)
        objects = self._objects(context, chart, there)
        context.guard.check()
        with rollout.watched(context, self.label, objects, self.timeout):
            try:
                context.helm.upgrade(
                    chart,
                    release=self.name,
                    namespace=self.namespace,
                    values=self.values,
                    labels=self._labels(context, chart, there),
                    timeout=self.timeout,
                    take_ownership=self.take_ownership,
                )
            except HelmError as error:
                raise HelmError(error.message, details=[*error.details, *rollout.explained(context, objects)], hint=error.hint) from error

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Wait until its workloads are in order."""
        if self.status(context).state is State.READY:
            return
        context.waiter.wait(self.label, lambda: self.status(context), deadline=deadline, refs=self._unready(context))

    def status(self, context: "Context") -> Readiness:
        """Judge Helm's own word for it, and its workloads."""
        last = history.read(context.cluster, self.name, self.namespace).installed
        if last is None:
            return ABSENT
        if last.pending:
            return Readiness(state=State.PROGRESSING, message=f"{last.status} since {last.since:%Y-%m-%d %H:%M:%S} UTC")
        if last.status == "failed":
            return Readiness(state=State.FAILED, message=f"revision {last.number} has failed")
        for ref in self._workloads(context, last):
            live = context.cluster.get(ref)
            seen = of(live) if live else ABSENT
            if seen.state is not State.READY:
                return Readiness(state=seen.state, message=f"{ref.label}: {seen.message}")
        return READY

    def removal(self, context: "Context") -> Removal | None:
        """Uninstall it, unless it is kept."""
        last = history.read(context.cluster, self.name, self.namespace).installed
        if last is None:
            return None
        if last.pending and not self.kept and (doubt := undecided(context, self, last)):
            raise doubt
        return Removal(resource=self.label, kept=self.kept, note="with all its objects; volumes and CRDs that its chart keeps stay")

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Uninstall it."""
        context.guard.check()
        context.helm.uninstall(release=self.name, namespace=self.namespace, timeout=max(1.0, deadline.left))

    def inputs(self, chart: Chart) -> str:
        """Return what tells whether chart and values are those of the release."""
        text = json.dumps([chart.digest, self.values], sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:_LABEL_LENGTH]

    def _labels(self, context: "Context", chart: Chart, there: History) -> dict[str, str]:
        return {
            history.INPUTS: self.inputs(chart),
            history.DIGEST: _short(chart.digest),
            history.HOLDER: context.guard.holder,
            history.REVISION: str((there.last.number if there.last else 0) + 1),
        }

    def _objects(self, context: "Context", chart: Chart, there: History) -> list[Manifest]:
        rendered = context.helm.render(
            chart,
            release=self.name,
            namespace=self.namespace,
            values=self.values,
            upgrade=there.installed is not None,
            kube_version=context.once("kube version", lambda: context.cluster.version().text),
            # Not once for a run: charts of later components ask for the CRDs of earlier ones.
            api_versions=context.cluster.api_versions(),
        )
        return [context.cluster.placed(manifest, self.namespace) for manifest in rendered]

    def _change(self, chart: Chart, there: History, parts: tuple[Change, ...]) -> Change | None:
        last = there.installed
        version = last.chart_version() if last else ""
        fields: tuple[FieldChange, ...] = ()
        action, note = Action.UPDATE, ""
        if last is None:
            action, note = Action.CREATE, f"chart {chart.name} {chart.version}"
        elif last.pending:
            action, note = Action.RECOVER, f"{last.status} since {last.since:%Y-%m-%d %H:%M:%S} UTC, by a run that is over"
        elif version and version != chart.version:
            action, fields = Action.UPGRADE, (FieldChange(path=f"chart {chart.name}", before=version, after=chart.version),)
        elif history.INPUTS not in last.labels:
            action, note = Action.ADOPT, f"exists already, revision {last.number} of chart {chart.name} {version}"
        elif last.status != "deployed":
            note = f"revision {last.number} is {last.status}"
        elif last.labels[history.INPUTS] != self.inputs(chart):
            note = "values or chart have changed"
        elif parts:
            note = "its objects were changed"
        else:
            return None
        return Change(resource=self.label, action=action, fields=fields, note=note, parts=parts)

    def _doubts(self, context: "Context", chart: Chart, there: History) -> list[BootstrapError]:
        """Return what a person has to decide before Helm may run."""
        last = there.installed
        if last is None:
            return []
        if last.pending:
            doubt = undecided(context, self, last)
            return [doubt] if doubt else []
        adopted = history.INPUTS not in last.labels
        version = last.chart_version()
        if version and version != chart.version:
            why = "it was not installed by bootstrap" if adopted else jump(version, chart.version)
            return [_upgrade_not_allowed(self, version, chart, why)] if why and not context.options.allow_upgrade else []
        recorded = last.labels.get(history.DIGEST, "")
        if recorded and recorded != _short(chart.digest) and not (self.chart.local or self.chart.digest):
            return [
                ChartError(
                    f"the chart {self.chart} is another one than the one that is installed, under the same version",
                    details=[f"installed sha256:{recorded}...", f"found     {chart.digest}"],
                    hint=f"if you know why, allow it: set `digest: {chart.digest}` for this chart in platform.yaml",
                )
            ]
        return []

    def _add_crds(self, context: "Context", chart: Chart) -> None:
        # Helm installs what lies in `crds` with the first release only, and never again what somebody has deleted.
        missing = [crd for crd in context.helm.crds(chart) if context.cluster.get(ref_of(crd)) is None]
        for crd in missing:
            context.guard.check()
            context.cluster.apply(crd)
        for crd in missing:
            served = ObjectResource(manifest=crd)
            served.verify(context, context.deadline())

    def _workloads(self, context: "Context", revision: Revision) -> list[Ref]:
        return [ref_of(context.cluster.placed(manifest, self.namespace)) for manifest in revision.objects(only=WORKLOADS)]

    def _unready(self, context: "Context") -> Sequence[Ref]:
        last = history.read(context.cluster, self.name, self.namespace).installed
        refs = self._workloads(context, last) if last else []
        lives = [(ref, context.cluster.get(ref)) for ref in refs]
        return [ref for ref, live in lives if live is None or of(live).state is not State.READY]


def release_of(chart: ChartSettings, values: Mapping[str, Any], *, kept: str = "") -> ReleaseResource:
    """Make the release that a chart of platform.yaml describes; the person's own values are merged last."""
    is_repository = chart.source.startswith(("https://", "http://"))
    return ReleaseResource(
        name=chart.release,
        namespace=chart.namespace,
        chart=ChartSource(
            reference=chart.reference,
            version=chart.version,
            repo=chart.source if is_repository else None,
            digest=chart.digest,
            local=chart.is_local,
        ),
        values=merged(values, chart.values),
        timeout=chart.timeout.total_seconds(),
        take_ownership=chart.take_ownership,
        kept=kept,
    )


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:_LABEL_LENGTH]


def _upgrade_not_allowed(release: ReleaseResource, version: str, chart: Chart, why: str) -> HelmError:
    return HelmError(
        f"{release.label} would go from chart {chart.name} {version} to {chart.version}: {why}",
        hint=f"read the chart's upgrade notes, then allow it with --allow-upgrade; or set `version: {version}` in platform.yaml",
    )


def _combined(label: str, problems: Sequence[BootstrapError]) -> BootstrapError | None:
    if len(problems) <= 1:
        return problems[0] if problems else None
    details = [line for problem in problems for line in (problem.message, *(f"  {detail}" for detail in problem.details))]
    hints = list(dict.fromkeys(problem.hint for problem in problems if problem.hint))
    return HelmError(f"{label} can't be changed for {len(problems)} reasons", details=details, hint="; ".join(hints) or None)

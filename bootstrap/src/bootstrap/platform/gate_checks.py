"""What can't work together at the market gate."""

from collections.abc import Iterator

from bootstrap.platform.document import Place
from bootstrap.platform.finding import Finding
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project

SYSTEM = "system:"
"""What the names of users begin with that are no people."""


def check_gate(platform: Platform) -> Iterator[Finding]:
    """Yield what is wrong or odd about the gate, its stages, and who may break glass."""
    for index, project in enumerate(platform.projects):
        yield from _stages(project, ("projects", index))
    yield from _operators(platform)
    gate = platform.market_gate
    if gate.analysis_template and not platform.guarded:
        text = "the AnalysisTemplate asks the gate, which is there only where a stage names a `gate`"
        yield Finding(at=("market_gate", "analysis_template"), text=text)
    if gate.analysis_template and not platform.argo_rollouts.enabled:
        text = "Argo Rollouts has to be there for it: `argo_rollouts: {enabled: true}`, unless the cluster has its own"
        yield Finding(at=("market_gate", "analysis_template"), text=text, is_warning=True)


def _stages(project: Project, at: Place) -> Iterator[Finding]:
    for index, stage in enumerate(project.stages):
        here: Place = (*at, "stages", index)
        if stage.gate == "fail" and stage.promotion == "auto":
            text = "a promotion that is refused fails, and Kargo never tries an automatic one again; `hold` lets it wait"
            yield Finding(at=(*here, "gate"), text=text, is_warning=True)
        if stage.gate is None and stage.rollback != "same":
            yield Finding(at=(*here, "rollback"), text="there is nothing that it could be allowed past; it belongs to a stage with `gate`")


def _operators(platform: Platform) -> Iterator[Finding]:
    operators = platform.break_glass.operators
    for index, name in enumerate(operators.users):
        if name.startswith(SYSTEM):
            text = f"{name} is no person, and the API server refuses it; `bootstrap operator add NAME` makes a person's own login"
            yield Finding(at=("break_glass", "operators", "users", index), text=text)
    for index, name in enumerate(operators.groups):
        if name.startswith("system:serviceaccounts"):
            text = f"{name} are no people, and the API server refuses them"
            yield Finding(at=("break_glass", "operators", "groups", index), text=text)
    first = next(_guarded(platform), None)
    if first is not None and not operators:
        text = (
            "nobody may break glass, since `break_glass.operators` names nobody: what the gate refuses waits until the market closes,"
            " whatever happens"
        )
        yield Finding(at=first, text=text, is_warning=True)


def _guarded(platform: Platform) -> Iterator[Place]:
    for index, project in enumerate(platform.projects):
        for number, stage in enumerate(project.stages):
            if stage.gate:
                yield ("projects", index, "stages", number, "gate")

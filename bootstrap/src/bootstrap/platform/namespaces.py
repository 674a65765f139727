"""Who owns which namespace. `bootstrap down` deletes some of them, and a Kargo project takes its own along: they must not be shared."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bootstrap.platform.document import Place
from bootstrap.platform.finding import Finding
from bootstrap.platform.platform import Platform

_SYSTEM = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})


class Use(StrEnum):
    """What a namespace is for, as a sentence would name it."""

    PLATFORM = "the platform itself"
    COMPONENT = "a part of the platform, which `bootstrap down` deletes"
    SERVICE = "Gitea or the registry, which `bootstrap down` keeps"
    APPLICATION = "a running application"
    KARGO = "a Kargo project, which takes its namespace along when it is deleted"
    TESTS = "integration tests, which may delete everything in it"
    ARC = "Actions Runner Controller, which is removed with its namespace"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceUse:
    """One use of a namespace."""

    name: str
    use: Use
    at: Place

    def may_share(self, other: "NamespaceUse") -> bool:
        """Tell whether both may be in one namespace."""
        return self.use is other.use and self.use in {Use.COMPONENT, Use.SERVICE}


def uses(platform: Platform) -> Iterator[NamespaceUse]:
    """Yield every use of every namespace; those that are kept whatever happens come first."""
    yield NamespaceUse(name=platform.namespace, use=Use.PLATFORM, at=("namespace",))
    yield NamespaceUse(name=platform.gitea.namespace, use=Use.SERVICE, at=("gitea", "namespace"))
    yield NamespaceUse(name=platform.registry.namespace, use=Use.SERVICE, at=("registry", "namespace"))
    for index, project in enumerate(platform.projects):
        for number, stage in enumerate(project.stages):
            yield NamespaceUse(name=stage.namespace, use=Use.APPLICATION, at=("projects", index, "stages", number, "namespace"))
    yield from _components(platform)
    for index, project in enumerate(platform.projects):
        yield NamespaceUse(name=project.kargo.namespace, use=Use.KARGO, at=("projects", index, "kargo", "namespace"))
        for number, name in enumerate(project.integration_tests.namespaces if project.integration_tests else ()):
            yield NamespaceUse(name=name, use=Use.TESTS, at=("projects", index, "integration_tests", "namespaces", number))
    if platform.arc:
        yield NamespaceUse(name=platform.arc.namespace, use=Use.ARC, at=("arc", "namespace"))


def _components(platform: Platform) -> Iterator[NamespaceUse]:
    for key in ("woodpecker", "argo_cd", "kargo"):
        yield NamespaceUse(name=getattr(platform, key).chart.namespace, use=Use.COMPONENT, at=(key, "chart", "namespace"))
    if platform.prerequisites.cert_manager.mode == "install":
        at: Place = ("prerequisites", "cert_manager", "chart", "namespace")
        yield NamespaceUse(name=platform.prerequisites.cert_manager.chart.namespace, use=Use.COMPONENT, at=at)
    if platform.argo_rollouts.enabled:
        yield NamespaceUse(name=platform.argo_rollouts.chart.namespace, use=Use.COMPONENT, at=("argo_rollouts", "chart", "namespace"))
    if platform.buildkit.enabled:
        yield NamespaceUse(name=platform.buildkit.namespace, use=Use.COMPONENT, at=("buildkit", "namespace"))
    if platform.guarded and platform.market_gate.namespace != platform.namespace:
        yield NamespaceUse(name=platform.market_gate.namespace, use=Use.COMPONENT, at=("market_gate", "namespace"))
    yield NamespaceUse(name=platform.woodpecker.workspace.namespace, use=Use.COMPONENT, at=("woodpecker", "workspace", "namespace"))


def check_namespaces(platform: Platform) -> Iterator[Finding]:
    """Yield the namespaces that two would use who must not meet."""
    seen: dict[str, NamespaceUse] = {}
    for each in uses(platform):
        first = seen.setdefault(each.name, each)
        if first is not each and not first.may_share(each):
            yield Finding(
                at=each.at,
                text=f"{each.name} would hold {each.use}, and also {first.use}; they need namespaces of their own",
                other=first.at,
            )
        if each.name in _SYSTEM and each.use not in {Use.SERVICE, Use.APPLICATION}:
            yield Finding(at=each.at, text=f"{each.name} belongs to the cluster; take a namespace that holds nothing else")

"""What the components consist of, found out without a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from bootstrap.components.buildkit.security import PodSecurity
from bootstrap.components.probe import Probe
from bootstrap.core.change import Action, Change
from bootstrap.core.component import Component
from bootstrap.core.context import Context
from bootstrap.core.record import RecordResource
from bootstrap.core.resource import Resource
from bootstrap.platform.platform import Platform
from bootstrap.render.given import made_up
from bootstrap.render.offline import OfflineCluster, open_context
from bootstrap.render.source import Known, known

# Records, then what is made of them, then what is made of that; components come to rest long before.
_ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A resource, and the component that it belongs to."""

    component: str
    title: str
    resource: Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All parts, in the order of `up`, and the secrets that were made up for it."""

    context: Context
    parts: Sequence[Part]
    secrets: Sequence[Known] = field(repr=False)


def survey(platform: Platform, components: Sequence[Component], folder: Path) -> Survey:
    """Ask each component for its resources, again and again while what they are made of comes about."""
    filled, values = made_up(platform)
    context = open_context(filled, folder)
    parts = [part for component in components if component.enabled(filled) for part in _parts(component, context)]
    return Survey(context=context, parts=parts, secrets=known(context, platform, values))


def _parts(component: Component, context: Context) -> list[Part]:
    cluster = cast("OfflineCluster", context.cluster)
    for _ in range(_ROUNDS):
        before = cluster.mutations
        resources = component.resources(context)
        for resource in resources:
            _settle(resource, context)
        if cluster.mutations == before:
            return [Part(component=component.name, title=component.title, resource=each) for each in resources]
    raise AssertionError(f"the component {component.name} never comes to rest")


def _settle(resource: Resource, context: Context) -> None:
    # Nothing of these can fail without a cluster, and others are made of what they leave.
    if isinstance(resource, RecordResource | PodSecurity):
        resource.apply(context, Change(resource=resource.label, action=Action.CREATE))
    elif not isinstance(resource, Probe) and (manifest := getattr(resource, "manifest", None)) is not None:
        context.cluster.apply(manifest)

"""A component: one part of the platform. This is how to write one.

    components/buildkit/
        __init__.py
        component.py            class BuildKit, below
        manifests/service.yaml  plain Kubernetes YAML with ${name} in it (objects.load_manifest)

and one line in components/__init__.py, at the place where `up` is to come to it.

    class BuildKit:
        name = "buildkit"
        title = "BuildKit"
        needs = ("namespaces",)

        def enabled(self, platform: Platform) -> bool:
            return platform.buildkit.enabled

        def resources(self, context: Context) -> Sequence[Resource]:
            password = context.records.value("buildkit", "password")
            record = RecordResource(name="buildkit", values={"password": generate.password()})
            manifests = load_manifest(__package__, "service.yaml", {"namespace": context.platform.buildkit.namespace})
            objects = [ObjectResource(manifest=each) for each in manifests]
            if password is None:
                return [record, *objects, Awaited(label="Secret buildkit/login", reason="Secret of record buildkit is there")]
            return [record, *objects, ObjectResource(manifest=...)]

The rules:

- `resources` may read the cluster, and must not write. It is called for the plan, and again by `up` whenever something became known.
- The order of the list is the order of `up`, and backwards that of `down`. Everything is observed at once; `up` then applies from the top
  down to the first resource that says Later, waits until what it has applied is in order, and asks for the list again.
- What another component keeps in a record is read by a function of that component, which gives nothing as long as the record is still
  going to change in this run (`project_kargo.token.settled_token`): who needs it is `Awaited` then, and so announced by the plan.
- What can't be known yet is `Awaited` (or an observation with `later`), under the label that the real resource will have: `up` changes
  nothing that the plan has neither shown nor announced in this way.
- Nothing is kept in files. What can't be read from the cluster or an API again belongs into a record, before anything else is done.
- A process may die after any request. The next run must find out from what it observes what is left to do.
- A resource that lives in an API (a repository in Gitea) is a class with the methods of `resource.Resource`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from bootstrap.core.resource import Resource
from bootstrap.platform.platform import Platform

if TYPE_CHECKING:
    from bootstrap.core.context import Context


class Component(Protocol):
    """One part of the platform."""

    @property
    def name(self) -> str:
        """Its name on the command line."""

    @property
    def title(self) -> str:
        """Its name for a person."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of components that have to be there first."""

    def enabled(self, platform: Platform) -> bool:
        """Tell whether platform.yaml wants it."""

    def resources(self, context: "Context") -> Sequence[Resource]:
        """Return what it consists of, in order."""

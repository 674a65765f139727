"""Secrets of record: what was made once, or can never be read again elsewhere, is kept in Secrets of the platform's own namespace."""

import base64
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.core.change import ABSENT, HIDDEN, READY, Action, Change, FieldChange, Later, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.errors import ClashError, ExistsError
from bootstrap.core.generate import Generator
from bootstrap.core.objects import Manifest, Ref

if TYPE_CHECKING:
    from bootstrap.core.cluster import Cluster
    from bootstrap.core.context import Context
    from bootstrap.core.secrecy import Secrecy

RECORD = "local-cicd.dev/record"
PURPOSE = "local-cicd.dev/purpose"
_KEPT = "holds secrets that were made once; `bootstrap down --forget-secrets` deletes it"


class Records:
    """The Secrets of record of one platform. Every value that is read or written is hidden from then on."""

    def __init__(self, cluster: "Cluster", namespace: str, labels: Mapping[str, str], secrecy: "Secrecy") -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._labels = labels
        self._secrecy = secrecy
        self._lock = threading.Lock()

    def ref(self, name: str) -> Ref:
        """Return which Secret holds a record."""
        return Ref(api_version="v1", kind="Secret", name=name, namespace=self._namespace)

    def read(self, name: str) -> dict[str, str]:
        """Return the values of a record, none where it is not there; ClashError where somebody else's Secret has the name."""
        live = self._cluster.get(self.ref(name))
        return {} if live is None else self._values(live, name)

    def value(self, name: str, key: str) -> str | None:
        """Return one value of a record."""
        return self.read(name).get(key)

    def store(self, name: str, values: Mapping[str, str], *, purpose: str = "") -> None:
        """Add values to a record, or change them; what else it holds stays."""
        self._secrecy.hide(*values.values())
        with self._lock:
            metadata = {"labels": {**self._labels, RECORD: "true"}, **({"annotations": {PURPOSE: purpose}} if purpose else {})}
            if self._cluster.get(self.ref(name)) is None:
                whole = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": self._namespace, **metadata}}
                try:
                    self._cluster.create({**whole, "type": "Opaque", "data": _encoded(values)})
                except ExistsError:
                    # The answer to an earlier try was lost: the values of that one count.
                    self.read(name)
                else:
                    return
            self.read(name)
            self._cluster.patch(self.ref(name), {"metadata": metadata, "data": _encoded(values)})

    def add(self, name: str, values: Mapping[str, str], *, purpose: str = "") -> None:
        """Add those values that a record does not have; what it has is never changed."""
        there = self.read(name)
        if missing := {key: value for key, value in values.items() if key not in there}:
            self.store(name, missing, purpose=purpose)

    def drop(self, name: str, key: str) -> None:
        """Take one value out of a record; what it was stays hidden."""
        if key in self.read(name):
            self._cluster.patch(self.ref(name), {"data": {key: None}})

    def _values(self, live: Manifest, name: str) -> dict[str, str]:
        if RECORD not in (live["metadata"].get("labels") or {}):
            raise ClashError(
                f"Secret {self._namespace}/{name} was not made by bootstrap, and a secret of the platform is to be kept under this name",
                hint=f"rename or delete it; or, if it is to be used, kubectl label secret -n {self._namespace} {name} {RECORD}=true",
            )
        values = {key: base64.b64decode(value).decode(errors="surrogateescape") for key, value in (live.get("data") or {}).items()}
        self._secrecy.hide(*values.values())
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordResource:
    """A Secret of record as part of a component.

    `values` are generated where they are missing, and never again. `given` are what the user has set: they follow the user.
    """

    name: str
    values: Mapping[str, Generator] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    purpose: str = ""

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"Secret of record {self.name}"

    def observe(self, context: "Context") -> Observation:
        """Find out which values are missing or no longer what the user has set."""
        there = context.records.read(self.name)
        context.hide(*self.given.values())
        missing = [key for key in (*self.values, *self.given) if key not in there]
        changed = [key for key, value in self.given.items() if key in there and there[key] != value]
        if not missing and not changed:
            return Observation()
        if context.cluster.get(Ref(api_version="v1", kind="Namespace", name=context.platform.namespace)) is None:
            return Observation(later=Later(resource=self.label, reason=f"namespace {context.platform.namespace} is there"))
        fields = [FieldChange(path=key, after=HIDDEN, secret=True) for key in missing]
        fields += [FieldChange(path=key, before=HIDDEN, after=HIDDEN, secret=True) for key in changed]
        action = Action.ROTATE if changed else Action.UPDATE if there else Action.CREATE
        return Observation(change=Change(resource=self.label, action=action, fields=tuple(fields), note=self.purpose))

    def apply(self, context: "Context", change: Change) -> None:
        """Store what is missing and what the user has changed."""
        del change
        there = context.records.read(self.name)
        wanted = {key: value for key, value in self.given.items() if there.get(key) != value}
        made = {key: generate() for key, generate in self.values.items() if key not in there and key not in self.given}
        context.records.store(self.name, {**made, **wanted}, purpose=self.purpose)

    def verify(self, context: "Context", deadline: Deadline) -> None:
        """Nothing has to come about."""

    def status(self, context: "Context") -> Readiness:
        """Say whether all values are there."""
        there = context.records.read(self.name)
        if not there:
            return ABSENT
        missing = [key for key in (*self.values, *self.given) if key not in there]
        return Readiness(state=State.FAILED, message=f"has no {', '.join(missing)}") if missing else READY

    def removal(self, context: "Context") -> Removal | None:
        """Keep it, unless the secrets are to be forgotten."""
        if context.cluster.get(context.records.ref(self.name)) is None:
            return None
        return Removal(resource=self.label, kept="" if context.options.forget_secrets else _KEPT)

    def remove(self, context: "Context", deadline: Deadline) -> None:
        """Delete it."""
        del deadline
        context.cluster.delete(context.records.ref(self.name))


def _encoded(values: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode(errors="surrogateescape")).decode() for key, value in values.items()}

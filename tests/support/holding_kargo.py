"""A Kargo that holds what a test says, for what only reads it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from kargo_notify.freight import Artifact, Freight
from kargo_notify.kargo import KargoUnreachable, Stage
from kargo_notify.warehouse import ImageSubscription, Warehouse


def freight(*images: Artifact, alias: str = "full-marmot") -> Freight:
    """Return a Freight of these images."""
    return Freight(name="92be33f0e96a70d761118b65097d02464d0ea4e2", alias=alias, warehouse="images", images=images, discovered_at=None)


def stage(name: str, *images: Artifact) -> Stage:
    """Return a Stage that runs these images."""
    return Stage(name=name, warehouses=("images",), direct=(), freights=(), artifacts=images, holds=())


@dataclass(slots=True)
class HoldingKargo:
    """A project `shop-cd` whose Warehouse watches `watched`.

    Each listing of Freight takes the next of `events` and does it first; `asked` counts them.
    """

    watched: str
    held: list[Freight] = field(default_factory=list)
    running: list[Stage] = field(default_factory=list)
    events: list[Callable[[], None]] = field(default_factory=list)
    asked: int = 0
    label: str = "Kargo at kargo.lan"
    project: str = "shop-cd"
    warehouse_name: str = "images"

    def freights(self, *, all_warehouses: bool = False) -> list[Freight]:
        """List what is held; only the whole project is of interest here."""
        assert all_warehouses
        self.asked += 1
        if self.events:
            self.events.pop(0)()
        return list(self.held)

    def stages(self) -> list[Stage]:
        """List what runs."""
        return list(self.running)

    def warehouse(self) -> Warehouse:
        """Describe the Warehouse."""
        return Warehouse(name="images", images=(ImageSubscription(repo_url=self.watched),), discovered={}, conditions={})

    def refresh(self) -> None:
        """Refuse: who only reads does not refresh."""
        raise AssertionError

    def freight(self, name: str) -> Freight | None:
        """Find a Freight."""
        return next((each for each in self.held if each.name == name), None)

    def watch(self, timeout: float) -> Iterator[Freight]:
        """Refuse likewise."""
        raise AssertionError(timeout)

    def watch_warehouse(self, timeout: float) -> Iterator[Warehouse]:
        """Refuse likewise."""
        raise AssertionError(timeout)

    def stop_watching(self) -> None:
        """Do nothing: there is no watch."""

    def create(self, artifacts: Sequence[Artifact]) -> Freight:
        """Refuse likewise."""
        raise AssertionError(artifacts)


def goes_away() -> None:
    """Be a Kargo that can't be reached, as an event."""
    raise KargoUnreachable("can't reach Kargo at kargo.lan: connection refused", hint="check `kargo_url`")

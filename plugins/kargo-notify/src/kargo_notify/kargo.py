"""What the plugin asks of a Kargo, however it is reached, and what may go wrong with that.

KargoError              exit 1, or a warning unless `strict: true`
+-- KargoUnreachable    no answer, or none that can be trusted
+-- KargoRefused        an answer that is a refusal, with its HTTP status
    +-- KargoMissing    ... since it has no such project or Warehouse
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from kargo_notify.freight import Artifact, Freight, read_artifacts, read_commits, read_time
from kargo_notify.warehouse import Warehouse
from plugin_kit.errors import PluginError, SettingsError

if TYPE_CHECKING:
    from kargo_notify.settings import Settings
    from plugin_kit.ci import CI
    from plugin_kit.console import Console

# How long a Kargo that is down or restarts is asked again where `wait` says nothing else; it polls by itself, so nobody waits for long.
PATIENCE = 10.0
# How long the one question before the release may take.
GLANCE = 3.0

Via = Literal["api", "kubernetes", "webhook", "none"]


class KargoError(PluginError):
    """Kargo could not be told, or did not do what it was told."""

    @property
    def passing(self) -> bool:
        """Whether the next try may succeed."""
        return False


class KargoUnreachable(KargoError):  # noqa: N818  what it is, in the words of the field
    """Nobody answered, or nobody who can be trusted; `lasting` where another try would end the same way."""

    def __init__(self, message: str, *, hint: str | None = None, details: Sequence[str] = (), lasting: bool = False) -> None:
        super().__init__(message, hint=hint, details=details)
        self.lasting = lasting

    @property
    def passing(self) -> bool:
        """Whether somebody who can be trusted may answer the next time."""
        return not self.lasting


class KargoRefused(KargoError):  # noqa: N818  see KargoUnreachable
    """Kargo's answer was a refusal; `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether the next try may succeed: the server's own trouble, or too many requests."""
        return self.status >= 500 or self.status == 429  # noqa: PLR2004  HTTP's own classes


class KargoMissing(KargoRefused):
    """There is no such project or Warehouse: what the settings name is misspelt, or not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Auto-promotion of a Stage that is on hold for one Warehouse, since somebody promoted other Freight by hand."""

    warehouse: str
    freight: str
    actor: str
    promotion: str
    created: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A Stage: the Warehouses whose Freight it takes, `direct` those that it takes it from at once, and what it runs now."""

    name: str
    warehouses: tuple[str, ...]
    direct: tuple[str, ...]
    freights: tuple[str, ...]
    artifacts: tuple[Artifact, ...]
    holds: tuple[Hold, ...]
    commits: tuple[str, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Read the resource `Stage` of kargo.akuity.io/v1alpha1; the first entry of its history is what it runs."""
        status = document.get("status") or {}
        requested = (document.get("spec") or {}).get("requestedFreight") or ()
        history = status.get("freightHistory") or ()
        current = list(((history[0].get("items") if history else None) or {}).values())
        # A promotion under way may already have put the next one in place.
        promotion = (status.get("currentPromotion") or {}).get("freight")
        running = [*current, *([promotion] if promotion else [])]
        return cls(
            name=str((document.get("metadata") or {}).get("name", "")),
            warehouses=tuple(str(entry["origin"]["name"]) for entry in requested),
            direct=tuple(str(entry["origin"]["name"]) for entry in requested if (entry.get("sources") or {}).get("direct")),
            freights=tuple(str(entry.get("name", "")) for entry in running),
            artifacts=tuple(artifact for entry in running for artifact in read_artifacts(entry.get("images"))),
            commits=tuple(commit for entry in running for commit in read_commits(entry.get("commits"))),
            holds=tuple(_hold(origin, entry) for origin, entry in (status.get("effectiveAutoPromotionHolds") or {}).items()),
        )


class Kargo(Protocol):
    """A Kargo project and one of its Warehouses. Every method raises KargoUnreachable or KargoRefused."""

    @property
    def label(self) -> str:
        """What messages call it, such as `Kargo at kargo.lan`."""

    @property
    def project(self) -> str:
        """The Kargo project, which is also its namespace."""

    @property
    def warehouse_name(self) -> str:
        """The name of the Warehouse."""

    def warehouse(self) -> Warehouse:
        """Read the Warehouse."""

    def refresh(self) -> None:
        """Ask Kargo to discover what is in the registry now."""

    def freight(self, name: str) -> Freight | None:
        """Read a Freight by its name, or None."""

    def freights(self, *, all_warehouses: bool = False) -> list[Freight]:
        """List the Freight of the Warehouse, or of the project."""

    def watch(self, timeout: float) -> Iterator[Freight]:
        """Give the Warehouse's Freight and each change of it, for at most `timeout` seconds; ends when Kargo ends the watch."""

    def watch_warehouse(self, timeout: float) -> Iterator[Warehouse]:
        """Give the Warehouse and each change of it, likewise."""

    def stop_watching(self) -> None:
        """End all watches, whichever thread reads them."""

    def create(self, artifacts: Sequence[Artifact]) -> Freight:
        """Create the Freight of these images, or return it where it exists."""

    def stages(self) -> list[Stage]:
        """List the Stages of the project."""

    def close(self) -> None:
        """Close every connection."""


def way(settings: "Settings") -> Via:
    """Tell how Kargo is to be told, where the settings leave it open."""
    if settings.via != "auto":
        return settings.via
    if settings.kargo_url:
        return "api"
    if settings.webhook_url:
        return "webhook"
    return "kubernetes" if settings.kubeconfig else "none"


def demand_way(settings: "Settings", console: "Console") -> None:
    """Raise SettingsError for settings that need a Kargo to be told, where nothing says how; warn where `via` says that it is not."""
    if way(settings) != "none":
        return
    if settings.via == "none":
        for name in ("wait", "create_freight"):
            if getattr(settings, name):
                console.warn(f"`{name}` does nothing with `via: none`: Kargo is neither told nor asked")
        return
    idle = [name for name in ("warehouse", "kargo_token", "kargo_project", "create_freight", "wait") if getattr(settings, name)]
    if idle:
        raise SettingsError(
            [f"{name}: nobody is told, since nothing says how" for name in idle],
            hint="set `kargo_url` (or `webhook_url`, or `via: kubernetes`), or `via: none` if Kargo shall not be told",
        )


def connect(settings: "Settings", ci: "CI", console: "Console", *, once: float | None = None) -> Kargo | None:
    """Make the client that the settings ask for; None where nothing can be read back. Asks nothing of Kargo yet.

    With `once` each request is sent once and may take so many seconds; else it is sent again for a while. Raises SettingsError with
    everything that is missing.
    """
    via = way(settings)
    if via == "webhook" and not settings.webhook_url:
        raise SettingsError(["webhook_url: required with `via: webhook`"])
    if via in {"webhook", "none"}:
        return None
    project = settings.kargo_project or (settings.project or ci.repo or "").rsplit("/", 1)[-1]
    problems = (
        [] if settings.warehouse else [f"warehouse: required with `via: {via}`; it is the name of the Warehouse that watches these images"]
    )
    if not project:
        problems.append("kargo_project: required, since neither `project` nor the repository's name is known")
    if via == "api" and not settings.kargo_url:
        problems.append("kargo_url: required with `via: api`")
    if via == "api" and not settings.kargo_token:
        problems.append("kargo_token: required with `via: api`; make one with `kargo create token` and give it by `from_secret`")
    if problems:
        raise SettingsError(problems)
    if via == "api":
        from kargo_notify.api import Api  # noqa: PLC0415  only one of the two is needed

        return Api.connect(settings, project, console, once=once)
    from kargo_notify.kubernetes import Cluster  # noqa: PLC0415  lightkube takes half a second to import

    return Cluster.connect(settings, project, ci.workspace, once=once)


def _hold(origin: str, entry: Mapping[str, Any]) -> Hold:
    return Hold(
        warehouse=str((entry.get("origin") or {}).get("name") or origin.removeprefix("Warehouse/")),
        freight=str(entry.get("freightName", "")),
        actor=str(entry.get("actor") or ""),
        promotion=str(entry.get("promotionName") or ""),
        created=read_time(entry.get("createdAt")),
    )

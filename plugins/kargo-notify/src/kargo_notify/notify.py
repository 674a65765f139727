"""Telling Kargo, and saying what has come of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from kargo_notify import polling, webhook
from kargo_notify.commit import Commit, matches, names
from kargo_notify.freight import Freight, same_repository
from kargo_notify.kargo import PATIENCE, Kargo, KargoError, KargoMissing, KargoRefused, Stage, way
from kargo_notify.patience import Patience
from kargo_notify.verdict import State, Verdict, missing_artifacts
from kargo_notify.wait import Sight, Waited, find, wait
from kargo_notify.warehouse import Warehouse
from plugin_kit.console import Console, counted, lasting
from plugin_kit.errors import Cancelled

if TYPE_CHECKING:
    from kargo_notify.settings import Settings

_FORBIDDEN = 403
T = TypeVar("T")

__all__ = ["Commit", "Ending", "Outcome", "demand_watched", "notify_and_wait", "rehearse", "subscribed"]


class Ending(StrEnum):
    """How telling Kargo has ended where the step need not fail."""

    FOUND = "found"  # the Freight is there
    REFRESHED = "refreshed"  # Kargo was told, and nobody waits
    SUPERSEDED = "superseded"  # a newer commit's image came first
    NOT_ACCEPTED = "not accepted"  # the Warehouse does not take these tags
    MANUAL = "manual"  # the Warehouse makes no Freight by itself
    LATE = "late"  # no Freight, which was forgiven
    NOT_TOLD = "not told"  # Kargo could not be told, which was forgiven
    OFF = "off"  # `via: none`


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What has come of telling Kargo, in a sentence; `said`: the log has it already. `blocked` are the Stages that hold the Freight off."""

    ending: Ending
    message: str
    said: bool = False
    freight: Freight | None = None
    blocked: tuple[str, ...] = ()


def subscribed(kargo: Kargo, settings: "Settings", console: Console) -> tuple[str, ...] | None:
    """Return the repositories that the Warehouse subscribes to; None where it can't be asked, which is said.

    Raises KargoMissing where there is no such Warehouse: nothing would come of the release.
    """
    try:
        return tuple(entry.repo_url for entry in kargo.warehouse().images)
    except KargoMissing as error:
        message = f"{error.message}; nothing was tagged"
        raise KargoMissing(message, status=error.status, details=error.details, hint=error.hint) from None
    except KargoError as error:
        what = "whether `watch` is right" if settings.watch else f"which images Warehouse {kargo.warehouse_name} watches"
        console.info(f"{what} could not be checked: {error.message}")
        return None


def demand_watched(kargo: Kargo, wanted: Sequence[str], known: Sequence[str]) -> None:
    """Raise KargoError unless the Warehouse, which subscribes to `known`, watches the repositories that `watch` names."""
    blind = [repository for repository in wanted if not any(same_repository(repository, each, others=known) for each in known)]
    if blind:
        raise KargoError(
            f"Warehouse {kargo.warehouse_name} of Kargo project {kargo.project} does not watch {', '.join(blind)}",
            details=tuple(f"it watches {each}" for each in known) or ("it watches no image",),
            hint="write in `watch` the image that the Warehouse subscribes to, or add the subscription; no tag was moved",
        )


def rehearse(settings: "Settings", commit: Commit, kargo: Kargo, images: Mapping[str, str], console: Console) -> None:
    """Ask Kargo for its Warehouse, and say what a run would find wrong with it, by the same rules; `images` names repositories.

    Raises KargoError with `strict: true`.
    """
    teller = _Teller(settings, commit, console, patience=PATIENCE)

    def look() -> None:
        sight = teller.look(kargo)
        if sight.warehouse is None or teller.barred(sight.warehouse, sight):
            return
        watched = (images.get(ours, ours) for ours in (teller.ours(match.subscription.repo_url) for match in sight.matches))
        console.info(f"Kargo answers: Warehouse {kargo.warehouse_name} watches {', '.join(dict.fromkeys(watched))}")

    teller.forgiving(look)


def notify_and_wait(settings: "Settings", commit: Commit, kargo: Kargo | None, console: Console) -> Outcome:
    """Tell Kargo of the commit, and wait for its Freight where `wait` says so.

    What goes wrong with Kargo is forgiven with the time by which Kargo will see the commit by itself, unless `strict: true`. Raises
    KargoError (exit 1), SettingsError, and Cancelled with what has been done by then.
    """
    teller = _Teller(settings, commit, console, patience=settings.wait.total_seconds() or PATIENCE)
    try:
        outcome = teller.forgiving(lambda: teller.by_webhook() if kargo is None else teller.by(kargo))
    except Cancelled as error:
        told = "Kargo was told; only the wait for its Freight was cut short" if teller.told else f"Kargo was not told. {teller.by_itself()}"
        raise Cancelled(
            error.message,
            number=error.number,
            details=(f"{commit.short} is released: its tags are set", told.rstrip(".")),
            hint=error.hint,
        ) from None
    if isinstance(outcome, KargoError):
        return Outcome(ending=Ending.LATE if teller.told else Ending.NOT_TOLD, message=outcome.message, said=True)
    return outcome


class _Final(Exception):  # noqa: N818  never seen outside this file
    """An error that is never forgiven."""

    def __init__(self, error: KargoError) -> None:
        super().__init__(error.message)
        self.error = error


class _Teller:
    def __init__(self, settings: "Settings", commit: Commit, console: Console, *, patience: float) -> None:
        self._settings = settings
        self._commit = commit
        self._console = console
        self._patience = Patience(patience, console)
        self._warehouse: Warehouse | None = None
        self._unreadable = False
        self._state: State | None = None
        self.told = False
        # Kargo's next look at the registry will change nothing.
        self._settled = False

    def forgiving(self, work: Callable[[], T]) -> T | KargoError:
        """Return what the work does, or what is wrong with Kargo, as a warning; raises it with `strict: true`."""
        try:
            return work()
        except _Final as final:
            raise final.error from None
        except KargoError as error:
            if not self._settled and not isinstance(error, KargoMissing):
                error.details = (*error.details, self.by_itself())
            if self._settings.strict:
                raise
            self._console.forgive(error)
            return error

    def by_itself(self) -> str:
        """Say what Kargo does without being told."""
        return polling.promise(self._warehouse, unreadable=self._unreadable, state=self._state)

    def by_webhook(self) -> Outcome:
        if way(self._settings) != "webhook":
            return Outcome(ending=Ending.OFF, message=f"Kargo was not told. {self.by_itself()}")
        if self._settings.wait:
            self._console.warn("nothing can be read back by a webhook, so `wait` is ignored", hint="use `via: api` to wait for the Freight")
        with self._console.step("Telling Kargo by its webhook receiver") as step:
            about = {"revision": self._commit.revision, "images": list(self._commit.repositories)}
            patience = Patience(PATIENCE, self._console)
            summary = webhook.refresh(self._settings, about, self._console, patience)
            step.note(summary)
        return Outcome(ending=Ending.REFRESHED, message=f"Kargo was told of {self._commit.short}: {summary}")

    def by(self, kargo: Kargo) -> Outcome:
        timeout = self._settings.wait.total_seconds()
        what = f"Waiting up to {lasting(timeout)} for the Freight of" if timeout > 0 else f"Telling {kargo.label} of"
        with self._console.step(f"{what} {self._commit.short}") as step:
            end = self._asked(kargo, waits=timeout > 0)
            if isinstance(end, Waited):
                step.note(str(end.freight) if end.freight else "no Freight")
        if isinstance(end, Outcome):
            return end
        return self._ended(kargo, end, timeout) if isinstance(end, Waited) else self._found(kargo, end)

    def _asked(self, kargo: Kargo, *, waits: bool) -> Outcome | Freight | Waited:
        sight = self.look(kargo)
        if sight.warehouse is not None:
            settled = self.barred(sight.warehouse, sight) or self._freight(kargo, sight.warehouse, sight)
            if settled is not None:
                return settled
        self._console.detail(f"refreshing Warehouse {kargo.warehouse_name} of Kargo project {kargo.project}")
        if waits:
            return wait(kargo, lambda: self._refresh(kargo), self._commit, sight, self._patience.left, self._console)
        self._refresh(kargo)
        return Outcome(ending=Ending.REFRESHED, message=f"Kargo was told of {self._commit.short}")

    def _refresh(self, kargo: Kargo) -> None:
        self._patience.ask(kargo.refresh)
        self.told = True

    def look(self, kargo: Kargo) -> Sight:
        """Read the Warehouse, and see what it has to do with the commit."""
        try:
            warehouse = self._patience.ask(kargo.warehouse)
        except KargoRefused as error:
            self._unreadable = error.status == _FORBIDDEN
            if not self._unreadable or self._settings.create_freight:
                raise
            # A token without any right may refresh all the same.
            self._console.warn(error.message, hint=error.hint)
            return Sight(warehouse=None)
        self._warehouse = warehouse
        found = matches(warehouse, self._commit)
        if not found:
            self._settled = True
            raise _not_watched(warehouse, self._commit, kargo)
        for match in found:
            ours = self.ours(match.subscription.repo_url)
            if ours != match.subscription.repo_url:
                self._console.detail(f"Kargo knows {ours} as {match.subscription.repo_url}")
        return Sight(warehouse=warehouse, matches=found, names=names(warehouse, found))

    def ours(self, repository: str) -> str:
        """Return what the commit calls a repository that the Warehouse subscribes to."""
        return next(each for each in self._commit.repositories if same_repository(each, repository))

    def barred(self, warehouse: Warehouse, sight: Sight) -> Outcome | None:
        """Say why the Warehouse makes no Freight of the commit, however often it is refreshed."""
        if not any(match.accepted for match in sight.matches):
            filters = dict.fromkeys(pattern for match in sight.matches for pattern in match.subscription.allow)
            tags = dict.fromkeys(artifact.tag for artifact in self._commit.artifacts)
            message = (
                f"Warehouse {warehouse.name} takes none of the tags {', '.join(tags)}"
                f"{' (it takes ' + ', '.join(filters) + ')' if filters else ''}: no Freight is made of {self._commit.short}"
            )
            self._console.info(message)
            return Outcome(ending=Ending.NOT_ACCEPTED, message=message, said=True)
        return None

    def _freight(self, kargo: Kargo, warehouse: Warehouse, sight: Sight) -> Freight | Outcome | None:
        """Find or make the Freight where that needs no refresh."""
        freight = self._known(kargo, sight)
        if freight is not None:
            self._console.detail("the Freight is there already")
            return freight
        if warehouse.manual and self._settings.create_freight:
            return self._create(kargo, warehouse, sight)
        if warehouse.manual:
            message = f"Warehouse {warehouse.name} makes no Freight by itself (freightCreationPolicy: Manual)"
            self._console.warn(message, hint="set `create_freight: true`, or make the Freight in Kargo's UI")
            return Outcome(ending=Ending.MANUAL, message=message, said=True)
        if self._settings.create_freight:
            self._console.detail(f"create_freight: Warehouse {warehouse.name} makes its Freight by itself, so it is only refreshed")
        return None

    def _known(self, kargo: Kargo, sight: Sight) -> Freight | None:
        try:
            return self._patience.ask(lambda: find(kargo, sight, self._commit))
        except KargoRefused:
            # A refresh needs no right, and what is refused for good is told after it.
            return None

    def _create(self, kargo: Kargo, warehouse: Warehouse, sight: Sight) -> Freight:
        artifacts, missing = missing_artifacts(warehouse, sight.matches, self._commit)
        if missing:
            raise KargoError(
                f"no Freight can be made of {self._commit.short}: Warehouse {warehouse.name} subscribes to more than this commit has",
                details=tuple(f"nothing of this commit for {each}" for each in missing),
                hint="Freight holds one artifact for each subscription: give the others a Warehouse of their own",
            )
        self._console.detail(f"making the Freight of {counted(len(artifacts), 'image')}")
        return self._patience.ask(lambda: kargo.create(artifacts))

    def _ended(self, kargo: Kargo, waited: Waited, timeout: float) -> Outcome:
        if waited.freight is not None:
            return self._found(kargo, waited.freight)
        verdict = waited.verdict or Verdict(state=State.PENDING, message="Kargo has made no Freight yet")
        if verdict.state is State.SUPERSEDED:
            self._console.info(verdict.message)
            for line in verdict.details:
                self._console.detail(line)
            return Outcome(ending=Ending.SUPERSEDED, message=verdict.message, said=True)
        error = KargoError(verdict.message, details=verdict.details, hint=verdict.hint)
        if verdict.state is State.BEATEN:
            raise _Final(error)
        self._state, self._settled = verdict.state, waited.final
        if waited.final:
            raise error
        trouble = waited.trouble
        raise KargoError(
            f"no Freight of {self._commit.short} after {lasting(timeout)}: {trouble.message if trouble else verdict.message}",
            details=(*verdict.details, *(trouble.details if trouble else ())),
            hint=(trouble.hint if trouble else verdict.hint) or _patience(kargo),
        )

    def _found(self, kargo: Kargo, freight: Freight) -> Outcome:
        try:
            stages = kargo.stages()
        except KargoError as error:
            stages = []
            self._console.detail(f"whether a Stage holds it back can't be seen: {error.message}")
        blocked = self._warn_of_holds(kargo, freight, stages)
        message = f"Freight {freight} of {self._commit.short}: {_whereabouts(freight, stages)}"
        return Outcome(ending=Ending.FOUND, message=message, freight=freight, blocked=blocked)

    def _warn_of_holds(self, kargo: Kargo, freight: Freight, stages: Sequence[Stage]) -> tuple[str, ...]:
        blocked = []
        for stage in stages:
            for hold in stage.holds:
                if hold.warehouse != kargo.warehouse_name or hold.freight == freight.name or stage.name in freight.in_stages:
                    continue
                by = f"{hold.actor or 'somebody'}{f' on {hold.created:%Y-%m-%d %H:%M} UTC' if hold.created else ''}"
                self._console.warn(
                    f"Stage {stage.name} does not take this Freight by itself: {by} promoted Freight {hold.freight[:12]} by hand",
                    hint=f"to resume: kargo promote --project={kargo.project} --warehouse={kargo.warehouse_name} --stage={stage.name}",
                )
                blocked.append(stage.name)
        return tuple(blocked)


def _whereabouts(freight: Freight, stages: Sequence[Stage]) -> str:
    running = dict.fromkeys((*freight.in_stages, *(stage.name for stage in stages if freight.name in stage.freights)))
    verified = f"verified in {', '.join(freight.verified_in)}" if freight.verified_in else ""
    if not running:
        return f"{verified}, running in no Stage" if verified else "in no Stage yet"
    return ", ".join(filter(None, [f"in {', '.join(running)}", verified]))


def _patience(kargo: Kargo) -> str:
    return f"give `wait` more time, or look at `kargo get warehouse --project {kargo.project} {kargo.warehouse_name} -o yaml`"


def _not_watched(warehouse: Warehouse, commit: Commit, kargo: Kargo) -> KargoError:
    return KargoError(
        f"Warehouse {warehouse.name} of Kargo project {kargo.project} watches none of the images of {commit.short}",
        details=(
            *(f"it watches {entry.repo_url}" for entry in warehouse.images),
            *(f"this commit has {repository}" for repository in commit.repositories[:5]),
        ),
        hint="check `warehouse`, and the Warehouse's `repoURL`",
    )

"""Telling Kargo, and saying what has come of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from kargo_notify import webhook
from kargo_notify.commit import Commit, matches, names
from kargo_notify.freight import Freight, same_repository
from kargo_notify.kargo import Kargo, KargoError, KargoRefused, KargoUnreachable, Stage, way
from kargo_notify.verdict import State, Verdict, missing_artifacts
from kargo_notify.wait import Sight, Waited, find, wait
from kargo_notify.warehouse import Warehouse
from plugin_kit.console import Console, counted, elapsed

if TYPE_CHECKING:
    from kargo_notify.settings import Settings

_FORBIDDEN = 403

__all__ = ["Commit", "Ending", "Outcome", "demand_watched", "notify_and_wait", "subscribed"]


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
    """What has come of telling Kargo, in a sentence; `blocked` are the Stages that a hold keeps the Freight from."""

    ending: Ending
    message: str
    freight: Freight | None = None
    blocked: tuple[str, ...] = ()


def subscribed(kargo: Kargo) -> tuple[str, ...] | None:
    """Return the repositories that the Warehouse subscribes to; None where it can't be asked, which is told later."""
    try:
        return tuple(entry.repo_url for entry in kargo.warehouse().images)
    except KargoError:
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


def notify_and_wait(settings: "Settings", commit: Commit, kargo: Kargo | None, console: Console) -> Outcome:
    """Tell Kargo of the commit, and wait for its Freight where `wait` says so.

    What goes wrong with Kargo is forgiven with the time by which Kargo will see the commit by itself, unless `strict: true`. Raises
    KargoError (exit 1), SettingsError.
    """
    teller = _Teller(settings, commit, console)
    try:
        return teller.by_webhook() if kargo is None else teller.by(kargo)
    except _Final as final:
        raise final.error from None
    except KargoError as error:
        if not teller.settled:
            error = _with_detail(error, teller.when_by_itself())
        if settings.strict:
            raise error from None
        console.forgive(error)
        return Outcome(ending=Ending.LATE if teller.told else Ending.NOT_TOLD, message=error.message)


class _Final(Exception):  # noqa: N818  never seen outside this file
    """An error that is never forgiven."""

    def __init__(self, error: KargoError) -> None:
        super().__init__(error.message)
        self.error = error


class _Teller:
    def __init__(self, settings: "Settings", commit: Commit, console: Console) -> None:
        self._settings = settings
        self._commit = commit
        self._console = console
        self._warehouse: Warehouse | None = None
        self._by_itself = True
        self.told = False
        self.settled = False

    def by_webhook(self) -> Outcome:
        if way(self._settings) != "webhook":
            return Outcome(ending=Ending.OFF, message=f"Kargo was not told. {self.when_by_itself()}")
        if self._settings.wait:
            self._console.warn("nothing can be read back by a webhook, so `wait` is ignored", hint="use `via: api` to wait for the Freight")
        with self._console.step("Telling Kargo by its webhook receiver") as step:
            about = {"revision": self._commit.revision, "images": list(self._commit.repositories)}
            summary = webhook.refresh(self._settings, about, self._console)
            step.note(summary)
        return Outcome(ending=Ending.REFRESHED, message=f"Kargo was told of {self._commit.short}: {summary}")

    def by(self, kargo: Kargo) -> Outcome:
        sight = self._look(kargo)
        if sight.warehouse is not None:
            settled = self._settled(kargo, sight.warehouse, sight)
            if settled is not None:
                return settled
        self._console.detail(f"refreshing Warehouse {kargo.warehouse_name} of Kargo project {kargo.project}")
        timeout = self._settings.wait.total_seconds()
        if timeout <= 0:
            self._refresh(kargo)
            return Outcome(ending=Ending.REFRESHED, message=f"Kargo was told of {self._commit.short}")
        waited = wait(kargo, lambda: self._refresh(kargo), self._commit, sight, timeout, self._console)
        return self._ended(kargo, waited, timeout)

    def _refresh(self, kargo: Kargo) -> None:
        kargo.refresh()
        self.told = True

    def when_by_itself(self) -> str:
        """Say by when Kargo will have looked at the registry without being told."""
        if not self._by_itself:
            return "Kargo won't make this Freight by itself: the Warehouse's freightCreationPolicy is Manual."
        if self._warehouse is None:
            return "Kargo polls the registry by itself: it will see the images within its poll interval, 5 minutes by default."
        interval = self._warehouse.interval
        latest = datetime.now(UTC) + interval + timedelta(minutes=1)
        return (
            f"Kargo polls the registry by itself every {elapsed(interval.total_seconds())}: it will see the images by {latest:%H:%M} UTC."
        )

    def _look(self, kargo: Kargo) -> Sight:
        try:
            warehouse = kargo.warehouse()
        except KargoRefused as error:
            if error.status != _FORBIDDEN or self._settings.create_freight:
                raise
            # A token without any right may refresh all the same.
            self._console.warn(error.message, hint=error.hint)
            return Sight(warehouse=None)
        self._warehouse = warehouse
        self._by_itself = not warehouse.manual
        found = matches(warehouse, self._commit)
        if not found:
            raise _not_watched(warehouse, self._commit, kargo)
        for match in found:
            ours = next(each for each in self._commit.repositories if same_repository(each, match.subscription.repo_url))
            if ours != match.subscription.repo_url:
                self._console.detail(f"Kargo knows {ours} as {match.subscription.repo_url}")
        return Sight(warehouse=warehouse, matches=found, names=names(warehouse, found))

    def _settled(self, kargo: Kargo, warehouse: Warehouse, sight: Sight) -> Outcome | None:
        """Do what needs no refresh."""
        if not any(match.accepted for match in sight.matches):
            filters = dict.fromkeys(pattern for match in sight.matches for pattern in match.subscription.allow)
            tags = dict.fromkeys(artifact.tag for artifact in self._commit.artifacts)
            message = (
                f"Warehouse {warehouse.name} takes none of the tags {', '.join(tags)}"
                f"{' (it takes ' + ', '.join(filters) + ')' if filters else ''}: no Freight is made of {self._commit.short}"
            )
            self._console.info(message)
            return Outcome(ending=Ending.NOT_ACCEPTED, message=message)
        freight = self._known(kargo, sight)
        if freight is not None:
            self._console.detail("the Freight is there already")
            return self._found(kargo, freight)
        if warehouse.manual and self._settings.create_freight:
            return self._create(kargo, warehouse, sight)
        if warehouse.manual:
            message = f"Warehouse {warehouse.name} makes no Freight by itself (freightCreationPolicy: Manual)"
            self._console.warn(message, hint="set `create_freight: true`, or make the Freight in Kargo's UI")
            return Outcome(ending=Ending.MANUAL, message=message)
        if self._settings.create_freight:
            self._console.detail(f"create_freight: Warehouse {warehouse.name} makes its Freight by itself, so it is only refreshed")
        return None

    def _known(self, kargo: Kargo, sight: Sight) -> Freight | None:
        try:
            return find(kargo, sight, self._commit)
        except KargoRefused:
            # A refresh needs no right, and what is refused for good is told after it.
            return None

    def _create(self, kargo: Kargo, warehouse: Warehouse, sight: Sight) -> Outcome:
        artifacts, missing = missing_artifacts(warehouse, sight.matches, self._commit)
        if missing:
            raise KargoError(
                f"no Freight can be made of {self._commit.short}: Warehouse {warehouse.name} subscribes to more than this commit has",
                details=tuple(f"nothing of this commit for {each}" for each in missing),
                hint="Freight holds one artifact for each subscription: give the others a Warehouse of their own",
            )
        with self._console.step(f"Making the Freight of {counted(len(artifacts), 'image')}") as step:
            freight = kargo.create(artifacts)
            step.note(str(freight))
        return self._found(kargo, freight)

    def _ended(self, kargo: Kargo, waited: Waited, timeout: float) -> Outcome:
        if waited.freight is not None:
            return self._found(kargo, waited.freight)
        verdict = waited.verdict or Verdict(state=State.PENDING, message="Kargo has made no Freight yet")
        if verdict.state is State.SUPERSEDED:
            self._console.info(verdict.message)
            for line in verdict.details:
                self._console.detail(line)
            return Outcome(ending=Ending.SUPERSEDED, message=verdict.message)
        error = KargoError(verdict.message, details=verdict.details, hint=verdict.hint)
        if verdict.state is State.BEATEN:
            raise _Final(error)
        if waited.final:
            # It will not come with Kargo's next look at the registry either.
            self.settled = True
            raise error
        trouble = waited.trouble
        raise KargoError(
            f"no Freight of {self._commit.short} after {elapsed(timeout)}: {trouble.message if trouble else verdict.message}",
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
    parts = [f"in {', '.join(running)}"] if running else ["in no Stage yet"]
    if freight.verified_in:
        parts.append(f"verified in {', '.join(freight.verified_in)}")
    return ", ".join(parts)


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


def _with_detail(error: KargoError, line: str) -> KargoError:
    details = (*error.details, line)
    if isinstance(error, KargoRefused):
        return KargoRefused(error.message, status=error.status, details=details, hint=error.hint)
    kind = KargoUnreachable if isinstance(error, KargoUnreachable) else KargoError
    return kind(error.message, details=details, hint=error.hint)

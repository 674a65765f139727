"""`kargo-notify --prune`: removes the tags of old commits from all images of a project."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kargo_notify import housekeeping, prune_report, removal, stock
from kargo_notify.housekeeping import Claim, Plan, Protected, Reason, Shelf, Unit
from kargo_notify.kargo import Kargo, connect
from kargo_notify.stock import Stock
from plugin_kit.access import Access
from plugin_kit.console import Console, counted
from plugin_kit.errors import PluginError, RegistryError, SettingsError
from plugin_kit.manifest import Manifest
from plugin_kit.reference import Repository
from plugin_kit.registry import Registry

if TYPE_CHECKING:
    from kargo_notify.settings import Settings
    from plugin_kit.ci import CI
    from plugin_kit.options import Chosen

CONNECTIONS = 16
KEEP = "--keep"


def run(settings: "Settings", ci: "CI", console: Console, chosen: "Chosen") -> None:
    """Remove what is old and nobody needs; raises PluginError when it can't know what is needed, or when a tag without manifest stays."""
    keep = _keep(chosen)
    kargo = _kargo(settings, ci, console)
    home, releases = stock.place(settings, ci)
    with Access(settings, home, ci.workspace, console, connections=CONNECTIONS) as access:
        registry = access.registry(home.host)
        registry.ping()
        with console.step(f"Reading {stock.project(releases)} and what Kargo holds of it") as step:
            held = _held(kargo)
            found = stock.read(registry, releases)
            step.note(f"{counted(len(found.commits), 'commit')}, {counted(found.tags, 'tag')}")
        if not found.commits:
            raise stock.nothing_recorded(registry, releases)
        Prune(registry, kargo, releases, found, keep, console).run(held, dry_run=chosen.dry_run or settings.dry_run)


class Prune:
    """One run: what is in the registry as far as it is known by then, what has gone, and what the registry can do."""

    def __init__(self, registry: Registry, kargo: Kargo, releases: Repository, found: Stock, keep: int, console: Console) -> None:
        self._registry = registry
        self._kargo = kargo
        self._releases = releases
        self._found = found
        self._keep = keep
        self._console = console
        self._shelves = list(found.shelves)
        self._by_tag = True
        self._proven = False
        self._refusal: RegistryError | None = None
        self._removed: list[Unit] = []
        self._late: list[Protected] = []

    def run(self, held: Sequence[Claim], *, dry_run: bool) -> None:
        """Plan, remove, look at what is left, and report."""
        watched = self._watched()
        self._shelves = housekeeping.in_order([self._with_untagged(shelf, held) for shelf in self._shelves], watched)
        before = tuple(self._shelves)
        plan = self._plan(held)
        if plan.going:
            self._demand_relation(held, watched)
            self._by_tag = self._ability(dry_run=dry_run)
            plan = self._plan(held)
        if plan.going and not dry_run:
            plan = self._remove(plan)
            self._reread()
        if not dry_run:
            self._mend()
        prune_report.report(plan, before, self._releases, self._console, dry_run=dry_run, by_tag=self._by_tag)
        for name in self._found.elsewhere:
            self._console.warn(f"{name} is outside {stock.project(self._releases)} and was not looked at")
        if self._refusal is not None:
            raise self._refusal
        self._demand_no_dead_tags(plan)

    def _plan(self, held: Sequence[Claim]) -> Plan:
        gone = frozenset().union(*(unit.revisions for unit in self._removed))
        commits = [commit for commit in self._found.commits if commit.revision not in gone]
        return housekeeping.plan(self._shelves, commits, held, keep=self._keep, by_tag=self._by_tag)

    def _watched(self) -> tuple[Repository, ...]:
        warehouse = self._kargo.warehouse()
        return tuple(shelf.repository for shelf in self._shelves if warehouse.subscription(str(shelf.repository)))

    def _with_untagged(self, shelf: Shelf, held: Iterable[Claim]) -> Shelf:
        return stock.with_untagged(self._registry, shelf, frozenset().union(*(claim.digests for claim in held)))

    def _demand_relation(self, held: Sequence[Claim], watched: Sequence[Repository]) -> None:
        """Refuse where this Kargo project has to do with other images: then nothing would be protected by it."""
        revisions = {commit.revision for commit in self._found.commits}
        digests = {digest for shelf in self._shelves for tagged in shelf.tags.values() for digest in tagged.reach}
        if not watched and not any(claim.revisions & revisions or claim.digests & digests for claim in held):
            raise PluginError(
                f"the Kargo project {self._kargo.project} has nothing to do with {stock.project(self._releases)}: no Freight names one of "
                f"its images, and the Warehouse {self._kargo.warehouse_name} watches none; nothing was removed",
                hint="check `kargo_project`, `warehouse` and `project`: with the wrong ones nothing would be protected",
            )

    def _ability(self, *, dry_run: bool) -> bool:
        try:
            return removal.removes_tags(self._registry, self._releases.path)
        except RegistryError as error:
            if not dry_run:
                raise
            # The plan is worth seeing all the same; the dry run ends with this, as the run itself would.
            self._refusal = error
            return False

    def _remove(self, plan: Plan) -> Plan:
        """Remove what is to go; returns the plan as it was carried out."""
        with self._console.step(f"Removing {counted(len(plan.going), 'commit')}") as step:
            waiting = list(plan.going)
            try:
                while waiting:
                    try:
                        self._remove_unit(waiting[0])
                        waiting.pop(0)
                    except removal.OnlyDigests:
                        self._by_tag = False
                        self._reread()
                        self._late.clear()
                        plan = self._plan(_held(self._kargo))
                        waiting = list(plan.going)
            except PluginError as error:
                raise self._interrupted(error, waiting) from error
            step.note(f"{counted(len(self._removed), 'commit')} removed")
        return replace(plan, going=tuple(self._removed), protected=(*plan.protected, *self._late))

    def _remove_unit(self, unit: Unit) -> None:
        # Freight, or a tag, may have come since everything was read: the last look is the one that counts.
        held = _held(self._kargo)
        fresh = [stock.look_again(self._registry, shelf, unit.revisions) for shelf in self._shelves]
        reasons = [*housekeeping.claimants(unit, held), *housekeeping.sharers(unit, fresh, by_tag=self._by_tag)]
        if housekeeping.tags(unit, fresh) != housekeeping.tags(unit, self._shelves):
            reasons.append(Reason(kind="its tags changed while this ran"))
        self._shelves = fresh
        if reasons:
            self._late.append(Protected(unit=unit, reasons=tuple(dict.fromkeys(reasons))))
            return
        self._prove(unit)
        for place, shelf in enumerate(self._shelves):
            cut = housekeeping.cut(unit, shelf, by_tag=self._by_tag)
            if self._by_tag:
                removal.untag(self._registry, cut, shelf)
            else:
                removal.delete(self._registry, cut)
            self._shelves[place] = shelf.without(cut.gone)
        self._removed.append(unit)

    def _prove(self, unit: Unit) -> None:
        """See, where a tag shares its manifest for the first time, whether that stays, before the commit has lost anything else."""
        for place, shelf in enumerate(self._shelves) if self._by_tag and not self._proven else ():
            tag = removal.prove(self._registry, housekeeping.cut(unit, shelf, by_tag=True), shelf)
            if tag is not None:
                self._proven = True
                self._shelves[place] = shelf.without({tag})
                return

    def _reread(self) -> None:
        with self._console.step("Looking at every tag that is left") as step:
            self._shelves = [replace(shelf, tags=stock.tags(self._registry, shelf.repository)) for shelf in self._shelves]
            step.note(counted(sum(len(shelf.tags) for shelf in self._shelves), "tag"))

    def _mend(self) -> None:
        """Set those tags again that lead nowhere while the manifest is there which the release record says they name."""
        for place, shelf in enumerate(self._shelves):
            found = {tag: manifest for _, tag in housekeeping.dead([shelf]) if (manifest := self._lost(shelf.repository, tag))}
            for tag, manifest in found.items():
                self._registry.put_manifest(shelf.repository.path, tag, manifest)
                self._console.warn(f"{shelf.repository}:{tag} led nowhere and was set again as its release record says")
            if found:
                self._shelves[place] = stock.look_again(self._registry, shelf.without(found), ())

    def _lost(self, repository: Repository, tag: str) -> Manifest | None:
        revision = housekeeping.revision_of(tag)
        digests = self._found.digests.get((repository, revision), frozenset()) if revision else frozenset()
        # A commit that was built twice has two, and nothing says which of them it was.
        return self._registry.manifest(repository.path, *digests) if len(digests) == 1 else None

    def _demand_no_dead_tags(self, plan: Plan) -> None:
        going = frozenset().union(*(unit.revisions for unit in plan.going))
        found = [
            f"{repository}:{tag}" for repository, tag in housekeeping.dead(self._shelves) if housekeeping.revision_of(tag) not in going
        ]
        if found:
            raise PluginError(
                f"{counted(len(found), 'tag')} without a manifest: while there is one in a repository, Kargo discovers nothing new there",
                details=found,
                hint="run the pipeline of that commit again, with `force: true` in the step of registry-push, which sets the tag anew; "
                "`latest` is set by the next commit",
            )

    def _interrupted(self, error: PluginError, waiting: Sequence[Unit]) -> PluginError:
        names = ", ".join(commit.revision for commit in waiting[0].commits) if waiting else ""
        return PluginError(
            error.message,
            details=(
                *error.details,
                f"{counted(len(self._removed), 'commit')} removed before that",
                f"{names} may have lost some of its tags; all others are whole",
            ),
            hint=f"{error.hint or 'find out why'}; then run this again: it goes on where it stopped",
        )


def _keep(chosen: "Chosen") -> int:
    options = chosen.action.options if chosen.action else ()
    text = next((chosen.value(option) for option in options if option.name == KEEP), "")
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise SettingsError([f"{KEEP}: {text!r} is no number of commits; the least is 1"])
    return int(text)


def _kargo(settings: "Settings", ci: "CI", console: Console) -> Kargo:
    kargo = connect(settings, ci, console)
    if kargo is None:
        raise SettingsError(
            ["--prune has to ask Kargo which images it still needs; a webhook can't be asked, nor can `via: none`"],
            hint="set `kargo_url`, `kargo_token`, `kargo_project` and `warehouse`; or `via: kubernetes`, `kargo_project` and `warehouse`",
        )
    return kargo


def _held(kargo: Kargo) -> tuple[Claim, ...]:
    return housekeeping.claims(kargo.freights(all_warehouses=True), kargo.stages())

"""A run of github-mirror: settings -> plan -> execute -> report."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from github_mirror import host_keys, keys, lfs, plan, relations, report
from github_mirror.far import Far
from github_mirror.git import Deadline, Git
from github_mirror.plan import Ours, RefPlan, Wishes
from github_mirror.push import Delivery
from github_mirror.refs import TAGS, Listing
from github_mirror.remote import Remote
from github_mirror.source import Source, open_source
from github_mirror.ssh import Ssh
from plugin_kit.console import Console, counted
from plugin_kit.errors import Cancelled, PluginError, SettingsError

if TYPE_CHECKING:
    from github_mirror.settings import Settings
    from plugin_kit.ci import CI


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    settings: "Settings"
    ci: "CI"
    console: Console
    dry_run: bool
    deadline: Deadline


def run(settings: "Settings", ci: "CI", console: Console, dry_run: bool) -> None:
    """Mirror to every remote; what fails on the way is an error only with `strict`."""
    remotes = _remotes(settings)
    if ci.event.is_pull_request:
        console.info("nothing to mirror: this is a pull request, and only what has been merged is mirrored")
        return
    deadline = Deadline(settings.timeout.total_seconds())
    this = _Run(settings=settings, ci=ci, console=console, dry_run=dry_run or settings.dry_run, deadline=deadline)
    found: list[PluginError] = []
    try:
        found += _mirror(remotes, this)
    except Cancelled:
        raise
    except PluginError as error:
        found.append(error)
    report.verdict(found, console, strict=settings.strict, planned=this.dry_run)


def _remotes(settings: "Settings") -> list[Remote]:
    remotes, problems = [], []
    for text in settings.remote:
        try:
            remotes.append(Remote.parse(text))
        except ValueError as error:
            problems.append(f'remote: "{text}" {error}')
    if problems:
        raise SettingsError(problems)
    return remotes


def _mirror(remotes: Sequence[Remote], this: _Run) -> Iterator[PluginError]:
    """Mirror to one remote after the other; gives what went wrong."""
    key = keys.repair(this.settings.ssh_key.get_secret_value())
    this.console.info(f"deploy key: {key.fingerprint}{f' ({key.comment})' if key.comment else ''}")
    with ExitStack() as stack:
        fars: list[Far] = []
        for remote in remotes:
            try:
                known = host_keys.known_hosts(this.settings.known_hosts, [remote], this.ci.workspace)
            except PluginError as error:
                yield error
                continue
            ssh = stack.enter_context(Ssh(key=key, known_hosts=known))
            fars.append(Far(remote=remote, git=Git(folder=Path("/"), deadline=this.deadline, environment=ssh.environment())))
        if not fars:
            return
        listings = stack.enter_context(_listings(fars))
        try:
            with this.console.step("Reading the source") as step:
                source = stack.enter_context(open_source(this.settings, this.ci, this.deadline, this.console))
                step.note(f"{source.label}, {counted(len(source.listing.refs), 'ref')}")
        except Cancelled:
            raise
        except PluginError as error:
            yield error
            yield from _unread(listings)
            return
        yield from _mirror_to_each(fars, listings, source, this)


@contextmanager
def _listings(fars: Sequence[Far]) -> Iterator[list[Future[Listing]]]:
    """Read all far sides at once, and while the source is read."""
    pool = ThreadPoolExecutor(max_workers=max(1, len(fars)))
    try:
        yield [pool.submit(far.read) for far in fars]
    finally:
        # Not waited for: after a signal nobody has the time, and the deadline ends them otherwise.
        pool.shutdown(wait=False, cancel_futures=True)


def _unread(listings: Sequence[Future[Listing]]) -> Iterator[PluginError]:
    """Give the far sides' own problems, so that one run shows them all."""
    for listing in listings:
        error = listing.exception()
        if isinstance(error, PluginError):
            yield error


def _mirror_to_each(fars: Sequence[Far], listings: Sequence[Future[Listing]], source: Source, this: _Run) -> Iterator[PluginError]:
    wanted, ours = _wanted(source, this)
    seen = [ours.listing]
    if wanted.reason:
        this.console.info(f"nothing to mirror: {wanted.reason}")
        yield from _unmatched(seen, this)
        return
    for far, listing in zip(fars, listings, strict=True):
        try:
            seen.append(listing.result())
            yield from _mirror_to(far, seen[-1], source, wanted, ours, this)
        except Cancelled:
            raise
        except PluginError as error:
            yield error
    # A far side that could not be read may have what a pattern is for.
    if len(seen) == 1 + len(fars):
        yield from _unmatched(seen, this)


def _unmatched(seen: Sequence[Listing], this: _Run) -> Iterator[PluginError]:
    yield from report.unmatched(plan.unmatched(this.settings, seen), this.console, strict=this.settings.strict)


def _wanted(source: Source, this: _Run) -> tuple[Wishes, Ours]:
    ours = Ours(listing=source.listing, complete=source.complete, head=source.head, tip=source.tip, gone=source.gone)
    followed: list[str] = []
    if this.settings.followtags:
        annotated = {name: oid for name, oid in source.listing.peeled.items() if name.startswith(TAGS)}
        passed = relations.reachable(source.git, set(annotated.values()), [source.head])
        followed = [name for name, oid in annotated.items() if oid in passed]
    return plan.wishes(this.settings, this.ci, ours, followed), ours


def _mirror_to(far: Far, listing: Listing, source: Source, wanted: Wishes, ours: Ours, this: _Run) -> Iterator[PluginError]:
    url = far.remote.url
    far = replace(far, git=source.git.using(far.git.environment))

    def choose(seen: Listing, first: Listing | None) -> Sequence[RefPlan]:
        facts = relations.gather(source.git, plan.questions(wanted, seen), far, seen)
        return plan.decide(wanted, ours, seen, facts, this.settings, seen_first=first)

    if this.dry_run:
        outcomes = report.plan(url, choose(listing, None), this.console)
        report.notices(url, outcomes, this.console)
        yield from report.problems(url, outcomes)
        return
    with this.console.step(f"Mirroring to {url}") as step:
        there = frozenset(listing.refs.values())
        objects = lfs.Objects(source=source, far=far, settings=this.settings, console=this.console, there=there)
        outcomes = Delivery(far, choose, limit=this.settings.push_limit, before=objects.send).run(listing)
        step.note(report.note(outcomes))
    report.table(url, outcomes, this.console)
    report.losses(url, outcomes, this.console)
    report.notices(url, outcomes, this.console)
    yield from report.problems(url, outcomes)

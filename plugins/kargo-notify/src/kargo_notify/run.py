"""A run of kargo-notify: settings -> plan -> verify, release, tell Kargo -> report."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from kargo_notify import candidates, expected, kargo, notify, publish, records, report, verify
from kargo_notify.expected import Plan
from kargo_notify.notify import Commit
from kargo_notify.publish import Standing
from kargo_notify.records import Record
from kargo_notify.verify import Found
from plugin_kit.access import Access
from plugin_kit.console import Console

if TYPE_CHECKING:
    from kargo_notify.kargo import Kargo
    from kargo_notify.settings import Settings
    from plugin_kit.ci import CI

CONNECTIONS = 16


def run(settings: "Settings", ci: "CI", console: Console, dry_run: bool) -> None:
    """Verify the images of the commit, release their tags, and tell Kargo; raises PluginError when not all tags could be set."""
    reason = records.skipped(ci)
    if reason:
        console.info(f"nothing to release: {reason}")
        return
    # Before anything is asked: what is wrong with the settings of the last part must not be found after the first part has set tags.
    kargo.demand_way(settings, console)
    connection = kargo.connect(settings, ci, console, once=kargo.PATIENCE)
    with ExitStack() as stack:
        if connection:
            stack.callback(connection.close)
        access = stack.enter_context(Access(settings, records.home(settings, ci), ci.workspace, console, connections=CONNECTIONS))
        commit = _release(settings, ci, access, connection, console, dry_run=dry_run or settings.dry_run)
        if commit is not None:
            report.outcome(notify.notify_and_wait(settings, commit, connection, console), console)


def _release(
    settings: "Settings", ci: "CI", access: Access, connection: "Kargo | None", console: Console, *, dry_run: bool
) -> Commit | None:
    """Verify and release; returns what Kargo is to be told, nothing in a dry run."""
    record = records.find(settings, ci, access, console)
    plan = _plan(settings, ci, record, console)
    report.plan(plan, settings, console)
    found = verify.verify(plan, access, console, timeout=settings.timeout.total_seconds())
    if dry_run:
        intention = publish.intend(plan, found, access, ci)
        report.intention(plan, intention, settings, console)
        if connection:
            notify.rehearse(settings, _commit(plan, found, intention.standing), connection, plan.names, console)
        report.rehearsed(console)
        return None
    published = publish.publish(plan, found, access, ci, console)
    candidates.remove(plan, found, access, console)
    report.released(plan, found, published, console)
    return _commit(plan, found, published.standing)


def _commit(plan: Plan, found: Sequence[Found], standing: Standing) -> Commit:
    return Commit(
        revision=plan.revision,
        artifacts=publish.artifacts(plan, found, standing),
        created=plan.created,
        watched=plan.watched_repositories,
    )


def _plan(settings: "Settings", ci: "CI", record: Record | None, console: Console) -> Plan:
    """Plan with what the Warehouse subscribes to, where it can be asked; what is wrong with a Kargo that can't is for after the release."""
    subscribed = None
    # Nobody waits for long, so it has a connection of its own.
    glance = kargo.connect(settings, ci, console, once=kargo.GLANCE)
    if glance:
        with closing(glance):
            subscribed = notify.subscribed(glance, settings, console)
    plan = expected.plan(settings, ci, record, watched=subscribed or ())
    if glance and settings.watch and subscribed is not None:
        notify.demand_watched(glance, plan.watched_repositories, subscribed)
    return plan

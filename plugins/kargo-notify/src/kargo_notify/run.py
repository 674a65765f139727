"""A run of kargo-notify: settings -> plan -> verify, release, tell Kargo -> report."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from kargo_notify import candidates, expected, kargo, notify, publish, records, report, verify
from kargo_notify.expected import Plan
from kargo_notify.notify import Commit
from kargo_notify.records import Record
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
    connection = kargo.connect(settings, ci, console)
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
    plan = _plan(settings, ci, record, connection)
    report.plan(plan, settings, console)
    found = verify.verify(plan, access, console, timeout=settings.timeout.total_seconds())
    if dry_run:
        report.intention(plan, publish.intend(plan, found, access, ci), settings, console)
        return None
    published = publish.publish(plan, found, access, ci, console)
    candidates.remove(plan, found, access, console)
    report.released(plan, found, published, console)
    return Commit(
        revision=plan.revision,
        artifacts=publish.artifacts(plan, found, published),
        created=plan.created,
        watched=plan.watched_repositories,
    )


def _plan(settings: "Settings", ci: "CI", record: Record | None, connection: "Kargo | None") -> Plan:
    """Plan with what the Warehouse subscribes to, where it can be asked; a Kargo that does not answer is told of after the release."""
    subscribed = notify.subscribed(connection) if connection else None
    plan = expected.plan(settings, ci, record, watched=subscribed or ())
    if connection and settings.watch and subscribed is not None:
        notify.demand_watched(connection, plan.watched_repositories, subscribed)
    return plan

"""`bootstrap break-glass`: the record is made as whoever runs the command, and by nobody else."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from bootstrap.break_glass.identity import identity
from bootstrap.break_glass.policy import in_force, words
from bootstrap.break_glass.record import Record, manifest, parse, write_time
from bootstrap.break_glass.refusal import explained, not_in_force
from bootstrap.break_glass.times import shown
from bootstrap.break_glass.wanted import Wanted
from bootstrap.core.cluster import Cluster
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError, ClusterError, RefusedError, UnreachableError
from bootstrap.core.objects import Manifest, ref_of
from bootstrap.platform.platform import Platform
from plugin_kit.console import Console


def break_glass(context: Context, wanted: Wanted) -> Record:
    """Make the record; what the API server refuses is told in words, and it has the last one."""
    cluster, platform = context.cluster, context.platform
    operator = identity(cluster).name
    try:
        # A cluster without the policy would take any record, also one that somebody else has made up.
        if not in_force(cluster, platform.namespace):
            raise not_in_force()
        return parse(_made(cluster, _record(cluster, platform, wanted, operator)))
    except ClusterError as error:
        raise explained(error, platform, operator) from error


def show(console: Console, platform: Platform, wanted: Wanted, record: Record, *, now: datetime | None = None) -> None:
    """Say what holds from here on, and until when."""
    now = now or datetime.now(UTC)
    until = shown(record.expires, platform.market_gate.zone, now=now)
    length = words(wanted.length.total_seconds())
    console.info(f"The gate lets promotions to {record.stage} of {record.project} through until {until}: {length}.")
    console.detail(f"operator       {record.operator}")
    console.detail(f"justification  {record.justification}")
    console.detail(f"record         ConfigMap {platform.namespace}/{record.name}")
    if wanted.stage.gate == "hold":
        console.info("A promotion that waits at the gate goes on by itself, within half a minute.")
    else:
        console.info("A promotion that the gate has refused has failed for good: promote again.")
    console.info("It ends by itself; nobody can change it, end it earlier or delete it.")
    console.info(f"What it was used for: bootstrap audit --project {record.project} --stage {record.stage}")


def as_json(platform: Platform, record: Record) -> dict[str, Any]:
    """Give what programs read."""
    return {
        "record": f"{platform.namespace}/{record.name}",
        "project": record.project,
        "stage": record.stage,
        "operator": record.operator,
        "justification": record.justification,
        "created": write_time(record.created),
        "expires": write_time(record.expires),
    }


def _record(cluster: Cluster, platform: Platform, wanted: Wanted, operator: str) -> Manifest:
    # The API server compares with its own clock, whose fractions of a second it does not tell: this is never later than that.
    now = cluster.now().replace(microsecond=0)
    data = {
        "project": wanted.project,
        "stage": wanted.stage.name,
        "operator": operator,
        "justification": wanted.justification,
        "expires": write_time(now + max(wanted.length, timedelta(seconds=1))),
    }
    # Named here, so that it can be looked for after an answer that got lost.
    name = f"break-glass-{wanted.stage.name}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    return manifest(name, platform.namespace, data=data)


def _made(cluster: Cluster, wanted: Manifest) -> Manifest:
    try:
        return cluster.create(wanted)
    except (UnreachableError, RefusedError) as error:
        try:
            live = cluster.get(ref_of(wanted))
        except BootstrapError:
            live = None
        if live is None:
            raise error from None
        return live

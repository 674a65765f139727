"""The commands `break-glass`, `operator add` and `audit`."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from bootstrap import terminal
from bootstrap.options import FILE, File, Json, Kubeconfig, Plain
from bootstrap.platform.duration import Duration
from bootstrap.session import Session
from plugin_kit.errors import PluginError

operator = typer.Typer(
    help="People who may break glass: each needs a login of their own.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def break_glass(
    *,
    stage: Annotated[str, typer.Option(help="The stage whose promotions are let through.")],
    length: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 30m, 1h. It can't be ended earlier.")],
    justification: Annotated[str, typer.Option(help="Why, in one line of at least 15 characters; it stays on record.")],
    project: Annotated[
        str | None,
        typer.Option(help="The project, by its name in platform.yaml or in Kargo; needed where several are guarded.", show_default=False),
    ] = None,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """Let promotions of a stage through although the market is open: in your own name, for a while, and on record for ever."""
    # With their own parts: what only this command needs takes time to load.
    from bootstrap.break_glass import breaking  # noqa: PLC0415
    from bootstrap.break_glass.wanted import wanted  # noqa: PLC0415

    console = terminal.console(data_follow=as_json)
    time = _length("--for", length)
    with Session.open(file, console, kubeconfig=kubeconfig, allow_plain_secrets=allow_plain_secrets, warned=False) as session:
        platform = session.context.platform
        asked = wanted(platform, project=project, stage=stage, length=time, justification=justification)
        record = breaking.break_glass(session.context, asked)
        if as_json:
            terminal.write(breaking.as_json(platform, record))
        else:
            breaking.show(console, platform, asked, record)


@operator.command("add", short_help="Make a login for a person, in their own name.")
def add_operator(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that people know them by; it must be in `break_glass.operators`.")],
    *,
    group: Annotated[
        list[str] | None, typer.Option(metavar="GROUP", help="A group that they are in; repeat it for several.", show_default=False)
    ] = None,
    valid_for: Annotated[str, typer.Option("--valid-for", metavar="TIME", help="How long the certificate is valid.")] = "90d",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The kubeconfig that is written. Default: NAME.kubeconfig.", show_default=False)
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="The address of the API server, where theirs is not the one used here.", show_default=False)
    ] = None,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    as_json: Json = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """Make a login for a person: a certificate in their own name, signed by the cluster, in a kubeconfig."""
    from bootstrap.break_glass import operator as operators  # noqa: PLC0415  only this command needs it

    console = terminal.console(data_follow=as_json)
    length = _length("--valid-for", valid_for)
    with Session.open(file, console, kubeconfig=kubeconfig, allow_plain_secrets=allow_plain_secrets, warned=False) as session:
        wanted = operators.operator(session.context.platform, name, groups=group or (), length=length, file=output, server=server)
        login = operators.add(session.context, wanted)
        if as_json:
            terminal.write(operators.as_json(login))
        operators.show(console, login, address=session.context.cluster.address)


def audit(
    *,
    project: Annotated[str | None, typer.Option(help="Only this project, as in platform.yaml or as in Kargo.", show_default=False)] = None,
    stage: Annotated[str | None, typer.Option(help="Only this stage.", show_default=False)] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only what held since then: 30d, 2026-11-01, 2026-11-01T12:00.", show_default=False),
    ] = None,
    file: File = FILE,
    kubeconfig: Kubeconfig = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for a spreadsheet; everything else goes to standard error.")] = False,
    allow_plain_secrets: Plain = False,
) -> None:
    """List who broke glass, when and why, and for which promotions."""
    from bootstrap.break_glass import audit as audits  # noqa: PLC0415  only this command needs it
    from bootstrap.break_glass import audit_report  # noqa: PLC0415

    if as_json and as_csv:
        raise PluginError("--json or --csv?", hint="take one of them")
    console = terminal.console(data_follow=as_json or as_csv)
    now = datetime.now(UTC)
    with Session.open(file, console, kubeconfig=kubeconfig, allow_plain_secrets=allow_plain_secrets, warned=False) as session:
        platform = session.context.platform
        asked = audits.wanted(platform, project=project, stage=stage, since=since, now=now)
        found = audits.audit(session.context.cluster, platform.namespace, asked)
    if as_csv:
        audit_report.write_csv(sys.stdout, found, redacted=terminal.redacted)
    elif as_json:
        terminal.write(audit_report.as_json(found, now=now))
    else:
        audit_report.show(console, found, zone=platform.market_gate.zone, now=now)
    audit_report.show_gaps(console, found, namespace=platform.namespace)


def _length(option: str, text: str) -> timedelta:
    try:
        length: timedelta = TypeAdapter(Duration).validate_python(text)
    except (ValidationError, OverflowError):
        raise PluginError(f'{option} "{text}" is no length of time', hint="write it as 30m, 1h, 1h30m or 90d") from None
    return length

"""`bootstrap operator add`: a login of their own for a person who may break glass.

platform.yaml says who may: this command gives nobody a right, and `bootstrap up` takes none that it gave.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bootstrap.break_glass import kubeconfig
from bootstrap.break_glass.certificate import SHORTEST, Certificate, issue
from bootstrap.break_glass.identity import Identity, identity
from bootstrap.break_glass.policy import words
from bootstrap.break_glass.record import write_time
from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError, UnreachableError
from bootstrap.core.objects import Ref
from bootstrap.platform.gate_checks import SYSTEM
from bootstrap.platform.platform import Platform
from plugin_kit.console import Console
from plugin_kit.errors import PluginError

# X.520 has no longer names.
_LONGEST = 64
_KNOWN = "take the name that people know them by"
USUAL_LENGTH = timedelta(days=90)
LONGEST_LENGTH = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Whose login is made, in which file, and for how long."""

    name: str
    groups: Sequence[str]
    length: timedelta
    file: Path
    server: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What was made, and what the API server says of it."""

    operator: Operator
    expires: datetime
    known_as: Identity | None
    """None where the API server could not be asked under the address in the file."""
    may: bool
    """Whether they may break glass on the cluster as it is."""


def operator(
    platform: Platform,
    name: str,
    *,
    groups: Sequence[str] = (),
    length: timedelta = USUAL_LENGTH,
    file: Path | None = None,
    server: str | None = None,
) -> Operator:
    """Look at what is asked for, before anything is made."""
    for what in (name, *groups):
        _check_name(what)
    if length < SHORTEST:
        text = f"a certificate for {words(length.total_seconds())} is too short"
        raise PluginError(text, hint=f"at least {words(SHORTEST.total_seconds())} are possible")
    if length > LONGEST_LENGTH:
        text = f"a certificate for {length.days} days is too long: nobody can take it back before it ends"
        raise PluginError(text, hint=f"--valid-for {LONGEST_LENGTH.days}d is the longest; make a new one then")
    allowed = platform.break_glass.operators
    if name not in allowed.users and not set(groups) & set(allowed.groups):
        where = f"`{name}` to `break_glass.operators.users`"
        if groups:
            where += f", or one of {', '.join(groups)} to `break_glass.operators.groups`"
        raise PluginError(
            f"{name} is not among those who may break glass: platform.yaml decides that",
            hint=f"add {where}, run `bootstrap up`, and then this again",
        )
    if server is not None and not kubeconfig.is_address(server):
        raise PluginError(f"--server {server} is no address of an API server", hint="write it as https://NODE:6443")
    file = file or Path(f"{name.replace(os.sep, '-').replace(':', '-')}.kubeconfig")
    if file.exists():
        raise kubeconfig.exists(file)
    return Operator(name=name, groups=tuple(groups), length=length, file=file, server=server)


def add(context: Context, wanted: Operator) -> Login:
    """Have the certificate signed, write the file, and log in with it."""
    connection = context.cluster.connection
    # Before anything is signed, since it can't be taken back.
    if wanted.server is None and kubeconfig.is_local(connection.address):
        raise PluginError(
            f"the API server is {connection.address} here, which is another machine on every machine",
            hint="--server https://NODE:6443 names the address by which this person reaches the cluster",
        )
    certificate: Certificate = issue(
        context, name=wanted.name, groups=wanted.groups, length=wanted.length, deadline=context.deadline(context.platform.timeouts.ready)
    )
    kubeconfig.write(wanted.file, kubeconfig.content(connection, wanted.name, certificate, server=wanted.server))
    known_as, may = _tried(context, wanted)
    return Login(operator=wanted, expires=certificate.expires, known_as=known_as, may=may)


def show(console: Console, login: Login, *, address: str) -> None:
    """Say what the person gets, and what is still missing; `address` is the API server's as this machine knows it."""
    wanted = login.operator
    server = wanted.server or address
    groups = f", in {', '.join(wanted.groups)}" if wanted.groups else ""
    console.info(f"{wanted.file}: the login of {wanted.name}{groups}, until {login.expires.date()}")
    if wanted.groups:
        out = "the group goes" if len(wanted.groups) == 1 else "the groups go"
        console.detail(f"Whoever has this file is {wanted.name}{groups}, whatever becomes of the name in platform.yaml:")
        console.detail(f"until {login.expires.date()} it can't be taken back, unless {out} out of platform.yaml (then `bootstrap up`).")
    else:
        console.detail(f"Whoever has this file is {wanted.name}. It can't be taken back before it ends, but the right can:")
        console.detail("take the name out of platform.yaml, then `bootstrap up`.")
    if login.known_as is None:
        console.warn(f"the API server did not answer at {server}, so the login is not tried", hint="try it where it is to be used")
    elif not login.may:
        console.warn(
            f"on the cluster {wanted.name} may not break glass yet", hint="`bootstrap up` gives the right, as platform.yaml wants it"
        )


def as_json(login: Login) -> dict[str, Any]:
    """Give what programs read."""
    wanted = login.operator
    return {
        "name": wanted.name,
        "groups": list(wanted.groups),
        "kubeconfig": str(wanted.file),
        "expires": write_time(login.expires),
        "known_as": login.known_as.name if login.known_as else None,
        "may_break_glass": login.may,
    }


def _check_name(name: str) -> None:
    if name.startswith(SYSTEM):
        raise PluginError(
            f"{name} is no person: names that begin with {SYSTEM} belong to Kubernetes itself",
            hint="take the name that people know them by",
        )
    if not name.strip() or not name.isprintable() or name != name.strip():
        raise PluginError(f"{name!r} is no name", hint=_KNOWN)
    if len(name) > _LONGEST:
        raise PluginError(f"{name} has {len(name)} characters", hint=f"a certificate holds names of at most {_LONGEST}")


def _tried(context: Context, wanted: Operator) -> tuple[Identity | None, bool]:
    right = Ref(api_version="v1", kind="ConfigMap", name="", namespace=context.platform.namespace)
    timeout = context.platform.timeouts.request.total_seconds()
    try:
        with Cluster(Connection.find(kubeconfig=wanted.file), timeout=timeout, retry_for=0.0 if wanted.server else timeout) as theirs:
            known_as, may = identity(theirs), theirs.can("create", right)
    except UnreachableError:
        if wanted.server is None:
            raise
        return None, False
    if known_as.name != wanted.name:
        raise BootstrapError(
            f"the API server takes who logs in with {wanted.file} for {known_as.name}, not for {wanted.name}",
            hint="something in front of the API server logs in by itself; give the address behind it with --server",
        )
    return known_as, may

"""The nightly export of what is nowhere else."""

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from bootstrap.platform.section import Count, Flag, Section

# Minute, hour, day of month, month, day of week; Kubernetes knows the names of months and days, and lists, ranges and steps.
_FIELD = r"[0-9A-Za-z*?,/-]+"
_SCHEDULE = rf"(?:{_FIELD}(?: +{_FIELD}){{4}}|@(?:hourly|daily|midnight|weekly|monthly))"
_RECIPIENT = r"age1[02-9ac-hj-np-z]{58}"
_ZONE = r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*"


def _schedule(text: str) -> str:
    if not re.fullmatch(_SCHEDULE, text):
        raise ValueError(f'"{text}" is not a schedule: five fields as in cron, such as 15 2 * * *, or @daily')
    return text


def _recipient(text: str) -> str:
    if text.upper().startswith("AGE-SECRET-KEY-"):
        # Not shown: whoever has it reads every backup.
        raise ValueError("is the private key, which must not stand here; write the public one, which begins with age1")
    if not re.fullmatch(_RECIPIENT, text):
        raise ValueError(f'"{text}" is not a public key of age, which begins with age1: `bootstrap backup --new-identity FILE` makes one')
    # Only who writes one pays for loading it.
    from pyrage import RecipientError, x25519  # noqa: PLC0415

    try:
        x25519.Recipient.from_str(text)
    except RecipientError:
        raise ValueError(f'"{text}" has a typing error: its check digits do not fit') from None
    return text


def _zone(text: str) -> str:
    # Which zones there are is for the controller manager to know, whose list is not that of this machine.
    if not re.fullmatch(_ZONE, text):
        raise ValueError(f'"{text}" is not a time zone: Etc/UTC, Europe/Berlin')
    return text


Schedule: TypeAlias = Annotated[
    str, AfterValidator(_schedule), WithJsonSchema({"type": "string", "pattern": f"^{_SCHEDULE}$", "examples": ["15 2 * * *"]})
]
TimeZone: TypeAlias = Annotated[
    str, AfterValidator(_zone), WithJsonSchema({"type": "string", "pattern": f"^{_ZONE}$", "examples": ["Etc/UTC"]})
]
Recipient: TypeAlias = Annotated[str, AfterValidator(_recipient), WithJsonSchema({"type": "string", "pattern": f"^{_RECIPIENT}$"})]
"""A public key of age (X25519)."""


class Backup(Section):
    """The nightly export of Secrets of record and of the objects of Kargo and Argo CD, to `storage.kargo` and `storage.argo_cd`."""

    enabled: Flag = True
    """`false`: no nightly export. There is none either without one of the two volumes."""

    schedule: Schedule = "15 2 * * *"
    """When, as in cron."""

    time_zone: TimeZone = "Etc/UTC"
    """The time zone of the schedule."""

    keep: Count = 14
    """How many exports are kept. The last one in which a kind was still there is kept beyond that."""

    recipients: tuple[Recipient, ...] = ()
    """Public keys of age (`age1...`) that secrets are encrypted for; each of their private keys opens all. Default: none, and no secret is
    exported. `bootstrap backup --new-identity FILE` makes a pair; the private key belongs anywhere but on this cluster."""

    user: Count = 1000
    """Number of the user and group that writes to the volumes; the folders on the NFS server must belong to it."""

    image: str | None = None
    """Image of bootstrap that the Jobs run. Default: the platform's own."""

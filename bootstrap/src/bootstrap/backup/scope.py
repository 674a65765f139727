"""What a backup holds: which parts, of which namespaces, encrypted for whom; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bootstrap.core.errors import BootstrapError
from bootstrap.platform.backup import Recipient
from bootstrap.platform.names import Name
from bootstrap.platform.platform import Platform
from bootstrap.platform.section import Count, Section


class Part(StrEnum):
    """What is exported together."""

    RECORDS = "records"
    BREAK_GLASS = "break-glass"
    KARGO = "kargo"
    ARGO_CD = "argo-cd"


class Scope(Section):
    """What to read. The nightly Job has it as a file, so that no platform.yaml lies on the cluster."""

    platform: Name
    """Name of the platform."""

    namespace: Name
    """Its own namespace."""

    argo_cd: Name
    """Argo CD's namespace."""

    projects: tuple[Name, ...]
    """Kargo's projects, which are namespaces."""

    parts: tuple[Part, ...] = tuple(Part)
    """What is exported."""

    recipients: tuple[Recipient, ...] = ()
    """Whom secrets are encrypted for; without anybody there are none."""

    keep: Count
    """How many backups stay in a folder."""

    @classmethod
    def of(cls, platform: Platform, parts: tuple[Part, ...] = tuple(Part)) -> "Scope":
        """Return what a platform consists of."""
        return cls(
            platform=platform.name,
            namespace=platform.namespace,
            argo_cd=platform.argo_cd.chart.namespace,
            projects=tuple(project.kargo.namespace for project in platform.projects),
            parts=parts,
            recipients=platform.backup.recipients,
            keep=platform.backup.keep,
        )

    @classmethod
    def read(cls, file: Path) -> "Scope":
        """Read the file of a Job."""
        try:
            return cls.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, yaml.YAMLError, ValidationError) as error:
            raise BootstrapError(
                f"{file} does not say what to export: {str(error).split(chr(10), 1)[0]}",
                hint="`bootstrap up` writes it for the nightly Job",
            ) from error

    def document(self) -> Mapping[str, Any]:
        """Return it as YAML holds it."""
        return self.model_dump(mode="json")

    def namespaces(self, part: Part) -> tuple[str, ...]:
        """Return where the objects of a part are."""
        match part:
            case Part.RECORDS | Part.BREAK_GLASS:
                return (self.namespace,)
            case Part.KARGO:
                return self.projects
            case Part.ARGO_CD:
                return (self.argo_cd,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A volume, and what its nightly Job writes there."""

    claim: str
    namespace: str
    parts: tuple[Part, ...]


def targets(platform: Platform) -> Iterator[Target]:
    """Yield who exports what where: each to the volume beside it, the platform's own beside Kargo; to the only one where there is one."""
    storage = platform.storage
    if storage is None or not platform.backup.enabled:
        return
    kargo, argo_cd = platform.kargo.chart.namespace, platform.argo_cd.chart.namespace
    everything = tuple(Part)
    if storage.kargo:
        parts = tuple(part for part in everything if part is not Part.ARGO_CD) if storage.argo_cd else everything
        yield Target(claim=storage.kargo.claim, namespace=kargo, parts=parts)
    if storage.argo_cd:
        yield Target(claim=storage.argo_cd.claim, namespace=argo_cd, parts=(Part.ARGO_CD,) if storage.kargo else everything)

"""Freight: what Kargo makes of the images that a Warehouse discovers."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """An image as Freight names it: repository with host, tag, and the digest of what the tag points to."""

    repo_url: str
    tag: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Freight:
    """A Freight as Kargo tells of it; `in_stages` run it now, `verified_in` have verified it, `commits` are the ids of its Git commits."""

    name: str
    alias: str
    warehouse: str
    images: tuple[Artifact, ...]
    discovered_at: datetime | None
    in_stages: tuple[str, ...] = ()
    verified_in: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Read the resource `Freight` of kargo.akuity.io/v1alpha1, which has its fields at the top level and no spec."""
        metadata = document.get("metadata") or {}
        status = document.get("status") or {}
        labels = metadata.get("labels") or {}
        return cls(
            name=str(metadata.get("name", "")),
            alias=str(document.get("alias") or labels.get("kargo.akuity.io/alias") or ""),
            warehouse=str((document.get("origin") or {}).get("name", "")),
            images=read_artifacts(document.get("images")),
            discovered_at=read_time(document.get("discoveredAt") or metadata.get("creationTimestamp")),
            in_stages=tuple(sorted(status.get("currentlyIn") or {})),
            verified_in=tuple(sorted(status.get("verifiedIn") or {})),
            commits=read_commits(document.get("commits")),
        )

    def __str__(self) -> str:
        """Name it as people do: by its alias, and by the beginning of its name."""
        return f"{self.alias} ({self.name[:12]})" if self.alias else self.name[:12]


def freight_name(warehouse: str, artifacts: Sequence[Artifact]) -> str:
    """Compute the name that Kargo gives the Freight of these images.

    The hash of origin and contents (akuity/kargo pkg/api/freight.go, GenerateFreightID), with repositories as the Warehouse spells them. It
    is no documented contract, so nothing may rely on it alone.
    """
    parts = sorted(f"{artifact.repo_url}:{artifact.tag}@{artifact.digest}" for artifact in artifacts)
    return hashlib.sha1(f"Warehouse/{warehouse}:{'|'.join(parts)}".encode(), usedforsecurity=False).hexdigest()


def normalise_image(repository: str) -> str:
    """Write a repository as Kargo compares them: Docker Hub's without its host and without `library/`."""
    host, slash, path = repository.partition("/")
    has_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    if has_host and host not in _DOCKER_HUB:
        return repository
    return (path if has_host else repository).removeprefix("library/")


def same_repository(one: str, other: str, *, others: Iterable[str] = ()) -> bool:
    """Tell whether two names are one repository: equal, or the same path of a registry that goes by several host names.

    A registry may be pushed to as `registry.lan:5000` and read as `192.168.1.5:5000`; an exact match among `others` rules that out.
    """
    if normalise_image(one) == normalise_image(other):
        return True
    return _path(one) == _path(other) and not any(normalise_image(one) == normalise_image(each) for each in others)


def _path(repository: str) -> str:
    normalised = normalise_image(repository)
    host, slash, path = normalised.partition("/")
    return path if slash and ("." in host or ":" in host or host == "localhost") else normalised


def read_artifacts(images: object) -> tuple[Artifact, ...]:
    """Read a list of images of a Freight, or of a reference to one."""
    if not isinstance(images, list):
        return ()
    return tuple(
        Artifact(repo_url=str(image.get("repoURL", "")), tag=str(image.get("tag", "")), digest=str(image.get("digest", "")))
        for image in images
        if isinstance(image, dict)
    )


def read_commits(commits: object) -> tuple[str, ...]:
    """Read the ids of a list of commits of a Freight, or of a reference to one."""
    if not isinstance(commits, list):
        return ()
    return tuple(str(commit["id"]) for commit in commits if isinstance(commit, dict) and commit.get("id"))


def read_time(text: object) -> datetime | None:
    """Read a time of the Kubernetes API; None where there is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None

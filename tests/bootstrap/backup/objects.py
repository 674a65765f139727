"""Objects to be backed up, without a cluster."""

from datetime import UTC, datetime
from pathlib import Path

from bootstrap.backup import making
from bootstrap.backup.archive import Archive
from bootstrap.backup.saved import Saved
from bootstrap.backup.scope import Part, Scope

NOW = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)
CLUSTER = "https://10.1.1.11:6443 (v1.36.3)"
SECRET_TEXT = "c2VjcmV0LXZhbHVl"


def stage(name: str = "live") -> Saved:
    """Make a Stage."""
    metadata = {"name": name, "namespace": "shop-cd"}
    return Saved(part=Part.KARGO, manifest={"apiVersion": "kargo.akuity.io/v1alpha1", "kind": "Stage", "metadata": metadata, "spec": {}})


def record(name: str = "gitea-admin") -> Saved:
    """Make a Secret of record."""
    metadata = {"name": name, "namespace": "local-cicd"}
    return Saved(
        part=Part.RECORDS, manifest={"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": SECRET_TEXT}}
    )


def scope(*recipients: str, keep: int = 3, parts: tuple[Part, ...] = tuple(Part)) -> Scope:
    """Make a scope."""
    return Scope(
        platform="local-cicd",
        namespace="local-cicd",
        argo_cd="argocd",
        projects=("shop-cd",),
        parts=parts,
        recipients=recipients,
        keep=keep,
    )


def backup(output: Path, *recipients: str, made: datetime = NOW) -> Archive:
    """Make a backup of two stages, and of a secret where there are recipients."""
    objects = [stage(), stage("beta"), *([record()] if recipients else [])]
    return making.make(output, scope(*recipients), objects, cluster=CLUSTER, made=made).archive

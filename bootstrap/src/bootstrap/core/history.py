"""What Helm has written down of a release: Secrets of type `helm.sh/release.v1`, one for each revision."""

import base64
import gzip
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from lightkube import operators

from bootstrap.core import documents
from bootstrap.core.cluster import Cluster
from bootstrap.core.objects import Manifest, Ref, ref_of

INPUTS = "local-cicd.dev/inputs"
HOLDER = "local-cicd.dev/holder"
DIGEST = "local-cicd.dev/chart"

# Which revision the labels were made for: Helm hands them on to revisions that somebody else makes.
REVISION = "local-cicd.dev/revision"

# Which revision a rollback of ours makes of this one: Helm takes no labels for it, and hands on those of the revision that it goes back to.
ROLLBACK = "local-cicd.dev/rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision of a release."""

    number: int
    status: str
    """Helm's own words: deployed, superseded, failed, pending-install, pending-upgrade, pending-rollback, uninstalling, uninstalled."""
    labels: Mapping[str, str]
    secret: Ref
    since: datetime
    payload: str

    @property
    def pending(self) -> bool:
        """Whether somebody is at work on it, or has died over it."""
        return self.status.startswith("pending-") or self.status == "uninstalling"

    @property
    def holder(self) -> str | None:
        """The run of bootstrap that made it, if one did."""
        ours = str(self.number) in {self.labels.get(REVISION), self.labels.get(ROLLBACK)}
        return self.labels.get(HOLDER) if ours else None

    def chart_version(self) -> str:
        """Return the version of its chart."""
        return str((((_decoded(self.payload).get("chart") or {}).get("metadata")) or {}).get("version", ""))

    def objects(self, *, only: Collection[str] = ()) -> list[Manifest]:
        """Return the objects that it consists of, or those of some kinds; as they stand in the chart, maybe without their namespace."""
        # The CRDs of a chart take longer to read than all else that is asked for a status.
        return documents.objects(_decoded(self.payload).get("manifest") or "", only=only)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The revisions of a release that are not superseded, and the numbers of those that are."""

    revisions: Sequence[Revision]
    """Oldest first."""

    @property
    def last(self) -> Revision | None:
        """The last one."""
        return self.revisions[-1] if self.revisions else None

    @property
    def installed(self) -> Revision | None:
        """The last one, unless all that is left of the release is its history."""
        return self.last if self.last and self.last.status != "uninstalled" else None


def read(cluster: Cluster, release: str, namespace: str, *, superseded: bool = False) -> History:
    """Read what is written down of a release, without what is over and done unless that is asked for."""
    labels: dict[str, Any] = {"owner": "helm", "name": release}
    if not superseded:
        # Each is as big as the chart, and Helm keeps ten.
        labels["status"] = operators.not_equal("superseded")
    found = [_revision(secret) for secret in cluster.list("v1", "Secret", namespace=namespace, labels=labels)]
    return History(revisions=sorted(found, key=lambda each: each.number))


def _revision(secret: Manifest) -> Revision:
    metadata = secret["metadata"]
    labels = metadata.get("labels") or {}
    modified = str(labels.get("modifiedAt") or labels.get("createdAt"))
    created = datetime.fromisoformat(str(metadata["creationTimestamp"]))
    return Revision(
        number=int(labels.get("version", 0)),
        status=str(labels.get("status", "unknown")),
        labels=labels,
        secret=ref_of(secret),
        since=datetime.fromtimestamp(int(modified), UTC) if modified.isdecimal() else created,
        payload=str((secret.get("data") or {}).get("release", "")),
    )


@lru_cache(maxsize=8)
def _decoded(payload: str) -> dict[str, Any]:
    """Undo what Helm does: JSON, gzip, base64; and base64 once more, as all data of Secrets (helm.sh/helm pkg/storage/driver/util.go)."""
    try:
        data = base64.b64decode(base64.b64decode(payload))
        # Releases of Helm 2 to 3 migrations may not be compressed.
        text = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        decoded = json.loads(text)
    except (ValueError, OSError, EOFError):
        return {}
    return decoded if isinstance(decoded, dict) else {}

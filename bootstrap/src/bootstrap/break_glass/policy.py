"""The policy that the API server holds records of break-glass to: what is put into its manifest, and whether it is in force."""

import json
from typing import Any

from bootstrap.break_glass.record import ARCHIVE_LABEL, manifest
from bootstrap.core.cluster import Cluster
from bootstrap.core.errors import InvalidError
from bootstrap.core.objects import Manifest
from bootstrap.platform.platform import Platform

SHORTEST_JUSTIFICATION = 15
LONGEST_JUSTIFICATION = 500
# Letters and signs by their category that are nothing but blank: of Hangul, and the empty cell of Braille.
FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
API_VERSION = "admissionregistration.k8s.io/v1"
KIND = "ValidatingAdmissionPolicy"
# A name under which nothing is ever made: only asked about.
_PROBE = "break-glass-probe"


def policy_name(namespace: str) -> str:
    """Return the name of the policy, which is one for the whole cluster: platforms differ by their namespace."""
    return f"break-glass.{namespace}"


def archive_policy_name(namespace: str) -> str:
    """Return the name of the policy for restored records."""
    return f"break-glass-archive.{namespace}"


def values(platform: Platform) -> dict[str, Any]:
    """Return what stands in the manifest of the policy."""
    length = platform.break_glass.max_duration
    return {
        **archive_values(platform),
        "name": policy_name(platform.namespace),
        "guarded": json.dumps({project: [stage.name for stage in stages] for project, stages in platform.guarded.items()}),
        "shortest": SHORTEST_JUSTIFICATION,
        # Between the first character and the last.
        "between": SHORTEST_JUSTIFICATION - 2,
        "longest": LONGEST_JUSTIFICATION,
        "fillers": "".join(rf"\x{{{ord(filler):X}}}" for filler in FILLERS),
        "seconds": int(length.total_seconds()),
        "length": words(length.total_seconds()),
    }


def archive_values(platform: Platform) -> dict[str, Any]:
    """Return what stands in the manifest of the policy for restored records."""
    operators = platform.break_glass.operators
    return {
        "name": archive_policy_name(platform.namespace),
        "namespace": platform.namespace,
        # JSON is CEL, too, but for the pairs of \u that json makes of rare letters.
        "users": json.dumps(operators.users, ensure_ascii=False),
        "groups": json.dumps(operators.groups, ensure_ascii=False),
    }


def in_force(cluster: Cluster, namespace: str) -> bool:
    """Ask the API server, without making anything, whether it refuses a record that breaks every rule; may raise ForbiddenError."""
    return _refused(cluster, manifest(_PROBE, namespace, data={"operator": "system:nobody"}), by=policy_name(namespace))


def archive_in_force(cluster: Cluster, namespace: str) -> bool:
    """Ask the same of an archive that could be changed."""
    metadata = {"name": _PROBE, "namespace": namespace, "labels": {ARCHIVE_LABEL: "true"}}
    return _refused(cluster, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, by=archive_policy_name(namespace))


def _refused(cluster: Cluster, probe: Manifest, *, by: str) -> bool:
    try:
        cluster.create(probe, dry_run=True)
    except InvalidError as error:
        return any(by in cause.message for cause in error.causes)
    return False


def words(seconds: float) -> str:
    """Write a length of time for a person: `1 hour 30 minutes`."""
    hours, rest = divmod(int(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (rest, "second")]
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count) or "0 seconds"

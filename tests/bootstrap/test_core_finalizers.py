"""What hangs on its way out is freed by force, but for what protects data."""

from typing import Any

import pytest

from bootstrap.core import finalizers
from bootstrap.core.objects import Manifest, Ref, ref_of
from tests.support.bootstrap_run import a_platform
from tests.support.still_cluster import StillCluster

PROTECTED = "kubernetes.io/pvc-protection"


class Patched(StillCluster):
    """Notes what is patched."""

    def __init__(self, *objects: Manifest) -> None:
        """Begin with these objects."""
        super().__init__(*objects)
        self.patches: list[tuple[Ref, Any]] = []

    def patch(self, ref: Ref, patch: Any) -> Manifest:  # noqa: ANN401  any patch
        """Note it."""
        self.patches.append((ref, patch))
        return {}


def claim(*held_by: str, going: bool = True) -> Manifest:
    """Write a claim with these finalizers."""
    metadata: dict[str, Any] = {"name": "data", "namespace": "shop", "finalizers": list(held_by)}
    if going:
        metadata["deletionTimestamp"] = "2026-11-23T10:00:00Z"
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}


@pytest.mark.parametrize(
    ("live", "kept"),
    [
        (claim("example.lan/clean-up"), [None]),
        (claim("example.lan/clean-up", PROTECTED), [[PROTECTED]]),
        # A pod uses it: it goes by itself when that has ended.
        (claim(PROTECTED), []),
        (claim(), []),
        (claim("example.lan/clean-up", going=False), []),
    ],
)
def test_finalizers_go_but_for_those_of_volumes_in_use(live: Manifest, kept: list[Any]) -> None:
    """Without them the data of a running pod would be given away."""
    cluster = Patched(live)
    finalizers.free(cluster.context(a_platform(), locked=True), ref_of(live))
    assert cluster.patches == [(ref_of(live), {"metadata": {"finalizers": each}}) for each in kept]

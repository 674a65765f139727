"""What is wrong with a volume itself, bound or not."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bootstrap.components.storage.component import uses
from bootstrap.verify.rows import volumes
from bootstrap.verify.scene import Scene
from tests.support.bootstrap_run import a_platform

if TYPE_CHECKING:
    from bootstrap.core.context import Context

RETAIN = {"persistentVolumeReclaimPolicy": "Retain"}
NFS = {"server": "nas.example.lan", "path": "/volume1/kargo"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"nfs": NFS, **RETAIN}, []),
        ({"nfs": {**NFS, "path": "/volume2/kargo"}, **RETAIN}, ["it lies on nas.example.lan:/volume2/kargo, and should lie on nas.exa"]),
        ({"hostPath": {"path": "/var/lib/kargo"}, **RETAIN}, ["it is a hostPath volume, and should lie on nas.example.lan:/volume1/kargo"]),
        ({"nfs": NFS, "persistentVolumeReclaimPolicy": "Delete"}, ["its data would be deleted with its claim"]),
        (None, ["is not there"]),
    ],
)
def test_a_volume_lies_where_platform_yaml_says_and_is_retained(spec: dict[str, Any] | None, said: list[str]) -> None:
    """Also one that somebody has made by hand because there was no NFS."""
    storage = {"server": "nas.example.lan", "kargo": {"path": "/volume1/kargo"}}
    cluster = SimpleNamespace(get=lambda _: None if spec is None else {"spec": spec})
    scene = Scene(context=cast("Context", SimpleNamespace(platform=a_platform(storage=storage), cluster=cluster)))
    (use,) = uses(scene.platform)
    found = [each.problem for each in volumes.on_nfs(scene, use)]
    assert len(found) == len(said)
    assert all(problem.startswith(begin) for problem, begin in zip(found, said, strict=True)), found

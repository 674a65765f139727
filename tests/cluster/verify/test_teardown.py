"""What `verify --after-down` sees; the last file of this folder, since nothing runs there any more behind it."""

from bootstrap.core.objects import Ref
from bootstrap.results.result import Outcome
from bootstrap.verify.rows import AFTER_DOWN
from tests.cluster.verify.breaks import cluster
from tests.support.live_platform import LivePlatform


def test_after_down_what_must_stay_is_there(live: LivePlatform) -> None:
    """Before it the rest is still there; after it a volume that is gone is told. Nothing can come behind this."""
    before = live.verify(rows=AFTER_DOWN)["teardown"]
    assert before.outcome is Outcome.FAILED
    assert "is still there" in live.printed
    assert live.world.command_line.run("down", "--yes").code == 0
    after = live.verify(rows=AFTER_DOWN)["teardown"]
    assert after.outcome is Outcome.OK, live.printed
    assert "3 volumes" in after.looked_at
    with cluster(live) as hand:
        hand.patch(Ref(api_version="v1", kind="PersistentVolume", name="pipeline-kargo-pv"), {"metadata": {"finalizers": None}})
        hand.delete(Ref(api_version="v1", kind="PersistentVolume", name="pipeline-kargo-pv"))
    lost = live.verify(rows=AFTER_DOWN)["teardown"]
    assert lost.outcome is Outcome.FAILED
    assert "its data lie on 192.168.42.8:/volume1/Kubernetes/pipelines/kargo" in " ".join(live.printed.split())

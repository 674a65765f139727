"""The claims are bound to the volumes on NFS that are theirs."""

from collections.abc import Iterator

from bootstrap.components.storage.component import Use, uses
from bootstrap.core.objects import Ref
from bootstrap.verify.finding import Finding, Looked, Row
from bootstrap.verify.scene import Scene
from bootstrap.verify.times import made
from plugin_kit.console import counted

# What stands in for NFS on machines without it.
_KINDS = ("hostPath", "local", "csi")


def volume_ref(use: Use) -> Ref:
    """Return a volume."""
    return Ref(api_version="v1", kind="PersistentVolume", name=use.volume.persistent_volume)


def claim_ref(use: Use) -> Ref:
    """Return its claim."""
    return Ref(api_version="v1", kind="PersistentVolumeClaim", name=use.volume.claim, namespace=use.namespace)


def on_nfs(scene: Scene, use: Use) -> Iterator[Finding]:
    """Yield what is wrong with a volume itself, bound or not."""
    ref = volume_ref(use)
    live = scene.context.cluster.get(ref)
    if live is None:
        hint = f"bootstrap up makes it again; its data lie on {scene.platform.storage and scene.platform.storage.server}:{use.volume.path}"
        yield Finding(where=ref.label, problem="is not there", hint=hint)
        return
    spec = live.get("spec") or {}
    nfs = spec.get("nfs") or {}
    there = f"{nfs['server']}:{nfs['path']}" if nfs else ""
    wanted = f"{scene.platform.storage.server if scene.platform.storage else ''}:{use.volume.path}"
    if there != wanted:
        kind = next((f"a {kind} volume" for kind in _KINDS if kind in spec), "of another kind")
        problem = f"it {f'lies on {there}' if nfs else f'is {kind}'}, and should lie on {wanted}"
        hint = "copy what it holds there, delete claim and volume (with Retain the data stay), and run bootstrap up"
        yield Finding(where=ref.label, problem=problem, hint=hint)
    if spec.get("persistentVolumeReclaimPolicy") != "Retain":
        problem = f"its data would be deleted with its claim: persistentVolumeReclaimPolicy is {spec.get('persistentVolumeReclaimPolicy')}"
        yield Finding(where=ref.label, problem=problem, hint="bootstrap up sets it to Retain")


def _look(scene: Scene) -> Looked:
    found = list(uses(scene.platform))
    if not found:
        return Looked(unseen=("platform.yaml has no `storage`: nothing of the platform lies on NFS",))
    findings = [finding for use in found for finding in (*on_nfs(scene, use), *_bound(scene, use))]
    server = scene.platform.storage.server if scene.platform.storage else ""
    return Looked(at=f"{counted(len(found), 'claim')} on volumes of {server}", findings=tuple(findings))


def _bound(scene: Scene, use: Use) -> Iterator[Finding]:
    ref, volume = claim_ref(use), use.volume.persistent_volume
    live = scene.context.cluster.get(ref)
    if live is None:
        yield Finding(where=ref.label, problem="is not there", hint="bootstrap up")
        return
    phase, there = (live.get("status") or {}).get("phase", "Pending"), (live.get("spec") or {}).get("volumeName")
    if phase != "Bound":
        describe = f"kubectl -n {ref.namespace} describe pvc {ref.name}"
        hint = f"bootstrap up binds a volume again whose claim was deleted; {describe}"
        yield Finding(where=ref.label, problem=f"it is {phase}, and not bound to {volume}", hint=hint, begun=made(live))
    elif there != volume:
        problem = f"it is bound to {there}, and not to {volume}: what is written there is not on NFS"
        hint = f"copy what was written over to {volume}, delete the claim, and run bootstrap up"
        yield Finding(where=ref.label, problem=problem, hint=hint, begun=made(live))


ROW = Row(name="volumes", title="PV binding", how="PersistentVolumes and claims are read", look=_look)

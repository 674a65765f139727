"""Nothing is left of Actions Runner Controller."""

from collections.abc import Iterator

from bootstrap.components.arc import runners
from bootstrap.core import readiness
from bootstrap.core.objects import Ref
from bootstrap.platform.arc import Arc
from bootstrap.verify.finding import Finding, Looked, Row
from bootstrap.verify.scene import Scene
from bootstrap.verify.times import made, moment
from plugin_kit.console import counted


def _look(scene: Scene) -> Looked:
    arc = scene.platform.arc
    if arc is None:
        return Looked(unseen=("platform.yaml names no `arc`: there was nothing to remove",))
    at = f"namespace {arc.namespace}, its CRDs and {counted(len(arc.persistent_volumes), 'volume')}: "
    findings = tuple(_left(scene, arc))
    return Looked(at=at + ("gone" if not findings else "not all of it is gone"), findings=findings)


def _left(scene: Scene, arc: Arc) -> Iterator[Finding]:
    cluster, up = scene.context.cluster, "bootstrap up removes it; where it hangs: bootstrap up --remove-finalizers"
    namespace = cluster.get(Ref(api_version="v1", kind="Namespace", name=arc.namespace))
    if namespace is not None:
        pods = cluster.list("v1", "Pod", namespace=arc.namespace)
        since = moment(namespace["metadata"].get("deletionTimestamp"))
        what = f"{readiness.of(namespace).message}" if since else f"is still there, with {counted(len(pods), 'pod')}"
        yield Finding(where=f"Namespace {arc.namespace}", problem=what, hint=up, begun=since or made(namespace))
    if there := [name for name in runners.CRDS if cluster.get(runners.crd(name))]:
        left = runners.left(scene.context)
        objects = f", and {counted(len(left), 'object')} of them" if left else ""
        problem = f"{counted(len(there), 'CRD')} of it are still there{objects}"
        yield Finding(where=there[0], problem=problem, hint=up)
    for name in arc.persistent_volumes:
        if live := cluster.get(Ref(api_version="v1", kind="PersistentVolume", name=name)):
            yield Finding(where=f"PersistentVolume {name}", problem="is still there", hint=up, begun=made(live))


ROW = Row(name="arc", title="ARC removed", how="namespace, CRDs and volumes are looked for", look=_look)

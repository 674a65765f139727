"""The pods of Woodpecker are in order: the server, and every agent."""

from bootstrap.components.woodpecker.access import server_ref
from bootstrap.core.objects import Ref
from bootstrap.verify.finding import Looked, Row
from bootstrap.verify.pods import troubles
from bootstrap.verify.scene import Scene


def _look(scene: Scene) -> Looked:
    chart = scene.platform.woodpecker.chart
    refs = [server_ref(scene.context)]
    if scene.platform.woodpecker.agents.replicas:
        refs.append(Ref(api_version="apps/v1", kind="StatefulSet", name=f"{chart.release}-agent", namespace=chart.namespace))
    agents = scene.platform.woodpecker.agents.replicas
    at = f"the server and {agents} agents in namespace {chart.namespace}"
    return Looked(at=at, findings=tuple(troubles(scene.context.cluster, refs)))


ROW = Row(name="woodpecker", title="Woodpecker server running", how="its StatefulSets and their pods are read", look=_look)

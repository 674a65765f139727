"""What an API server says of its kinds, as far as it says anything."""

import subprocess
import sys

import httpx2

from bootstrap.core.kinds import Kinds

# Two of each, at the same moment; threads take turns as often as they can.
AT_ONCE = """
import sys, threading
import bootstrap.core.kinds
from lightkube.models.meta_v1 import ObjectMeta, Status
barrier = threading.Barrier(8)
def first(model):
    barrier.wait()
    model.from_dict({})
sys.setswitchinterval(1e-7)
for each in [threading.Thread(target=first, args=(model,)) for model in (ObjectMeta, Status) * 4]:
    each.start()
"""


def served(request: httpx2.Request) -> httpx2.Response:
    """Answer as an API server that has a metrics adapter, which reports subresources of kinds that it does not have itself."""
    pods = {"resource": "pods", "scope": "Namespaced", "responseKind": {"group": "", "version": "", "kind": "Pod"}}
    of_pods = {"resource": "pods", "scope": "Namespaced", "responseKind": {"group": "", "version": "", "kind": ""}}
    nothing = {"resource": "nodes", "scope": "Cluster", "responseKind": None}
    groups = {
        "/api": [{"metadata": {}, "versions": [{"version": "v1", "resources": [pods]}]}],
        "/apis": [{"metadata": {"name": "custom.metrics.k8s.io"}, "versions": [{"version": "v1beta1", "resources": [of_pods, nothing]}]}],
    }
    return httpx2.Response(200, json={"kind": "APIGroupDiscoveryList", "items": groups[request.url.path]})


def test_what_has_no_kind_is_none() -> None:
    """The group is there all the same, for charts that ask for it."""
    with httpx2.Client(transport=httpx2.MockTransport(served), base_url="https://kubernetes.example.lan") as client:
        assert Kinds(client).api_versions() == ("v1", "v1/Pod", "custom.metrics.k8s.io/v1beta1")


def test_threads_may_be_the_first_to_use_a_model() -> None:
    """Where two API errors came at once at the start, the process died: msgspec reads what the other thread has not finished."""
    children = [subprocess.Popen([sys.executable, "-c", AT_ONCE]) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4

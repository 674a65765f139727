"""Something else than a Kubernetes API answers: a login page, a proxy, another service on that port."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.errors import UnreachableError
from bootstrap.core.objects import Ref

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://kubernetes.example.lan:8443"}}]
users: [{name: me, user: {token: none}}]
"""
POD = Ref(api_version="v1", kind="Pod", name="a", namespace="b")
MANIFEST = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "b"}}
PAGE = httpx2.Response(200, text="<html>Please log in</html>", headers={"Content-Type": "text/html"})

Ask = Callable[[Cluster], object]


def in_a_look(ask: Ask) -> Ask:
    """Ask as a plan does."""

    def asked(cluster: Cluster) -> object:
        with cluster.looking():
            return ask(cluster)

    return asked


ASKS: dict[str, Ask] = {
    "version": lambda cluster: cluster.version(),
    "get": lambda cluster: cluster.get(POD),
    "get in a look": in_a_look(lambda cluster: cluster.get(POD)),
    "head": lambda cluster: cluster.head(POD),
    "head in a look": in_a_look(lambda cluster: cluster.head(POD)),
    "list": lambda cluster: cluster.list("v1", "Pod"),
    "apply": lambda cluster: cluster.apply(MANIFEST),
    "create": lambda cluster: cluster.create(MANIFEST),
    "another kind": lambda cluster: cluster.serves("shop.example.lan/v1", "Basket"),
}


@pytest.fixture
def asked(tmp_path: Path) -> Callable[[Ask, Callable[[httpx2.Request], httpx2.Response]], UnreachableError]:
    """Return what is said of such an answer."""
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG)

    def said(ask: Ask, answer: Callable[[httpx2.Request], httpx2.Response]) -> UnreachableError:
        connection = Connection.find(kubeconfig=file)
        with Cluster(connection, wrap=lambda _: httpx2.MockTransport(answer)) as cluster, pytest.raises(UnreachableError) as caught:
            ask(cluster)
        return caught.value

    return said


def pods(answer: httpx2.Response) -> Callable[[httpx2.Request], httpx2.Response]:
    """Serve pods, and answer this to whoever asks for one: as where a session has run out in the middle."""
    kind = {"resource": "pods", "scope": "Namespaced", "responseKind": {"group": "", "version": "", "kind": "Pod"}}
    groups = {"/api": [{"metadata": {}, "versions": [{"version": "v1", "resources": [kind]}]}], "/apis": []}

    def served(request: httpx2.Request) -> httpx2.Response:
        items = groups.get(request.url.path)
        return answer if items is None else httpx2.Response(200, json={"kind": "APIGroupDiscoveryList", "items": items})

    return served


@pytest.mark.parametrize("begins", ["from the start", "later"])
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_a_page_is_no_answer(asked: Callable[..., UnreachableError], ask: Ask, begins: str) -> None:
    """The address is named, and what may stand there; one error for the whole run, as where nobody answers."""
    error = asked(ask, pods(PAGE) if begins == "later" else lambda _: PAGE)
    assert error.message == "something else than a Kubernetes API answers at http://kubernetes.example.lan:8443"
    assert "a login page" in str(error.hint)
    assert all("log in" not in line for line in error.details)


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(404, text="404 page not found"),
        httpx2.Response(200, json=["a", "list"]),
        httpx2.Response(200, json={"name": "another service"}),
    ],
    ids=["404", "a list", "another document"],
)
def test_nor_is_what_another_service_says_of_its_version(asked: Callable[..., UnreachableError], answer: httpx2.Response) -> None:
    """In JSON, or that it has none."""
    assert "something else" in asked(ASKS["version"], lambda _: answer).message


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_where_nothing_is_known_there_is_not_an_empty_cluster(asked: Callable[..., UnreachableError], ask: Ask) -> None:
    """A plan that would create everything would be wrong."""
    assert "something else" in asked(ask, lambda _: httpx2.Response(404, text="404 page not found")).message

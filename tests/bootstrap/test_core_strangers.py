"""Something else than a Kubernetes API answers: a login page, a proxy, another service on that port."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

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

# Each is JSON or nothing at all, and no object.
NO_OBJECTS = {
    "a list": b'["a"]',
    "an empty list": b"[]",
    "pairs": b'[["a", "b"]]',
    "a text": b'"a"',
    "a number": b"5",
    "null": b"null",
    "nothing": b"",
}

Ask = Callable[[Cluster], object]
Answering = Callable[[httpx2.Request], httpx2.Response]


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
    "replace": lambda cluster: cluster.replace(MANIFEST),
    "patch": lambda cluster: cluster.patch(POD, {"spec": None}),
    "patch of a status": lambda cluster: cluster.patch_status(POD, {}),
    "delete": lambda cluster: cluster.delete(POD),
    "right": lambda cluster: cluster.can("get", POD),
    "another kind": lambda cluster: cluster.serves("shop.example.lan/v1", "Basket"),
}
# Their answer is no object, but text.
TEXTS: dict[str, Ask] = {"log": lambda cluster: cluster.log("b", "a")}


@pytest.fixture
def connected(tmp_path: Path) -> Callable[[Answering], Cluster]:
    """Connect to what answers so."""
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG)
    return lambda answering: Cluster(Connection.find(kubeconfig=file), wrap=lambda _: httpx2.MockTransport(answering))


@pytest.fixture
def asked(connected: Callable[[Answering], Cluster]) -> Callable[[Ask, Answering], UnreachableError]:
    """Return what is said of such an answer."""

    def said(ask: Ask, answering: Answering) -> UnreachableError:
        with connected(answering) as cluster, pytest.raises(UnreachableError) as caught:
            ask(cluster)
        return caught.value

    return said


def pods(answer: httpx2.Response) -> Answering:
    """Serve pods and reviews, and answer this to whoever asks for one: as where a session has run out in the middle."""

    def group(name: str | None, kind: str, scope: str) -> list[dict[str, Any]]:
        resource = {"resource": f"{kind.lower()}s", "scope": scope, "responseKind": {"group": "", "version": "", "kind": kind}}
        return [{"metadata": {"name": name}, "versions": [{"version": "v1", "resources": [resource]}]}]

    groups = {
        "/api": group(None, "Pod", "Namespaced"),
        "/apis": group("authorization.k8s.io", "SelfSubjectAccessReview", "Cluster"),
    }

    def served(request: httpx2.Request) -> httpx2.Response:
        items = groups.get(request.url.path)
        return answer if items is None else httpx2.Response(200, json={"kind": "APIGroupDiscoveryList", "items": items})

    return served


@pytest.mark.parametrize("begins", ["from the start", "later"])
@pytest.mark.parametrize("ask", [*ASKS.values(), *TEXTS.values()], ids=[*ASKS, *TEXTS])
def test_a_page_is_no_answer(asked: Callable[..., UnreachableError], ask: Ask, begins: str) -> None:
    """The address is named, and what may stand there; one error for the whole run, as where nobody answers."""
    error = asked(ask, pods(PAGE) if begins == "later" else lambda _: PAGE)
    assert error.message == "something else than a Kubernetes API answers at http://kubernetes.example.lan:8443"
    assert "a login page" in str(error.hint)
    assert all("log in" not in line for line in error.details)


@pytest.mark.parametrize("code", [302, 403, 404])
def test_nor_is_a_page_that_says_what_went_wrong(connected: Callable[[Answering], Cluster], code: int) -> None:
    """Above all not that something isn't there, which would be created once more, or is gone already."""
    page = httpx2.Response(code, text=PAGE.text, headers={"Location": "/login", **PAGE.headers})
    with connected(pods(page)) as cluster:
        for name, ask in {**ASKS, **TEXTS}.items():
            with pytest.raises(UnreachableError, match="something else") as caught:
                ask(cluster)
            assert str(code) in caught.value.details[0], name


@pytest.mark.parametrize("body", NO_OBJECTS.values(), ids=NO_OBJECTS)
def test_nor_is_json_that_is_no_object(connected: Callable[[Answering], Cluster], body: bytes) -> None:
    """Logs alone are text."""
    with connected(pods(httpx2.Response(200, content=body, headers={"Content-Type": "application/json"}))) as cluster:
        for ask in ASKS.values():
            with pytest.raises(UnreachableError, match="something else") as caught:
                ask(cluster)
            assert "a proxy" in str(caught.value.hint)
        assert cluster.log("b", "a") == body.decode().splitlines()


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

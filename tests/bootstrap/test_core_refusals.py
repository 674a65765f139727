"""What a person is told where the API server says no."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import yaml

from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.errors import BootstrapError, RefusedError
from bootstrap.core.objects import Ref
from bootstrap.core.refusals import refusal
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server

SETTINGS = Ref(api_version="v1", kind="ConfigMap", name="settings", namespace="shop")


@pytest.mark.parametrize(("verb", "is_dry_run"), [("patch", True), ("list", False), ("get", False), ("delete", False)])
def test_a_right_that_is_missing_is_that_of_a_plan_only_where_it_is(verb: str, *, is_dry_run: bool) -> None:
    """Who only reads, or deletes, is not told of dry-runs."""
    message = f'configmaps "settings" is forbidden: User "ada" cannot {verb} resource "configmaps" in API group "" in the namespace "shop"'
    error = refusal(httpx2.Response(403, json={"kind": "Status", "message": message}), verb, SETTINGS)
    assert error.message == f"no permission: the user of the kubeconfig may not {verb} ConfigMap in namespace shop"
    assert ("a plan needs the right to patch" in str(error.hint)) is is_dry_run
    assert "ask a cluster administrator" in str(error.hint)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Serve pods by plain http, and whatever a test says of them."""
    with scripted_server() as script:
        kind = b'{"resource": "pods", "scope": "Namespaced", "responseKind": {"group": "", "version": "", "kind": "Pod"}}'
        group = b'{"items": [{"metadata": {}, "versions": [{"version": "v1", "resources": [' + kind + b"]}]}]}"
        script.on("GET", "^/api$", Answer(body=group))
        script.on("GET", "^/apis$", Answer(body=b'{"items": []}'))
        yield script


@pytest.fixture
def cluster(server: ScriptedServer, tmp_path: Path) -> Iterator[Cluster]:
    """Connect to it, and ask everything once."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": server.url}}],
        "users": [{"name": "me", "user": {"token": "none"}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(content))
    with Cluster(Connection.find(kubeconfig=file), retry_for=0.0) as connected:
        yield connected


POD = Ref(api_version="v1", kind="Pod", name="a", namespace="b")


def test_a_code_that_no_standard_knows_is_told_as_it_is(server: ScriptedServer, cluster: Cluster) -> None:
    """Proxies in front of API servers send them, often with no word beside the number."""
    for code in (499, 520, 529, 599):
        server.on("GET", f"/pods/a{code}$", Answer(status=code))
        with pytest.raises(RefusedError) as caught:
            cluster.get(replace(POD, name=f"a{code}"))
        error = caught.value
        assert (error.message, error.details) == (f"the Kubernetes API answered {code} to get Pod b/a{code}", ())


@pytest.mark.parametrize("body", [b"<html>\n<title>502 Bad Gateway</title>", b""], ids=["a page", "nothing"])
def test_a_proxy_whose_api_server_is_gone_is_quoted_in_words(server: ScriptedServer, cluster: Cluster, body: bytes) -> None:
    """And not with the first line of its page."""
    server.on("GET", "/pods/a", Answer(status=502, headers={"Content-Type": "text/html"}, body=body))
    with pytest.raises(RefusedError) as caught:
        cluster.get(POD)
    assert caught.value.details == ("Bad Gateway",)


@pytest.mark.parametrize(
    "body",
    [b'"a text"', b"[]", b"null", b"", b'{"message": "no", "details": "none"}', b'{"kind": "Status", "details": null}'],
    ids=["a text", "a list", "null", "nothing", "another service", "little"],
)
def test_a_refusal_of_any_form_is_an_error_of_its_own(server: ScriptedServer, cluster: Cluster, body: bytes) -> None:
    """However little it says, and whoever says it."""
    for code in (400, 401, 403, 409, 422, 500):
        server.on("GET", f"/pods/a{code}$", Answer(status=code, headers={"Content-Type": "application/json"}, body=body))
        with pytest.raises(BootstrapError) as caught:
            cluster.get(replace(POD, name=f"a{code}"))
        assert caught.value.hint or code == 500

"""As long as a look lasts, objects are read by lists and once; what is changed ends it."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import lightkube
import pytest
from lightkube import operators
from lightkube.resources.core_v1 import ConfigMap, Secret

from bootstrap.core.change import READY, Readiness, State
from bootstrap.core.objects import Manifest, Ref, ref_of
from bootstrap.core.resource import ObjectResource
from devtools.controlplane import ControlPlane
from devtools.platform.run import Run
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import by_hand, config_map, made_by

DEFINITION = Ref(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition", name="stages.kargo.akuity.io")


class Reads(httpx2.BaseTransport):
    """Notes the paths of what is read; `meanwhile` happens before the first change that is only tried.

    What is read at the path `refused` is answered by that code.
    """

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self.paths: list[str] = []
        self.meanwhile: list[Callable[[], None]] = []
        self.refused: tuple[str, int] | None = None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request on."""
        with self._lock:
            if request.method == "GET":
                self.paths.append(request.url.path)
            elif self.meanwhile:
                self.meanwhile.pop()()
        if self.refused and self.refused[0] == request.url.path:
            return httpx2.Response(self.refused[1], json={"kind": "Status", "apiVersion": "v1", "message": "not this one"})
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()


@pytest.fixture
def reads() -> list[Reads]:
    """Return what is between the run and the API server, once there is a run."""
    return []


@pytest.fixture
def runner(control_plane: ControlPlane, namespace: str) -> Runner:
    """Run on a platform of this test's own."""
    return Runner(plane=control_plane, platform=a_platform(f"{namespace}-lock"))


@pytest.fixture
def run(runner: Runner, reads: list[Reads]) -> Iterator[Run]:
    """Start a run without components, for its cluster."""

    def noted(inner: httpx2.BaseTransport) -> Reads:
        reads.append(Reads(inner))
        return reads[-1]

    with runner.engine(wrap=noted) as started:
        yield started


def refs(*manifests: Manifest) -> list[Ref]:
    """Return which objects they are."""
    return [ref_of(each) for each in manifests]


def test_objects_of_one_kind_and_namespace_are_one_request(admin: lightkube.Client, run: Run, reads: list[Reads], namespace: str) -> None:
    """And one that is not there is none."""
    one, other = (config_map(namespace, name, colour=name) for name in ("red", "blue"))
    for each in (one, other):
        made_by(admin, ConfigMap, each)
    alone = [run.cluster.get(ref) for ref in refs(one, other)]
    before = len(reads[0].paths)
    with run.cluster.looking():
        assert [run.cluster.get(ref) for ref in refs(one, other)] == alone
        assert run.cluster.get(ref_of(config_map(namespace, "green"))) is None
        assert [run.cluster.get(ref) for ref in refs(one, other)] == alone
    assert len(reads[0].paths) - before == 1


def test_a_change_of_ours_ends_the_look(run: Run, namespace: str) -> None:
    """What was changed is read anew, even within the block."""
    before, after = (config_map(namespace, colour=colour) for colour in ("red", "blue"))
    with run.cluster.looking():
        assert run.cluster.get(ref_of(before)) is None
        run.cluster.apply(before)
        assert (run.cluster.get(ref_of(before)) or {})["data"] == {"colour": "red"}
        run.cluster.apply(after, dry_run=True)
        assert (run.cluster.get(ref_of(before)) or {})["data"] == {"colour": "red"}
        run.cluster.apply(after)
        assert (run.cluster.get(ref_of(before)) or {})["data"] == {"colour": "blue"}


def test_whoever_waits_looks_anew(admin: lightkube.Client, run: Run, namespace: str) -> None:
    """What was read before somebody else's change is not waited for in vain."""
    manifest = config_map(namespace, colour="red")
    made_by(admin, ConfigMap, manifest)

    def ready(live: Manifest) -> Readiness:
        if live["data"]["colour"] == "blue":
            return READY
        by_hand(admin, ConfigMap, ref_of(manifest), {"data": {"colour": "blue"}})
        return Readiness(state=State.PROGRESSING, message="not blue yet")

    with run.cluster.looking():
        assert run.cluster.get(ref_of(manifest)) is not None
        resource = ObjectResource(manifest=manifest, ready=ready)
        resource.verify(run.context, run.context.deadline(20.0))


def test_what_somebody_changes_within_the_look_is_no_difference(
    admin: lightkube.Client, runner: Runner, reads: list[Reads], namespace: str
) -> None:
    """Between list and dry-run a controller may have written an annotation, which `up` would not touch."""
    manifest = config_map(namespace, colour="red")
    with runner.engine(Parts(parts=[ObjectResource(manifest=manifest)])) as first:
        first.engine.up()

    def noted(inner: httpx2.BaseTransport) -> Reads:
        reads.append(Reads(inner))
        return reads[-1]

    def annotate() -> None:
        by_hand(admin, ConfigMap, ref_of(manifest), {"metadata": {"annotations": {"example.com/seen": "1"}}}, manager="robot")

    with runner.engine(Parts(parts=[ObjectResource(manifest=manifest)]), wrap=noted) as second:
        reads[-1].meanwhile.append(annotate)
        assert second.engine.plan().exit_code == 0
    assert reads[-1].meanwhile == []


def test_secrets_of_helm_are_found_though_they_are_not_listed(admin: lightkube.Client, run: Run, namespace: str) -> None:
    """Each is as big as a chart."""
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "sh.helm.release.v1.shop.v1", "namespace": namespace},
        "type": "helm.sh/release.v1",
    }
    made_by(admin, Secret, manifest)
    with run.cluster.looking():
        assert (run.cluster.get(ref_of(manifest)) or {})["type"] == "helm.sh/release.v1"


def test_of_a_definition_the_metadata_are_enough(run: Run) -> None:
    """In a look and without one; what is not there is None in both."""
    missing = Ref(api_version=DEFINITION.api_version, kind=DEFINITION.kind, name="none.example.com")
    alone = run.cluster.head(DEFINITION)
    assert alone is not None
    assert "spec" not in alone
    assert run.cluster.head(missing) is None
    with run.cluster.looking():
        assert run.cluster.head(DEFINITION) == alone
        assert run.cluster.head(missing) is None
        assert (run.cluster.get(DEFINITION) or {})["spec"]["group"] == "kargo.akuity.io"


def test_lists_of_different_labels_are_told_apart(admin: lightkube.Client, run: Run, reads: list[Reads], namespace: str) -> None:
    """And those of the same are one request, however the labels are written down."""
    for name in ("red", "blue"):
        made_by(
            admin,
            ConfigMap,
            {**config_map(namespace, name), "metadata": {"name": name, "namespace": namespace, "labels": {"colour": name}}},
        )

    def named(labels: dict[str, Any]) -> list[str]:
        return [each["metadata"]["name"] for each in run.cluster.list("v1", "ConfigMap", namespace=namespace, labels=labels)]

    assert named({"colour": "green"}) == []
    before = len(reads[0].paths)
    with run.cluster.looking():
        for _ in range(2):
            assert named({"colour": operators.not_equal("red"), "kind": operators.not_exists()})[:1] == ["blue"]
            assert named({"colour": operators.in_(["red"])}) == ["red"]
    assert len(reads[0].paths) - before == 2


def test_where_a_list_can_not_be_read_each_object_is(admin: lightkube.Client, run: Run, reads: list[Reads], namespace: str) -> None:
    """It may be forbidden; and one Secret whose key is lost keeps the API server from listing the others."""
    manifest = config_map(namespace, colour="red")
    made_by(admin, ConfigMap, manifest)
    alone = run.cluster.get(ref_of(manifest))
    for code in (403, 500):
        reads[0].refused = (f"/api/v1/namespaces/{namespace}/configmaps", code)
        with run.cluster.looking():
            assert run.cluster.get(ref_of(manifest)) == alone


def test_more_objects_than_a_chunk_are_not_listed(
    admin: lightkube.Client, run: Run, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is taken for missing because it is on the next page."""
    monkeypatch.setattr("bootstrap.core.cluster._CHUNK", 1)
    manifests = [config_map(namespace, name) for name in ("red", "blue")]
    for each in manifests:
        made_by(admin, ConfigMap, each)
    with run.cluster.looking():
        assert [(run.cluster.get(ref) or {})["metadata"]["name"] for ref in refs(*manifests)] == ["red", "blue"]


def test_what_has_failed_a_moment_ago_is_looked_at_again(admin: lightkube.Client, run: Run, namespace: str) -> None:
    """It may have come right since it was read."""
    manifest = config_map(namespace, colour="red")
    made_by(admin, ConfigMap, manifest)

    def ready(live: Manifest) -> Readiness:
        return READY if live["data"]["colour"] == "blue" else Readiness(state=State.FAILED, message="is red")

    with run.cluster.looking():
        assert run.cluster.get(ref_of(manifest)) is not None
        by_hand(admin, ConfigMap, ref_of(manifest), {"data": {"colour": "blue"}})
        ObjectResource(manifest=manifest, ready=ready).verify(run.context, run.context.deadline(20.0))

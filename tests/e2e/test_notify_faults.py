"""A registry that lacks, mixes up or refuses what kargo-notify is to release: exit code 1, a table, and no tag that Kargo matches."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from devtools import services as local
from devtools.goyaml import Value
from tests.support.fault_proxy import FaultProxy, Rule, refuse
from tests.support.held_images import NAMES, WATCHED, HeldImages, held_images
from tests.support.monorepo import Monorepo
from tests.support.plugin_step import Run
from tests.support.project import Project

SEVENTH, NINTH = NAMES[6], NAMES[8]
OTHER = "b" * 40


@pytest.fixture
def commit(project: Project, repo: Monorepo, proxy: FaultProxy) -> Iterator[HeldImages]:
    """Hold fourteen images that the step reaches through the proxy."""
    sha = repo.git("rev-parse", "HEAD")
    with held_images(project.services.registry.host, inside=proxy.inside, project=project.name, sha=sha) as held:
        yield held


def release(project: Project, repo: Monorepo, proxy: FaultProxy, more: Mapping[str, Value] | None = None) -> Run:
    """Run the step through the proxy, with little patience."""
    settings: dict[str, Value] = {"registry": proxy.inside, "watch": WATCHED, "timeout": "1s", "registry_timeout": "1s"}
    return project.release(repo, {**settings, **(more or {})})


def failed(run: Run, project: Project, *words: str, moved: frozenset[str] = frozenset()) -> str:
    """Check that the step has failed with these words, and that nothing moved but the commit's tag of the images in `moved`."""
    assert run.exit_code == 1, run.log
    assert "Traceback" not in run.log, run.log
    text = " ".join(run.log.split())
    assert [word for word in words if word not in text] == [], run.log
    tagged = {name for name, tags in project.all_tags().items() if any(not tag.startswith("candidate-") for tag in tags)}
    assert tagged == set(moved)
    assert WATCHED not in tagged
    return text


def short(digest: str) -> str:
    """Return a digest as tables show it."""
    return digest[: len("sha256:") + 12]


def test_image_7_of_14_is_missing(commit: HeldImages, project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """It is waited for, then named."""
    commit.record()
    proxy.add(refuse(404, "MANIFEST_UNKNOWN", "GET", f"/v2/{commit.path(SEVENTH)}/manifests/"))
    run = release(project, repo, proxy)
    digest = commit.images[SEVENTH].digest
    text = failed(run, project, "image tag expected found", SEVENTH, f"manifest {short(digest)} nothing", "1 of 14 images")
    assert NINTH not in text


def test_a_tag_that_points_elsewhere(commit: HeldImages, project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """Expected and found."""
    commit.record(image_07={"digest": commit.images[NINTH].digest})
    run = release(project, repo, proxy)
    failed(run, project, SEVENTH, f"{short(commit.images[NINTH].digest)} {short(commit.images[SEVENTH].digest)}")


def test_wrong_bytes_under_a_right_header(commit: HeldImages, project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """A byte has changed on the way, or on the disk."""
    commit.record()
    proxy.add(Rule(method="GET", path=f"/v2/{commit.path(SEVENTH)}/manifests/", corrupt=True))
    run = release(project, repo, proxy, {"timeout": "1m"})
    failed(run, project, SEVENTH, f"{short(commit.images[SEVENTH].digest)} bytes of sha256:", "storage or a proxy in front of it is broken")


def test_a_missing_layer(commit: HeldImages, project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """The manifest alone would deploy an image that no node can pull."""
    commit.record()
    layer = commit.images[SEVENTH].layers[1].digest
    proxy.add(Rule(method="HEAD", path=f"/v2/{commit.path(SEVENTH)}/blobs/{layer}", status=404))
    failed(release(project, repo, proxy), project, SEVENTH, f"layer {short(layer)} nothing")


def test_a_wrong_revision(project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """An image of another commit under this one's tag."""
    sha = repo.git("rev-parse", "HEAD")
    host = project.services.registry.host
    with held_images(host, inside=proxy.inside, project=project.name, sha=sha, revisions={SEVENTH: OTHER}) as commit:
        commit.record()
    run = release(project, repo, proxy, {"timeout": "1m"})
    failed(run, project, SEVENTH, f"revision {sha[:12]} revision {OTHER[:12]}")


def test_a_missing_platform(commit: HeldImages, project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """The record promises one that the registry does not hold."""
    commit.record(image_07={"platforms": ("linux/amd64", "linux/arm64")})
    run = release(project, repo, proxy, {"timeout": "1m"})
    failed(run, project, SEVENTH, "platform linux/arm64 linux/amd64")


def test_too_many_requests(commit: HeldImages, project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """The registry says how long to wait, and is obeyed; then all is well."""
    commit.record()
    busy = refuse(429, "TOOMANYREQUESTS", "GET", "")
    path = f"/v2/{commit.path(SEVENTH)}/manifests/"
    proxy.add(Rule(method="GET", path=path, times=1, status=429, body=busy.body, headers={"Retry-After": "2"}))
    run = release(project, repo, proxy, {"timeout": "1m"})
    assert run.exit_code == 0, run.log
    assert "faulty answered 429, trying again in 2s as it asked" in run.log
    assert project.tags(SEVENTH) >= {commit.sha, "latest"}


def test_too_many_requests_until_the_end(commit: HeldImages, project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """A registry that wants more patience than there is fails the step, and is not asked again."""
    commit.record()
    path = f"/v2/{commit.path(SEVENTH)}/manifests/"
    proxy.add(Rule(method="GET", path=path, status=429, headers={"Retry-After": "30"}))
    failed(release(project, repo, proxy), project, SEVENTH, "429 Too Many Requests")
    assert len([request for request in proxy.requests(path) if request.method == "GET"]) == 1


def test_a_put_that_fails_at_image_9(commit: HeldImages, project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """The watched image and `latest` have not moved; the next run finishes the work."""
    commit.record()
    proxy.add(refuse(500, "UNKNOWN", "PUT", f"/v2/{commit.path(NINTH)}/manifests/{commit.sha}", times=1))
    run = release(project, repo, proxy)
    moved = frozenset(NAMES) - {NINTH, WATCHED}
    text = failed(
        run,
        project,
        f"not moved: faulty:5000/{commit.path(NINTH)}:{commit.sha}",
        f"not moved: the tags of the watched {WATCHED}",
        moved=moved,
    )
    assert "run the pipeline again: it sets only what is missing" in text
    assert not any("latest" in tags for tags in project.all_tags().values())
    again = release(project, repo, proxy)
    assert again.exit_code == 0, again.log
    every = {commit.candidate, commit.sha, "latest"}
    assert project.all_tags() == dict.fromkeys([*NAMES, "releases"], every)


def test_a_registry_that_restarts_while_it_is_waited_for(project: Project, repo: Monorepo) -> None:
    """The step is at the wait for an image; the registry goes and comes back, the image comes, and all is released."""
    net, sha = project.services.network, repo.git("rev-parse", "HEAD")
    alias = f"restarting-{secrets.token_hex(3)}"
    settings: dict[str, Any] = {"registry": f"{alias}:5000", "watch": WATCHED, "timeout": "1m"}
    with (
        local.registry(net, alias=alias) as own,
        held_images(own.host, inside=own.inside, project=project.name, sha=sha, untagged=[SEVENTH]) as commit,
    ):
        commit.record()
        with project.releasing(repo, settings) as running:
            running.wait_for_log("still waiting")
            own.container.restart(timeout=1)
            own.container.reload()
            published = own.container.ports["5000/tcp"]
            assert published
            commit.tag(SEVENTH, host=f"127.0.0.1:{published[0]['HostPort']}")
            run = running.end()
    assert run.exit_code == 0, run.log
    assert f"{SEVENTH}: no manifest {short(commit.images[SEVENTH].digest)}" in " ".join(run.log.split())

"""A registry that refuses, lies, is full, slow or clumsy: what the user reads, and where the tags are.

The registry behind the proxy is sound, and what the proxy breaks is only asked for on behalf of the test's own project.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from devtools.goyaml import Value
from tests.support.fault_proxy import FaultProxy, Rule, refuse
from tests.support.monorepo import Monorepo
from tests.support.project import Project

MANIFESTS = "/manifests/"
BY_DIGEST = "/manifests/sha256:"
UPLOADS = "/blobs/uploads/"
DOWN = "registry:5999"

# The body of a refusal is what docker-registry says; that of a full disk comes from a proxy in front of it.
REFUSALS: Mapping[str, tuple[int, str]] = {
    "401": (401, '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'),
    "403": (403, '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'),
    "500": (500, '{"errors":[{"code":"UNKNOWN","message":"unknown error"}]}'),
    "507": (507, "no space left\n"),
}
LOOKED = {
    "401": ("refused", "(401 Unauthorized)", "the registry asks for a login and the step has none"),
    "403": ("refused", "(403 Forbidden)", "an anonymous user may not do this; give it write access to the project"),
    "500": ("with 500 Internal Server Error", "look at the registry's own log"),
    "507": ("with 507 Insufficient Storage", "the registry's disk is full"),
}
PUSHED = {
    "401": ("a registry refused the builder (unauthorized)", "set `username` and `password` for `registry`"),
    "403": ("a registry refused the builder (denied)",),
    "500": ("the push to faulty:5000 failed", "look at the registry's own log"),
    "507": ("the push to faulty:5000 failed", "507 Insufficient Storage", "the registry's disk is full"),
}
RACES = [
    (BY_DIGEST, ("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")),
    (UPLOADS, ("DIGEST_INVALID", "provided digest did not match uploaded content")),
]


def of(project: Project, path: str, image: str = "[^/]+") -> str:
    """Return the expression for a path below one image, or any, of the project."""
    return f"/v2/{project.name}/{image}{path}"


def through(proxy: FaultProxy, more: Mapping[str, Value] | None = None) -> dict[str, Value]:
    """Return the settings that lead through the proxy, with little patience."""
    return {"registry": proxy.inside, "registry_timeout": "5s", **(more or {})}


def refusal(kind: str, method: str, path: str, *, times: int | None = None) -> Rule:
    """Return the rule that refuses with one of REFUSALS."""
    status, body = REFUSALS[kind]
    return Rule(method=method, path=path, times=times, status=status, headers={"Content-Type": "application/json"}, body=body)


def says(log: str, words: Iterable[str]) -> None:
    """Check that the log says all of this, whatever its line breaks, and shows no traceback."""
    text = " ".join(log.split())
    assert [word for word in words if word not in text] == [], log
    assert "Traceback" not in log, log


def wanted_tags(project: Project) -> dict[str, set[str]]:
    """Return what stands in the registry that somebody could deploy."""
    found = {name: {tag for tag in tags if not tag.startswith("candidate-")} for name, tags in project.all_tags().items()}
    return {name: tags for name, tags in found.items() if tags}


class TestRefusedWithNothingDone:
    """Exit code 1, and no tag."""

    def test_the_registry_is_down(self, project: Project, repo: Monorepo) -> None:
        """It is asked again for a while, then named with the reason; nothing is built before."""
        run = project.push(repo, {"registry": DOWN, "registry_timeout": "2s"})
        assert run.exit_code == 1, run.log
        says(run.log, [f"can't reach the registry {DOWN}: connection refused", "trying again", "check that it runs"])
        assert "==> Building" not in run.log

    @pytest.mark.parametrize("kind", REFUSALS)
    def test_the_first_look_is_refused(self, kind: str, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """Nothing is built for a registry that would not take it."""
        proxy.add(refusal(kind, "GET", of(project, MANIFESTS)))
        run = project.push(repo, through(proxy))
        assert run.exit_code == 1, run.log
        says(run.log, LOOKED[kind])
        assert "==> Building" not in run.log

    @pytest.mark.parametrize("place", [UPLOADS, BY_DIGEST])
    @pytest.mark.parametrize("kind", ["401", "403"])
    def test_the_push_is_refused(self, kind: str, place: str, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """BuildKit meets it; the words are ours."""
        proxy.add(refusal(kind, "POST|PUT", of(project, place)))
        run = project.push(repo, through(proxy))
        assert run.exit_code == 1, run.log
        says(run.log, PUSHED[kind])
        assert wanted_tags(project) == {}

    def test_the_registry_is_full(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """BuildKit tries such answers again for some seconds, so both kinds are waited for at once."""
        projects = {kind: replace(project, name=f"{project.name}-{kind}") for kind in ("500", "507")}
        for kind, own in projects.items():
            proxy.add(refusal(kind, "POST|PUT", of(own, UPLOADS if kind == "507" else BY_DIGEST)))
        with ThreadPoolExecutor() as pool:
            runs = dict(zip(projects, pool.map(lambda own: own.push(repo, through(proxy)), projects.values()), strict=True))
        for kind, run in runs.items():
            assert run.exit_code == 1, run.log
            says(run.log, PUSHED[kind])
            assert wanted_tags(projects[kind]) == {}

    def test_a_manifest_that_is_not_what_its_digest_says(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """What is read back is hashed, not believed."""
        proxy.add(Rule(method="GET", path=of(project, BY_DIGEST, image="candle-store"), corrupt=True))
        run = project.push(repo, through(proxy))
        assert run.exit_code == 1, run.log
        says(
            run.log, [f"faulty:5000 answered {project.name}/candle-store@sha256:", "with other bytes than it promised", "promised sha256:"]
        )
        assert wanted_tags(project) == {}

    def test_a_registry_that_loses_what_was_pushed(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """A digest that was pushed and is not there stops everything."""
        proxy.add(refuse(404, "MANIFEST_UNKNOWN", "GET", of(project, BY_DIGEST, image="candle-store")))
        run = project.push(repo, through(proxy))
        assert run.exit_code == 1, run.log
        says(run.log, ["candle-store was pushed, and faulty:5000 does not know its digest"])
        assert wanted_tags(project) == {}

    def test_something_that_is_no_registry(self, project: Project, repo: Monorepo) -> None:
        """Such as the address of a web page, or the path of a proxy."""
        run = project.push(repo, {"registry": "buildkit:1234", "registry_timeout": "1s"})
        assert run.exit_code == 1, run.log
        says(run.log, ["buildkit:1234"])
        assert "==> Building" not in run.log


class TestSuccessAfterARetry:
    """What the weather does is not the user's business: the step says that it tried again, and succeeds."""

    def test_a_slow_registry(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """Late answers are answers."""
        proxy.add(Rule(method="GET|PUT", path=of(project, MANIFESTS), delay=1.0, times=12))
        self.succeeds(project, repo, proxy)

    @pytest.mark.parametrize("method", ["GET", "PUT"])
    def test_a_dropped_connection(self, method: str, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """In the look before the build, and while tags are set."""
        proxy.add(Rule(method=method, path=of(project, f"{MANIFESTS}(?!sha256)"), drop=True, times=2))
        log = self.succeeds(project, repo, proxy)
        says(log, ["trying again"])

    def test_a_connection_that_breaks_in_the_middle_of_an_answer(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """Half a manifest is none."""
        proxy.add(Rule(method="GET", path=of(project, BY_DIGEST), cut=20, times=1))
        self.succeeds(project, repo, proxy)

    def test_a_push_whose_connection_is_dropped(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """BuildKit itself tries again."""
        proxy.add(Rule(method="POST", path=of(project, UPLOADS, image="ledger|market-feed"), drop=True, times=1))
        self.succeeds(project, repo, proxy)

    def test_too_many_requests(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """The registry says how long to wait, and is obeyed."""
        busy = refuse(429, "TOOMANYREQUESTS", "GET", of(project, MANIFESTS), times=1)
        proxy.add(Rule(method=busy.method, path=busy.path, times=1, status=429, body=busy.body, headers={"Retry-After": "2"}))
        log = self.succeeds(project, repo, proxy)
        says(log, ["faulty answered 429, trying again in 2s as it asked"])

    @pytest.mark.parametrize(("path", "error"), RACES)
    def test_the_blob_race(self, path: str, error: tuple[str, str], proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """docker-registry refuses a blob that image and cache send at once; the same bake is sent again."""
        code, message = error
        proxy.add(refuse(400, code, "PUT", of(project, path), times=1, message=message))
        log = self.succeeds(project, repo, proxy)
        says(log, ["the registry refused a blob that two uploads sent at once; the same build is sent again"])

    def succeeds(self, project: Project, repo: Monorepo, proxy: FaultProxy) -> str:
        """Push, and find every image under both tags."""
        run = project.push(repo, through(proxy))
        assert run.exit_code == 0, run.log
        sha = repo.git("rev-parse", "HEAD")
        assert {name: project.tags(name) for name in repo.names} == {name: {sha, "latest"} for name in repo.names}
        return run.log


class TestHalfDone:
    """A failure while tags are being set: exit code 1, what has moved, and a rerun that ends it without building."""

    def test_a_tag_of_the_commit_can_not_be_set(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """Latest has not moved for any image."""
        first = repo.git("rev-parse", "HEAD")
        assert project.push(repo, through(proxy), number=1).exit_code == 0
        sha = repo.commit({"services/candle-store/app.txt": "second\n"})
        proxy.add(refusal("500", "PUT", of(project, f"{MANIFESTS}{sha}", image="candle-store")))
        run = project.push(repo, through(proxy), number=2)
        assert run.exit_code == 1, run.log
        images = {name: f"faulty:5000/{project.name}/{name}:{sha}" for name in repo.names}
        says(
            run.log,
            ["1 of 3 tags could not be set", f"not moved: {images.pop('candle-store')}", *(f"moved: {name}" for name in images.values())],
        )
        assert project.digests(repo, "latest") == project.digests(repo, first)

    def test_the_rerun_finishes_without_building(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """With the digests of the first run, even where the builder is gone."""
        sha = repo.git("rev-parse", "HEAD")
        proxy.add(
            refusal("500", "PUT", of(project, f"{MANIFESTS}{sha}", image="candle-store"), times=1),
        )
        failed = project.push(repo, through(proxy), number=1)
        assert failed.exit_code == 1, failed.log
        run = project.push(repo, through(proxy, {"builder": "tcp://builder-that-is-not-needed:1234"}), number=2)
        assert run.exit_code == 0, run.log
        assert {name: project.tags(name) for name in repo.names} == {name: {sha, "latest"} for name in repo.names}
        assert failed.record is not None
        assert {image["name"]: image["digest"] for image in failed.record["images"]} == project.digests(repo, "latest")
        assert project.tags("releases") == {sha, "latest", f"candidate-{sha}"}

    def test_latest_can_not_be_set(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """The commit's tags are all there by then, and the message says which latest has moved."""
        sha = repo.git("rev-parse", "HEAD")
        proxy.add(refusal("403", "PUT", of(project, f"{MANIFESTS}latest", image="candle-store")))
        run = project.push(repo, through(proxy))
        assert run.exit_code == 1, run.log
        says(
            run.log, [f"not moved: faulty:5000/{project.name}/candle-store:latest", f"moved: faulty:5000/{project.name}/market-feed:latest"]
        )
        assert project.tags("candle-store") == {sha}

    def test_a_record_that_can_not_be_stored_stops_the_tags(self, proxy: FaultProxy, project: Project, repo: Monorepo) -> None:
        """It comes first, because a rerun learns from it what the first run had built."""
        proxy.add(refusal("500", "PUT", of(project, MANIFESTS, image="releases")))
        run = project.push(repo, through(proxy))
        assert run.exit_code == 1, run.log
        assert wanted_tags(project) == {}

"""The flavour with a BuildKit of its own: privileged, cached in the registry, and as a stand-in for plugin-docker-buildx."""

from pathlib import Path

import pytest

from devtools.goyaml import Value
from tests.support.monorepo import Monorepo
from tests.support.project import Project

EMBEDDED = "registry-push-embedded"


@pytest.fixture
def settings() -> dict[str, Value]:
    """Return what an embedded builder needs on the network of the tests."""
    return {"builder": None, "mirrors": ["http://mirror:5000"]}


def test_it_builds_and_pushes(project: Project, repo: Monorepo, settings: dict[str, Value]) -> None:
    """With a builder that is started in the step and gone with it."""
    run = project.push(repo, settings, image=EMBEDDED, privileged=True)
    assert run.exit_code == 0, run.log
    assert "embedded BuildKit is up after" in run.log
    assert {name: project.tags(name) for name in repo.names} == {
        name: {repo.git("rev-parse", "HEAD"), "latest", "buildcache"} for name in repo.names
    }


def test_a_second_container_finds_the_cache_in_the_registry(project: Project, repo: Monorepo, settings: dict[str, Value]) -> None:
    """Its own state is empty, and still only what has changed is built."""
    first = project.push(repo, settings, image=EMBEDDED, privileged=True)
    assert "3 built, 0 cached" in first.log, first.log
    sha = repo.commit({"services/candle-store/app.txt": "changed\n"})
    run = project.push(repo, settings, image=EMBEDDED, privileged=True)
    assert run.exit_code == 0, run.log
    assert "1 built, 2 cached" in run.log, run.log
    assert project.tags("market-feed") >= {sha, "latest"}


def test_without_privileges_it_says_what_to_do(project: Project, repo: Monorepo, settings: dict[str, Value]) -> None:
    """In Woodpecker, with docker run, or without any."""
    run = project.push(repo, settings, image=EMBEDDED)
    assert run.exit_code == 1, run.log
    text = " ".join(run.log.split())
    for words in (
        "the embedded BuildKit can't start: the step is not privileged",
        "WOODPECKER_PLUGINS_PRIVILEGED",
        "--privileged",
        "set `builder`",
    ):
        assert words in text, run.log
    assert project.all_tags() == {}


def test_the_slim_image_says_that_it_needs_a_builder(project: Project, repo: Monorepo, settings: dict[str, Value]) -> None:
    """Both ways out are named."""
    run = project.push(repo, settings, privileged=True)
    assert run.exit_code == 1, run.log
    text = " ".join(run.log.split())
    assert "there is no builder: this image has no BuildKit inside, and neither `builder` nor BUILDKIT_HOST names one" in text
    assert "registry-push-embedded" in text
    assert project.all_tags() == {}


def test_sigterm_ends_the_embedded_builder_too(project: Project, repo: Monorepo, settings: dict[str, Value]) -> None:
    """In time, with the exit code of a cancelled step."""
    repo.commit({"services/market-feed/Dockerfile": "FROM debian:trixie-slim\nRUN echo waiting $((40+2)); sleep 3600\n"})
    with project.started(repo, {**settings, "verbose": True}, image=EMBEDDED, privileged=True) as running:
        running.wait_for_log("waiting 42")
        running.container.stop(timeout=15)
        run = running.end()
    assert run.exit_code == 143, run.log
    assert {tag for tags in project.all_tags().values() for tag in tags} <= {"buildcache"}


class TestPipelineOfPluginDockerBuildx:
    """A pipeline written for that plugin, with only its `image:` line changed."""

    def settings(self, project: Project, more: dict[str, Value]) -> dict[str, Value]:
        """Return its settings; those of ours that the tests set elsewhere are unset."""
        ours = dict.fromkeys(("project", "builder", "images", "registry"))
        # The mirror stands for Docker Hub here, which a test can't reach.
        theirs: dict[str, Value] = {
            "repo": f"registry:5000/{project.name}/app",
            "registry": "http://registry:5000",
            "insecure": True,
            "dockerfile": "docker/app.Dockerfile",
            "context": "services",
            "platforms": "linux/amd64",
            "mirror": "http://mirror:5000",
        }
        return {**ours, **theirs, **more}

    @pytest.fixture
    def repo(self, tmp_path: Path) -> Monorepo:
        """Make its repository."""
        made = Monorepo(tmp_path / "app")
        dockerfile = "FROM debian:trixie-slim\nARG WHO=nobody\nARG HOW=not\nLABEL who=$WHO how=$HOW\nCOPY app.txt /app.txt\n"
        made.commit({"docker/app.Dockerfile": dockerfile, "services/app.txt": f"{tmp_path}\n"})
        return made

    def test_tags_build_args_and_login(self, project: Project, repo: Monorepo) -> None:
        """What its README shows, and only the tags that it names."""
        login: dict[str, Value] = {"username": "ada", "password": {"from_secret": "registry_password"}}
        more: dict[str, Value] = {"tags": ["v7", "stable"], "build_args": ["WHO=ada", "HOW=well"], **login}
        run = project.push(repo, self.settings(project, more), image=EMBEDDED, privileged=True, secrets={"registry_password": "hunter22"})
        assert run.exit_code == 0, run.log
        assert project.all_tags() == {"app": {"v7", "stable"}}
        labels = project.config("app", "stable")["config"]["Labels"]
        assert (labels["who"], labels["how"]) == ("ada", "well")

    def test_without_tags_it_is_latest(self, project: Project, repo: Monorepo) -> None:
        """As there; build_args may be a map."""
        run = project.push(repo, self.settings(project, {"build_args": {"WHO": "bob"}}), image=EMBEDDED, privileged=True)
        assert run.exit_code == 0, run.log
        assert project.all_tags() == {"app": {"latest"}}

    def test_auto_tag_on_a_git_tag(self, project: Project, repo: Monorepo) -> None:
        """The parts of the version."""
        repo.git("tag", "v2.3.4")
        pipeline = {"event": "tag", "branch": "", "ref": "refs/tags/v2.3.4"}
        run = project.push(repo, self.settings(project, {"auto_tag": True}), image=EMBEDDED, privileged=True, **pipeline)
        assert run.exit_code == 0, run.log
        assert project.all_tags() == {"app": {"2", "2.3", "2.3.4"}}

    def test_dry_run_pushes_nothing(self, project: Project, repo: Monorepo) -> None:
        """It builds."""
        run = project.push(repo, self.settings(project, {"dry_run": True}), image=EMBEDDED, privileged=True)
        assert run.exit_code == 0, run.log
        assert "1 image (1 built), nothing pushed" in run.log
        assert project.all_tags() == {}

    def test_cache_from_an_image(self, project: Project, repo: Monorepo) -> None:
        """A cache that a run with `cache_images` has left is used in a fresh container."""
        cache = f"registry:5000/{project.name}/cache"
        first = project.push(repo, self.settings(project, {"cache_images": [cache]}), image=EMBEDDED, privileged=True)
        assert first.exit_code == 0, first.log
        second = self.settings(project, {"cache_from": [f"type=registry,ref={cache}"], "tags": ["again"]})
        run = project.push(repo, second, image=EMBEDDED, privileged=True)
        assert run.exit_code == 0, run.log
        assert "0 built, 1 cached" in run.log

"""Three commits of a monorepo of fourteen images, pushed with a BuildKit that stays: what is built, tagged and recorded."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.monorepo import Monorepo, monorepo
from tests.support.plugin_step import WORKSPACE, Run
from tests.support.project import Project

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
RECORD = "application/vnd.local-cicd.release.v1+json"
STAMP = "org.opencontainers.image."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A commit and the run that pushed it."""

    sha: str
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The first commit, one that changes nothing, and one that changes the service `ledger`."""

    repo: Monorepo
    project: Project
    first: Pushed
    unchanged: Pushed
    one_changed: Pushed


@pytest.fixture(scope="module")
def history(new_project: Callable[[str], Project], tmp_path_factory: pytest.TempPathFactory) -> History:
    """Push the three commits, as pipelines 1 to 3."""
    repo, project = monorepo(tmp_path_factory.mktemp("git") / "shop"), new_project("history")

    def push(sha: str, number: int) -> Pushed:
        run = project.push(repo, sha=sha, number=number)
        assert run.exit_code == 0, run.log
        return Pushed(sha=sha, run=run)

    return History(
        repo=repo,
        project=project,
        first=push(repo.git("rev-parse", "HEAD"), 1),
        unchanged=push(repo.commit(), 2),
        one_changed=push(repo.commit({"services/ledger/app.txt": "better\n"}), 3),
    )


def test_every_image_gets_the_tag_of_its_commit(history: History) -> None:
    """All commits stay, and latest is there once."""
    shas = {history.first.sha, history.unchanged.sha, history.one_changed.sha}
    assert {name: history.project.tags(name) for name in history.repo.names} == {name: {*shas, "latest"} for name in history.repo.names}


def test_a_base_of_the_run_is_never_pushed(history: History) -> None:
    """Only what the user wants and the records are in the registry."""
    assert history.project.contents.repositories(history.project.name) == {*history.repo.names, "releases"}


def test_latest_names_the_last_commit(history: History) -> None:
    """By the very digest of its own tag."""
    assert history.project.digests(history.repo, "latest") == history.project.digests(history.repo, history.one_changed.sha)


def test_a_cold_run_builds_everything(history: History) -> None:
    """And says so."""
    assert "14 built, 0 cached" in history.first.run.log


def test_nothing_changed_means_nothing_is_built(history: History) -> None:
    """The next commit's images come from the cache, layer by layer the same."""
    assert "0 built, 14 cached" in history.unchanged.run.log
    layers = {sha: {name: history.project.manifest(name, sha).layers for name in history.repo.names} for sha in _shas(history)[:2]}
    assert layers[history.first.sha] == layers[history.unchanged.sha]


def test_one_changed_service_is_the_only_one_built(history: History) -> None:
    """Its layers differ, all others' are those of the commit before."""
    assert "1 built, 13 cached" in history.one_changed.run.log
    before, after = ({name: history.project.manifest(name, sha).layers for name in history.repo.names} for sha in _shas(history)[1:])
    assert {name for name in history.repo.names if before[name] != after[name]} == {"ledger"}


def test_a_single_platform_is_no_index(history: History) -> None:
    """An index would differ in each run, and Kargo would look for a platform in it."""
    kinds = {name: history.project.manifest(name, "latest").media_type for name in history.repo.names}
    assert kinds == dict.fromkeys(history.repo.names, MANIFEST)


def test_annotations_and_labels_tell_time_commit_and_source(history: History) -> None:
    """The same on all images of the commit; the time is the commit's."""
    expected = {
        f"{STAMP}created": "2026-01-05T09:02:00Z",
        f"{STAMP}revision": history.one_changed.sha,
        f"{STAMP}source": "http://git.localhost/acme/shop",
    }
    for name in history.repo.names:
        annotations = history.project.manifest(name, "latest").annotations
        labels = history.project.config(name, "latest")["config"]["Labels"]
        assert {key: annotations.get(key) for key in expected} == expected, name
        assert {key: labels.get(key) for key in expected} == expected, name


def test_the_record_is_in_the_registry_under_the_tags_of_its_images(history: History) -> None:
    """And under the candidate's, from which a rerun takes up again."""
    assert history.project.tags("releases") == {*_shas(history), *(f"candidate-{sha}" for sha in _shas(history)), "latest"}


def test_workspace_and_registry_hold_the_same_record(history: History) -> None:
    """Read by plain HTTP, as a script of the user's would."""
    stored = history.project.manifest("releases", history.one_changed.sha)
    assert (stored.document["artifactType"], stored.annotations[f"{STAMP}created"]) == (RECORD, "2026-01-05T09:02:00Z")
    document = json.loads(history.project.contents.blob(f"{history.project.name}/releases", stored.layers[0]))
    assert document == history.one_changed.run.record


def test_the_record_names_each_image_as_it_is_in_the_registry(history: History) -> None:
    """Digest, tags, platform, size and how it came to be."""
    record = history.one_changed.run.record
    assert record is not None
    assert (record["revision"], record["pipeline"]["number"], record["held"]) == (history.one_changed.sha, 3, False)
    assert {image["name"]: image["digest"] for image in record["images"]} == history.project.digests(history.repo, "latest")
    image = next(image for image in record["images"] if image["name"] == "ledger")
    stored = history.project.manifest("ledger", "latest").document
    assert image["repository"] == f"registry:5000/{history.project.name}/ledger"
    assert (image["tag"], image["wanted_tags"]) == (history.one_changed.sha, [history.one_changed.sha, "latest"])
    assert (image["media_type"], image["platforms"], image["state"]) == (MANIFEST, ["linux/amd64"], "built")
    assert image["config_digest"] == stored["config"]["digest"]
    assert image["size"] == sum(part["size"] for part in (stored["config"], *stored["layers"]))


def test_the_log_is_short(history: History) -> None:
    """Sixty lines for fourteen images is good, and none wider than a terminal."""
    lines = history.first.run.log.splitlines()
    assert len(lines) < 60
    assert max(map(len, lines)) < 120


def test_nothing_but_the_record_is_left_behind(history: History) -> None:
    """The checkout gets its git-ignored folder, and the step cleans up after itself."""
    with history.project.started(history.repo) as running:
        assert running.end().exit_code == 0
        checkout = {f"/{name}" for name in _parents(WORKSPACE)}
        changed = {path for path in running.changed() if not path.startswith(WORKSPACE)} - checkout
        record = {path for path in running.changed() if ".local-cicd" in path}
    assert changed <= {"/tmp"}, changed
    assert record == {f"{WORKSPACE}/.local-cicd{rest}" for rest in ("", "/release.json", "/.gitignore")}


def _parents(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _shas(history: History) -> list[str]:
    return [history.first.sha, history.unchanged.sha, history.one_changed.sha]

"""A commit that is pushed again, held, or late: what is built, and which tags move."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.support.monorepo import Monorepo
from tests.support.project import Project

if TYPE_CHECKING:
    from devtools.goyaml import Value

EARLY = datetime(2025, 12, 24, 18, 0, tzinfo=UTC)


def test_a_rerun_of_a_released_commit_builds_nothing(project: Project, repo: Monorepo) -> None:
    """It keeps every digest, says so, and writes the same record into its workspace."""
    first = project.push(repo, number=1)
    assert first.exit_code == 0, first.log
    before = project.digests(repo, "latest")
    run = project.push(repo, {"builder": "tcp://builder-that-is-not-needed:1234"}, number=2)
    assert run.exit_code == 0, run.log
    assert "is built already: its images are kept as they are" in run.log
    assert project.digests(repo, "latest") == before
    assert run.record == first.record


def test_force_builds_a_released_commit_again_and_warns(project: Project, repo: Monorepo) -> None:
    """Nodes that have seen the old bytes keep them, so it has to be said."""
    assert project.push(repo).exit_code == 0
    run = project.push(repo, {"force": True, "no_cache": True})
    assert run.exit_code == 0, run.log
    assert "3 built, 0 cached" in run.log
    assert "force: true: the tags of" in run.log


def test_hold_sets_only_the_candidate(project: Project, repo: Monorepo) -> None:
    """The wanted tags are in the record, for kargo-notify to set after the integration test."""
    sha = repo.git("rev-parse", "HEAD")
    run = project.push(repo, {"hold": True})
    assert run.exit_code == 0, run.log
    assert project.all_tags() == {name: {f"candidate-{sha}"} for name in (*repo.names, "releases")}
    assert f"held for kargo-notify: {sha}, latest" in run.log
    assert run.record is not None
    assert run.record["held"] is True
    assert {(image["tag"], *image["wanted_tags"]) for image in run.record["images"]} == {(f"candidate-{sha}", sha, "latest")}


def test_an_older_commit_that_ends_late_leaves_latest_alone(project: Project, repo: Monorepo) -> None:
    """Its own tag is set, and the step succeeds."""
    older = repo.git("rev-parse", "HEAD")
    newer = repo.commit({"services/ledger/app.txt": "newer\n"})
    assert project.push(repo, sha=newer, number=2).exit_code == 0
    run = project.push(repo, sha=older, number=1)
    assert run.exit_code == 0, run.log
    assert f"latest stays: it is of {newer[:12]}, newer than this commit" in run.log
    assert project.all_tags()["market-feed"] == {older, newer, "latest"}
    assert project.digests(repo, "latest") == project.digests(repo, newer)


def test_created_is_raised_above_that_of_an_ancestor_with_a_fast_clock(project: Project, repo: Monorepo) -> None:
    """History decides, and Kargo, which sees only the time, orders the commits the same way."""
    assert project.push(repo, number=1).exit_code == 0
    later = repo.commit(at=EARLY)
    run = project.push(repo, sha=later, number=2)
    assert run.exit_code == 0, run.log
    assert project.digests(repo, "latest") == project.digests(repo, later)
    created = {project.manifest(name, later).annotations["org.opencontainers.image.created"] for name in repo.names}
    assert created == {"2026-01-05T09:00:01Z"}


def test_without_history_the_commits_time_decides(project: Project, repo: Monorepo) -> None:
    """A clone of depth 1 knows no ancestor but the parent, so an earlier time means an older commit."""
    assert project.push(repo, number=1).exit_code == 0
    repo.commit()
    run = project.push(repo, sha=repo.commit(at=EARLY), number=2, depth=1)
    assert run.exit_code == 0, run.log
    assert "latest stays: it is of" in run.log


def test_latest_force_goes_back(project: Project, repo: Monorepo) -> None:
    """After a force-push nothing but the user knows which commit is the newest."""
    older = repo.git("rev-parse", "HEAD")
    assert project.push(repo, sha=repo.commit(), number=1).exit_code == 0
    assert project.push(repo, {"latest": "force"}, sha=older, number=2).exit_code == 0
    assert project.digests(repo, "latest") == project.digests(repo, older)


def test_a_moved_base_image_is_noticed(project: Project, repo: Monorepo) -> None:
    """Without any setting: the commit changes nothing, and all images on the base are built again."""
    base: dict[str, Value] = {"images": [{"name": "base", "context": "base"}], "tags": ["stable"]}
    assert project.push(repo, base).exit_code == 0
    repo.write({f"services/{name}/Dockerfile": f"FROM registry:5000/{project.name}/base:stable\nCOPY app.txt /\n" for name in repo.names})
    first = project.push(repo, sha=repo.commit())
    assert "3 built, 0 cached" in first.log, first.log
    moved = project.push(repo, base, sha=repo.commit({"base/motd": "moved\n"}))
    assert moved.exit_code == 0, moved.log
    repo.commit({"base/motd": "not used by anything\n"})
    run = project.push(repo, sha=repo.commit())
    assert "3 built, 0 cached" in run.log, run.log

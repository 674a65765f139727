"""Which tags a pipeline's event leads to, in the registry."""

from tests.support.monorepo import Monorepo
from tests.support.project import Project


def test_a_branch_gets_its_name_in_front_of_the_commit(project: Project, repo: Monorepo) -> None:
    """A bare SHA would be promoted by Kargo, and latest belongs to the default branch."""
    sha = repo.git("rev-parse", "HEAD")
    run = project.push(repo, branch="feature/Fast_Ledger")
    assert run.exit_code == 0, run.log
    expected = {f"feature-fast_ledger-{sha}"}
    assert {name: project.tags(name) for name in repo.names} == dict.fromkeys(repo.names, expected)


def test_a_pull_request_is_built_and_not_pushed(project: Project, repo: Monorepo) -> None:
    """Not even a repository appears."""
    run = project.push(repo, event="pull_request", ref="refs/pull/7/head", refspec="fast-ledger:main")
    assert run.exit_code == 0, run.log
    assert "nothing is pushed: a pull request is built and not pushed" in run.log
    assert "4 images (4 built), nothing pushed" in run.log
    assert project.all_tags() == {}


def test_a_version_tag_gives_its_parts(project: Project, repo: Monorepo) -> None:
    """And neither latest nor the commit's name: they are the default branch's."""
    repo.git("tag", "v1.4.2")
    run = project.push(repo, event="tag", branch="", ref="refs/tags/v1.4.2")
    assert run.exit_code == 0, run.log
    assert {name: project.tags(name) for name in repo.names} == {name: {"1", "1.4", "1.4.2"} for name in repo.names}


def test_own_tags_stand_alone(project: Project, repo: Monorepo) -> None:
    """They replace the default ones."""
    run = project.push(repo, {"tags": ["nightly", "edge"]})
    assert run.exit_code == 0, run.log
    assert {name: project.tags(name) for name in repo.names} == {name: {"nightly", "edge"} for name in repo.names}


def test_the_setting_dry_run_builds_and_pushes_nothing(project: Project, repo: Monorepo) -> None:
    """As in plugin-docker-buildx."""
    run = project.push(repo, {"dry_run": True})
    assert run.exit_code == 0, run.log
    assert "4 images (4 built), nothing pushed" in run.log
    assert project.all_tags() == {}


def test_the_option_dry_run_prints_the_plan_and_touches_nothing(project: Project, repo: Monorepo) -> None:
    """Images, tags and what would become of latest; no builder is needed."""
    sha = repo.git("rev-parse", "HEAD")
    run = project.push(repo, {"builder": "tcp://builder-that-does-not-exist:1234"}, arguments=["--dry-run"])
    assert run.exit_code == 0, run.log
    assert f"registry:5000/{project.name}/market-feed" in run.log
    assert f"tags: {sha}, latest" in run.log
    assert "latest would move: there was none" in run.log
    assert "==> Building" not in run.log
    assert run.record is None
    assert project.all_tags() == {}


def test_an_unknown_setting_is_a_warning(project: Project, repo: Monorepo) -> None:
    """With what was meant, said again at the end; the step succeeds."""
    run = project.push(repo, {"projekt": "shop", "dry_run": True})
    assert run.exit_code == 0, run.log
    assert run.log.count('unknown setting "projekt", did you mean "project"?') == 2, run.log


def test_a_setting_without_a_meaning_here_says_so(project: Project, repo: Monorepo) -> None:
    """Settings of plugin-docker-buildx that need its Docker daemon are warnings."""
    run = project.push(repo, {"storage_driver": "overlay2", "dry_run": True})
    assert run.exit_code == 0, run.log
    assert "there is no Docker daemon in this plugin, so it has no meaning here" in " ".join(run.log.split())

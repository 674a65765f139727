"""What is read from the forge: the whole history of what is mirrored, and no more."""

from pathlib import Path

import pytest

from github_mirror.errors import SourceError
from plugin_kit.ci import Event
from tests.support.git_forge import Forge, git_forge
from tests.support.histories import bare, commit, git
from tests.support.sources import WHOLE, empty, is_whole, netrc, opened, pipeline, rev, settings


def test_by_default_the_ref_of_this_pipeline_is_read_with_its_whole_history(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """Nothing else, so that nothing private gets out by accident."""
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(), ci) as (source, _):
        assert source.listing.refs == {"refs/heads/main": rev(upstream)}
        assert (source.complete, source.head, source.tip, source.gone) == (False, rev(upstream), rev(upstream), False)
        assert is_whole(source)
        assert source.git.run("rev-list", "--count", "--all").stdout.strip() == "60"
        assert not source.git.succeeds("cat-file", "-e", rev(upstream, "v1"))
    assert forge.fetches == 1


def test_a_pipeline_of_an_older_commit_mirrors_that_commit(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """The branch has moved on since; its tip is known, so that a newer mirror is not taken for a diverged one."""
    passed = rev(upstream, "HEAD~5")
    ci = pipeline(empty(tmp_path), passed, clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(), ci) as (source, _):
        assert source.listing.refs == {"refs/heads/main": passed}
        assert source.tip == rev(upstream)
        assert source.git.succeeds("merge-base", "--is-ancestor", passed, rev(upstream))


def test_a_commit_that_was_replaced_by_force_is_still_read(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """It has passed, whatever happened to the branch meanwhile."""
    passed = rev(upstream)
    git(upstream, "reset", "--quiet", "--hard", "HEAD~2")
    commit(upstream)
    ci = pipeline(empty(tmp_path), passed, clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(), ci) as (source, _):
        assert source.listing.refs == {"refs/heads/main": passed}
        assert source.tip == rev(upstream)
        assert is_whole(source)


def test_a_branch_that_was_deleted_is_noticed(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """As after a merge; its commit is there as long as the forge has it."""
    passed = rev(upstream, "feature")
    git(upstream, "branch", "--quiet", "--delete", "--force", "feature")
    ci = pipeline(empty(tmp_path), passed, branch="feature", clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(), ci) as (source, _):
        assert source.listing.refs == {"refs/heads/feature": passed}
        assert (source.tip, source.gone) == (None, True)


def test_an_annotated_tag_is_read_as_it_is(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """The tag object, not only the commit that CI_COMMIT_SHA names."""
    sha = rev(upstream, "v1^{}")
    ci = pipeline(empty(tmp_path), sha, event=Event.TAG, branch=None, tag="v1", clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(), ci) as (source, _):
        assert source.listing.refs == {"refs/tags/v1": rev(upstream, "v1")}
        assert source.listing.peeled == {"refs/tags/v1": sha}
        assert is_whole(source)


def test_a_tag_that_was_moved_since_is_refused(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """What it is on has not passed."""
    ci = pipeline(empty(tmp_path), rev(upstream), event=Event.TAG, branch=None, tag="v1", clone_url=forge.url("shop.git"), netrc=netrc())
    with pytest.raises(SourceError, match="the tag v1 was moved"), opened(settings(), ci):
        pass


def test_followtags_reads_the_tags_as_well(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """Which of them follow is the plan's business."""
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(followtags=True), ci) as (source, _):
        assert set(source.listing.refs) == {"refs/heads/main", "refs/tags/v1", "refs/tags/light"}
        assert source.listing.peeled == {"refs/tags/v1": rev(upstream, "v1^{}")}
    assert forge.fetches == 1


def test_with_patterns_all_branches_and_tags_are_listed(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """Hidden refs are not even read."""
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(refs=WHOLE), ci) as (source, _):
        assert source.listing.refs == {
            name: rev(upstream, name) for name in ("refs/heads/main", "refs/heads/feature", "refs/tags/v1", "refs/tags/light")
        }
        assert source.listing.peeled == {"refs/tags/v1": rev(upstream, "v1^{}")}
        assert source.listing.head == "refs/heads/main"
        assert source.complete
        assert is_whole(source)
    assert forge.fetches == 1


def test_an_empty_forge_has_an_empty_listing(tmp_path: Path) -> None:
    """Nothing is made up."""
    bare(tmp_path / "forge/empty.git")
    with git_forge(tmp_path / "forge") as forge:
        ci = pipeline(empty(tmp_path), "0" * 40, clone_url=forge.url("empty.git"))
        with opened(settings(refs=WHOLE), ci) as (source, _):
            assert source.listing.refs == {}


def test_a_forge_that_is_cut_off_itself_is_refused(tmp_path: Path, upstream: Path) -> None:
    """GitHub would get a history without a beginning."""
    shallow = tmp_path / "shallow.git"
    git(tmp_path, "clone", "--quiet", "--bare", "--depth=3", f"file://{upstream}", str(shallow))
    ci = pipeline(empty(tmp_path), rev(shallow))
    for chosen in (settings(source=f"file://{shallow}"), settings(source=f"file://{shallow}", refs=WHOLE)):
        with pytest.raises(SourceError, match="is shallow itself"), opened(chosen, ci):
            pass

"""The clone of the pipeline as the source, with real clones as Woodpecker makes them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from github_mirror.errors import SourceError
from plugin_kit.ci import Event
from tests.support.git_forge import Forge
from tests.support.histories import git, repository, woodpecker_clone
from tests.support.sources import TOKEN, WHOLE, empty, is_whole, netrc, opened, pipeline, rev, settings


def complete_clone(tmp_path: Path, upstream: Path) -> Path:
    """Clone as `partial: false, depth: 0, tags: true` does."""
    folder = tmp_path / "workspace"
    git(tmp_path, "clone", "--quiet", f"file://{upstream}", str(folder))
    return folder


def default_clone(tmp_path: Path, upstream: Path) -> Path:
    """Clone as Woodpecker does without further ado."""
    return woodpecker_clone(tmp_path / "workspace", f"file://{upstream}", rev(upstream))


def shallow_clone(tmp_path: Path, upstream: Path) -> Path:
    """Clone as `partial: false, depth: 3` does."""
    folder = tmp_path / "workspace"
    git(tmp_path, "clone", "--quiet", "--depth=3", f"file://{upstream}", str(folder))
    return folder


def partial_clone(tmp_path: Path, upstream: Path) -> Path:
    """Clone with all commits and no trees."""
    folder = tmp_path / "workspace"
    git(tmp_path, "clone", "--quiet", "--filter=tree:0", f"file://{upstream}", str(folder))
    return folder


def partial_later_unshallowed(tmp_path: Path, upstream: Path) -> Path:
    """Clone as Woodpecker does, and fetch the history as people then do: the filter stays."""
    folder = default_clone(tmp_path, upstream)
    git(folder, "fetch", "--quiet", "--unshallow", "origin", "+refs/heads/*:refs/remotes/origin/*")
    return folder


@pytest.mark.parametrize("clone", [default_clone, shallow_clone, partial_clone, partial_later_unshallowed])
def test_an_incomplete_workspace_is_completed_by_one_fetch(
    tmp_path: Path, upstream: Path, forge: Forge, clone: Callable[[Path, Path], Path]
) -> None:
    """Not one for each commit; and the workspace itself stays as it was, since other steps use it."""
    workspace = clone(tmp_path, upstream)
    before = git(workspace, "count-objects", "-v"), sorted(path.name for path in (workspace / ".git").iterdir())
    forge.fetches = 0
    ci = pipeline(workspace, rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(source="workspace"), ci) as (source, log):
        assert source.listing.refs == {"refs/heads/main": rev(upstream)}
        assert is_whole(source)
        assert source.git.run("rev-parse", "--is-shallow-repository").stdout.strip() == "false"
    assert forge.fetches == 1
    assert "the workspace is" in log.getvalue()
    assert (git(workspace, "count-objects", "-v"), sorted(path.name for path in (workspace / ".git").iterdir())) == before


@pytest.mark.parametrize("source", ["workspace", "auto"])
@pytest.mark.parametrize("clone", [default_clone, shallow_clone, partial_clone])
def test_a_workspace_that_cant_be_completed_says_which_clone_settings_help(
    tmp_path: Path, upstream: Path, forge: Forge, clone: Callable[[Path, Path], Path], source: str
) -> None:
    """And why it can't."""
    ci = pipeline(clone(tmp_path, upstream), rev(upstream), clone_url=forge.url("shop.git"))
    with pytest.raises(SourceError) as caught, opened(settings(source=source), ci):
        pass
    assert "the workspace is" in caught.value.message
    assert "asks for a login, and the step has none" in caught.value.message
    assert "partial: false, depth: 0, tags: true" in str(caught.value.hint)


def assert_works(workspace: Path, upstream: Path, sha: str | None = None) -> None:
    """Open a workspace that is complete, without any forge."""
    sha = sha or rev(upstream)
    with opened(settings(source="workspace"), pipeline(workspace, sha)) as (source, _):
        assert source.listing.refs == {"refs/heads/main": sha}
        assert not source.complete
        assert is_whole(source)


def test_a_complete_workspace_needs_no_forge(tmp_path: Path, upstream: Path) -> None:
    """Its objects are borrowed, not copied."""
    workspace = complete_clone(tmp_path, upstream)
    upstream.rename(tmp_path / "gone")
    assert_works(workspace, tmp_path / "gone")


def test_a_detached_workspace_is_enough(tmp_path: Path, upstream: Path) -> None:
    """Woodpecker's clone is on no branch after a reset to a commit of a tag."""
    workspace = complete_clone(tmp_path, upstream)
    git(workspace, "checkout", "--quiet", "--detach", "HEAD~2")
    assert_works(workspace, upstream, rev(upstream, "HEAD~2"))


def test_a_single_branch_workspace_is_enough(tmp_path: Path, upstream: Path) -> None:
    """For the ref of this pipeline."""
    git(tmp_path, "clone", "--quiet", "--single-branch", "--no-tags", f"file://{upstream}", "workspace")
    assert_works(tmp_path / "workspace", upstream)


def test_a_worktree_is_enough(tmp_path: Path, upstream: Path) -> None:
    """Its repository is somewhere else."""
    workspace = complete_clone(tmp_path, upstream)
    git(workspace, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    assert_works(tmp_path / "tree", upstream)


def test_a_clone_that_borrows_itself_is_enough(tmp_path: Path, upstream: Path) -> None:
    """As `git clone --reference` makes them."""
    git(tmp_path, "clone", "--quiet", "--shared", str(upstream), "workspace")
    assert_works(tmp_path / "workspace", upstream)


def test_submodules_stay_what_they_are(tmp_path: Path, upstream: Path) -> None:
    """The commit names them; their repositories are not this one's."""
    library = repository(tmp_path / "library")
    git(upstream, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    git(upstream, "commit", "--quiet", "--message", "with a library")
    folder = tmp_path / "workspace"
    git(tmp_path, "-c", "protocol.file.allow=always", "clone", "--quiet", "--recurse-submodules", f"file://{upstream}", str(folder))
    assert_works(folder, upstream)
    with opened(settings(source="workspace"), pipeline(folder / "lib", rev(library))) as (source, _):
        assert source.listing.refs == {"refs/heads/main": rev(library)}


def test_a_workspace_of_another_owner_is_enough(tmp_path: Path, upstream: Path) -> None:
    """The clone step runs as another user than this one."""
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    workspace = complete_clone(tmp_path, upstream)
    for path in (workspace, *workspace.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    assert_works(workspace, upstream)


def test_nothing_that_a_step_wrote_into_the_workspace_is_run(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """Tests run the code of whoever pushed, and must not get at the keys by way of git's configuration."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\nexec cat\n")
    trap.chmod(0o755)
    workspace = default_clone(tmp_path, upstream)
    for key in ("core.sshCommand", "core.fsmonitor", "core.askPass", "core.alternateRefsCommand", "remote.origin.uploadpack", "core.pager"):
        git(workspace, "config", key, str(trap))
    git(workspace, "config", "credential.helper", f"!{trap}")
    git(workspace, "config", "url.ext::sh -c touch% sprung.insteadOf", "http://")
    for name in ("post-checkout", "reference-transaction", "pre-push", "post-index-change"):
        shutil.copy(trap, workspace / ".git/hooks" / name)
    ci = pipeline(workspace, rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    for chosen in (settings(source="workspace"), settings(source="workspace", refs=WHOLE), settings()):
        with opened(chosen, ci) as (source, _):
            assert is_whole(source)
    assert not (tmp_path / "sprung").exists()


def test_with_patterns_the_workspace_lists_what_it_saw_of_the_forge(tmp_path: Path, upstream: Path) -> None:
    """The branches of origin under their own names; never complete, so nothing is deleted for its sake."""
    workspace = complete_clone(tmp_path, upstream)
    git(workspace, "branch", "local-only")
    with opened(settings(source="workspace", refs=WHOLE), pipeline(workspace, rev(upstream))) as (source, _):
        assert set(source.listing.refs) == {"refs/heads/main", "refs/heads/feature", "refs/tags/v1", "refs/tags/light"}
        assert source.listing.peeled == {"refs/tags/v1": rev(upstream, "v1^{}")}
        assert not source.complete


def test_the_tag_of_a_workspace_is_the_tag_itself(tmp_path: Path, upstream: Path) -> None:
    """Where the clone has it."""
    workspace = complete_clone(tmp_path, upstream)
    ci = pipeline(workspace, rev(upstream, "v1^{}"), event=Event.TAG, branch=None, tag="v1")
    with opened(settings(source="workspace"), ci) as (source, _):
        assert source.listing.refs == {"refs/tags/v1": rev(upstream, "v1")}
        assert source.listing.peeled == {"refs/tags/v1": rev(upstream, "v1^{}")}
    git(workspace, "tag", "--delete", "v1")
    with pytest.raises(SourceError, match="but not the tag itself"), opened(settings(source="workspace"), ci):
        pass


def test_a_workspace_that_hides_what_it_lacks_is_found_out(tmp_path: Path, upstream: Path) -> None:
    """Some clones are cut off without saying so anywhere."""
    workspace = shallow_clone(tmp_path, upstream)
    (workspace / ".git/shallow").unlink()
    with (
        pytest.raises(SourceError, match="does not have the whole history"),
        opened(settings(source="workspace"), pipeline(workspace, rev(upstream))),
    ):
        pass


def test_no_checkout_is_an_error(tmp_path: Path) -> None:
    """It says where it looked."""
    with pytest.raises(SourceError, match="is no git checkout"), opened(settings(source="workspace"), pipeline(empty(tmp_path), "0" * 40)):
        pass


def test_auto_falls_back_to_a_complete_workspace_and_says_so(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """Where the forge lets nobody in, the clone of the pipeline is good enough for its own ref."""
    workspace = complete_clone(tmp_path, upstream)
    with opened(settings(), pipeline(workspace, rev(upstream), clone_url=forge.url("shop.git"))) as (source, log):
        assert source.label == "the workspace"
    assert "mirroring from the workspace instead" in log.getvalue()
    assert "source_token" in log.getvalue()


def test_outside_woodpecker_the_origin_of_the_checkout_is_the_forge(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """For `docker run` on a laptop."""
    workspace = complete_clone(tmp_path, upstream)
    git(workspace, "remote", "set-url", "origin", forge.url("shop.git"))
    chosen = settings(source_token=SecretStr(TOKEN))
    with opened(chosen, pipeline(workspace, rev(upstream), in_woodpecker=False)) as (source, _):
        assert source.label == forge.url("shop")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"event": Event.PULL_REQUEST, "pull_request": 7}, "a pull request has no ref of its own"),
        ({"branch": None}, "is on no branch that is known"),
        ({"sha": None}, "the commit of this pipeline is not known"),
    ],
)
def test_a_pipeline_without_a_ref_is_explained(tmp_path: Path, given: dict[str, Any], sentence: str) -> None:
    """With what to set instead."""
    values = {"sha": "0" * 40, **given}
    ci = pipeline(empty(tmp_path), values.pop("sha"), **values)
    with pytest.raises(SourceError, match=sentence) as caught, opened(settings(), ci):
        pass
    assert "`refs`" in str(caught.value.hint)

"""The clone that outlives the step."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from github_mirror.cache import Cache
from github_mirror.errors import SourceError
from tests.support.git_forge import Forge
from tests.support.histories import commit, git
from tests.support.sources import WHOLE, empty, is_whole, netrc, opened, pipeline, rev, settings, spy


def test_the_cache_has_only_new_commits_fetched(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """The second run asks for what is new, a third for nothing."""
    chosen = settings(refs=WHOLE, cache_dir="../cache")
    workspace = empty(tmp_path)
    objects = []
    for _ in range(3):
        ci = pipeline(workspace, rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
        with opened(chosen, ci) as (source, _):
            assert source.listing.refs["refs/heads/main"] == rev(upstream)
            assert is_whole(source)
            assert source.git.folder.parent == (workspace / "../cache")
        objects.append(forge.fetches)
        if len(objects) == 1:
            commit(upstream)
    assert objects == [1, 2, 2]


def test_refs_that_are_gone_leave_the_cache(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """Also where a branch took the place of a folder of branches."""
    chosen = settings(refs=WHOLE, cache_dir=str(tmp_path / "cache"))
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(chosen, ci):
        pass
    git(upstream, "branch", "--quiet", "--move", "feature", "feature/one")
    git(upstream, "tag", "--delete", "light")
    with opened(chosen, ci) as (source, _):
        assert set(source.listing.refs) == {"refs/heads/main", "refs/heads/feature/one", "refs/tags/v1"}


def test_the_cache_serves_branches_whose_names_get_in_each_others_way(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """One pipeline after the other, each with its own ref only."""
    chosen = settings(cache_dir=str(tmp_path / "cache"))
    workspace = empty(tmp_path)
    for name in ("feature", "feature/one", "feature"):
        git(upstream, "checkout", "--quiet", "main")
        for old in ("feature", "feature/one"):
            if old in git(upstream, "branch", "--format=%(refname:short)").split():
                git(upstream, "branch", "--quiet", "--delete", "--force", old)
        git(upstream, "checkout", "--quiet", "-b", name)
        sha = commit(upstream)
        with opened(chosen, pipeline(workspace, sha, branch=name, clone_url=forge.url("shop.git"), netrc=netrc())) as (source, _):
            assert source.listing.refs == {f"refs/heads/{name}": sha}


def test_a_pack_that_was_lost_is_fetched_again(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """That much git notices itself."""
    chosen = settings(refs=WHOLE, cache_dir=str(tmp_path / "cache"))
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(chosen, ci) as (source, _):
        next((source.git.folder / "objects/pack").glob("*.pack")).unlink()
    with opened(chosen, ci) as (source, _):
        assert is_whole(source)


@pytest.mark.parametrize("damage", ["no HEAD", "empty file", "garbage in config", "truncated pack", "bad ref"])
def test_a_broken_cache_is_made_anew(tmp_path: Path, upstream: Path, forge: Forge, damage: str) -> None:
    """With a warning, and without a failure."""
    chosen = settings(refs=WHOLE, cache_dir=str(tmp_path / "cache"))
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(chosen, ci) as (source, _):
        folder = source.git.folder
    break_it(folder, damage)
    with opened(chosen, ci) as (source, log):
        assert is_whole(source)
        assert source.git.folder == folder
        assert "is broken and is made anew" in log.getvalue()
    assert not [path for path in folder.parent.iterdir() if "broken" in path.name]


def break_it(folder: Path, damage: str) -> None:
    """Do to a clone what full disks and power cuts do."""
    pack = next((folder / "objects/pack").glob("*.pack"))
    for path in (pack, pack.with_suffix(".idx")):
        path.chmod(0o644)
    if damage == "no HEAD":
        (folder / "HEAD").unlink()
    elif damage == "empty file":
        (folder / "HEAD").write_text("")
    elif damage == "garbage in config":
        (folder / "config").write_text("[core\nbare")
    elif damage == "truncated pack":
        pack.write_bytes(pack.read_bytes()[:40])
    else:
        (folder / "refs/heads/main").unlink(missing_ok=True)
        (folder / "packed-refs").unlink(missing_ok=True)
        (folder / "refs/heads/main").write_text(f"{'1' * 40}\n")


def test_an_object_that_was_found_missing_later_empties_the_cache(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """For whoever meets the damage in the middle of a push."""
    chosen = settings(cache_dir=str(tmp_path / "cache"))
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(chosen, ci) as (source, _):
        source.discard_cache()
    assert not source.git.folder.exists()


def test_a_failing_forge_does_not_cost_the_cache(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """The clone is fine; only the login is not."""
    chosen = settings(cache_dir=str(tmp_path / "cache"), source="forge")
    workspace = empty(tmp_path)
    with opened(chosen, pipeline(workspace, rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())) as (source, _):
        folder = source.git.folder
    marker = folder / "marker"
    marker.touch()
    with pytest.raises(SourceError), opened(chosen, pipeline(workspace, rev(upstream), clone_url=forge.url("shop.git"))):
        pass
    assert marker.exists()


def test_two_runs_at_once_share_the_cache(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """One after the other changes it, and both end well."""
    chosen = settings(refs=WHOLE, cache_dir=str(tmp_path / "cache"))
    workspace = empty(tmp_path)

    def once(_: int) -> bool:
        ci = pipeline(workspace, rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
        with opened(chosen, ci) as (source, log):
            return is_whole(source) and "warning" not in log.getvalue()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(once, range(4))) == [True] * 4
    assert forge.fetches == 1
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_cache_that_is_busy_for_long_is_done_without(
    tmp_path: Path, upstream: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for ever would be worse than a clone of one's own."""
    monkeypatch.setattr("github_mirror.source._CACHE_PATIENCE", 0.2)
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with Cache.of(tmp_path / "cache", forge.url("shop.git")).locked(0) as mine:
        assert mine
        with opened(settings(cache_dir=str(tmp_path / "cache")), ci) as (source, log):
            assert is_whole(source)
            assert source.cache is None
    assert "other runs have been at it for long" in log.getvalue()


def test_a_cache_that_cant_be_written_is_done_without(tmp_path: Path, upstream: Path, forge: Forge) -> None:
    """A volume that is not mounted, or not writable, costs time only."""
    (tmp_path / "file").touch()
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(cache_dir=str(tmp_path / "file/cache")), ci) as (source, log):
        assert is_whole(source)
    assert "the clone in `cache_dir` can't be used (Not a directory)" in log.getvalue()


def test_many_small_fetches_are_packed_in_the_end(tmp_path: Path, upstream: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of a thousand packs would be slower than none."""
    log = spy(tmp_path, monkeypatch)
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(cache_dir=str(tmp_path / "cache")), ci) as (source, _):
        assert stat.S_IMODE(source.git.folder.stat().st_mode) == 0o700
    assert "@@ git gc --auto --quiet" in log.read_text()


def test_addresses_do_not_share_a_cache(tmp_path: Path) -> None:
    """However alike they look."""
    addresses = ("https://git.lan/a/b.git", "https://git.lan/a-b.git", "http://git.lan/a/b.git", "git@git.lan:a/b.git")
    assert len({Cache.of(tmp_path, url).folder for url in addresses}) == len(addresses)


def test_nothing_is_left_behind(tmp_path: Path, upstream: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a cache the clone goes with the step."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    ci = pipeline(empty(tmp_path), rev(upstream), clone_url=forge.url("shop.git"), netrc=netrc())
    with opened(settings(), ci):
        assert list(temporary.iterdir())
    assert list(temporary.iterdir()) == []

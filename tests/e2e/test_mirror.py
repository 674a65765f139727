"""The image of github-mirror between a forge and an OpenSSH server that refuses what GitHub refuses."""

import pytest

from tests.support.mirror_scene import DEV, MAIN, V1, MirrorScene
from tests.support.plugin_step import Pipeline, Run

LARGE = 101 * 1024 * 1024


@pytest.fixture
def path(scene: MirrorScene, request: pytest.FixtureRequest) -> str:
    """Make an empty repository at "GitHub" and give its path there."""
    name = f"{request.node.name.replace('[', '-').rstrip(']').removeprefix('test_').replace(' ', '-')}.git"
    scene.github.create(name)
    return name


def last_lines(run: Run, count: int) -> str:
    """Give the end of a log, its lines joined."""
    return " ".join(" ".join(run.log.splitlines()[-count:]).split())


def test_the_branch_that_has_passed_is_mirrored_whole(scene: MirrorScene, path: str) -> None:
    """From a clone of one commit, by Woodpecker's own login to the forge; nothing else of the private repository is sent."""
    run = scene.run(path, {"strict": True})
    assert run.exit_code == 0, run.log
    assert scene.refs(path) == {MAIN: scene.sha()}
    assert scene.github.git(path, "rev-list", "--count", "main") == scene.repo.git("rev-list", "--count", "main")
    scene.github.git(path, "fsck", "--full", "--strict")
    assert f"main  created  -> {scene.sha()[:10]}" in run.log


def test_the_whole_repository_is_mirrored_and_what_others_pushed_stays(scene: MirrorScene, path: str) -> None:
    """Branches and tags of the forge, no refs of pull requests; a branch that only the mirror has is not touched without `prune`."""
    scene.run(path, {"strict": True})
    scene.github.git(path, "branch", "theirs", "main")
    run = scene.run(path, {"strict": True, "refs": ["heads/*", "tags/*"]}, Pipeline(number=2, depth=1, filter="tree:0"))
    assert run.exit_code == 0, run.log
    assert scene.refs(path) == {
        MAIN: scene.sha(),
        DEV: scene.sha("dev"),
        V1: scene.sha("v1"),
        "refs/heads/theirs": scene.sha(),
    }


@pytest.mark.parametrize("strict", [False, True])
def test_a_clone_that_can_not_be_completed_says_how_to_clone(scene: MirrorScene, path: str, strict: bool) -> None:
    """Without a login to the forge there is only one commit, and one commit is never pushed."""
    run = scene.run(path, {"strict": strict, "source": "workspace"}, login=False)
    assert run.exit_code == int(strict), run.log
    assert scene.refs(path) == {}
    assert "settings: {partial: false, depth: 0, tags: true}" in last_lines(run, 4)
    assert run.log.count("NOT MIRRORED") == int(not strict)


def test_what_github_refuses_is_explained_at_the_end_and_blocks_nothing(scene: MirrorScene, path: str) -> None:
    """A file of more than 100 MiB in the history, in GitHub's words and in ours; exit code 0."""
    sha = scene.sha()
    scene.repo.git("checkout", "--quiet", "-b", "large", "main")
    try:
        with (scene.repo.path / "film.mov").open("wb") as film:
            film.truncate(LARGE)
        scene.repo.commit()
        pipeline = Pipeline(branch="large", sha="large")
        run = scene.run(path, {"source": "workspace"}, pipeline)
    finally:
        scene.repo.git("checkout", "--quiet", "main")
        scene.repo.git("branch", "--quiet", "-D", "large")
    assert run.exit_code == 0, run.log
    assert scene.refs(path) == {}
    assert "large  failed" in run.log
    assert "GitHub takes no file of more than 100 MiB, and the history has film.mov (101.00 MB)" in last_lines(run, 12)
    assert scene.sha() == sha


def test_a_host_that_shows_another_key_gets_nothing(scene: MirrorScene, path: str) -> None:
    """The fingerprint that was seen is named, and nobody has logged in."""
    logins = scene.github.logins
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    run = scene.run(path, {"strict": True, "known_hosts": f"{scene.github.alias} {other}"})
    assert run.exit_code == 1, run.log
    assert f"github {scene.github.host_key}" in run.log
    assert scene.github.logins == logins


def test_wrong_settings_fail_even_without_strict(scene: MirrorScene, path: str) -> None:
    """A pipeline that has never mirrored because of a typing error must be noticed."""
    run = scene.run(path, {"remote": "https://github.com/acme/shop.git"})
    assert run.exit_code == 2, run.log

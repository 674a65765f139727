"""Deploy key and login of a mirror are nowhere but where they have to be, and gone at the end, however it comes."""

import pytest

from tests.support.command_lines import sampled
from tests.support.mirror_scene import TOKEN, MirrorScene
from tests.support.plugin_step import Running

# Until the test lets it go on: what a person sees as GitHub being slow.
_SLOW = "#!/bin/sh\necho 'counting objects for ever' >&2\nexec sleep 60\n"
_LONGEST_END = 15


@pytest.fixture
def path(scene: MirrorScene, request: pytest.FixtureRequest) -> str:
    """Make an empty repository at "GitHub" and give its path there."""
    name = f"{request.node.name.removeprefix('test_')}.git"
    scene.github.create(name)
    return name


def left_behind(running: Running) -> list[str]:
    """Name the files that a step has left in temporary folders and homes."""
    return sorted(place for place in running.changed() if place.startswith(("/tmp/", "/root/", "/var/tmp/", "/run/")))


def test_no_secret_is_shown_or_left(scene: MirrorScene, path: str) -> None:
    """Not in the log, on no command line of the machine, in no file; and the search saw the commands that use them."""
    middle = scene.key.private.splitlines()[2]
    with sampled() as lines, scene.started(path, {"strict": True, "refs": ["heads/*", "tags/*"]}) as running:
        run = running.end()
        left = {place: content.decode(errors="replace") for place, content in running.files()}
        assert left_behind(running) == []
    assert run.exit_code == 0, run.log
    assert any("git push" in line for line in lines)
    texts = {"the log": run.log, "a command line": "\n".join(lines), **left}
    assert [where for where, text in texts.items() if TOKEN in text or middle in text] == []


def test_a_step_that_is_cancelled_in_the_middle_of_a_push_ends_at_once_and_leaves_nothing(scene: MirrorScene) -> None:
    """SIGTERM, as Woodpecker sends it: exit code 143, no key file, and no ref at GitHub."""
    scene.github.create("slow.git")
    scene.github.install_hook("slow.git", "pre-receive", _SLOW)
    with scene.started("slow.git") as running:
        running.wait_for_log("==> Mirroring to")
        seen: dict[str, str] = {}
        while "key" not in seen:
            seen.update(running.temporary_files())
        running.container.stop(timeout=_LONGEST_END + 5)
        run = running.end()
        assert run.exit_code == 143, run.log
        assert left_behind(running) == []
    assert "PRIVATE KEY" in seen["key"]
    assert scene.refs("slow.git") == {}
    assert scene.key.private.splitlines()[2] not in run.log

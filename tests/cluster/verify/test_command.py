"""`bootstrap verify` as somebody types it."""

import json
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.live_platform import LivePlatform


def test_the_command_writes_json_and_junit(live: LivePlatform, tmp_path: Path) -> None:
    """Here, where no name resolves and no pod answers, it ends with 1; what it could see is in order."""
    junit = tmp_path / "verify.xml"
    done = live.world.command_line.run("verify", "--json", "--junit", str(junit), "--only", "gitea,volumes,arc,argocd")
    document = json.loads(done.stdout)
    outcomes = {check["name"]: check["outcome"] for check in document["checks"]}
    assert outcomes == {"gitea": "ok", "argocd": "failed", "volumes": "ok", "arc": "ok"}, done.stdout
    assert (done.code, document["outcome"], document["left_behind"]) == (1, "failed", [])
    assert all(check["how"] for check in document["checks"])
    assert next(ET.fromstring(junit.read_text()).iter("testcase")).get("name") == "Gitea accessible"
    assert live.world.command_line.run("verify", "--only", "gitea", "--only", "volumes").code == 0


def test_a_gate_without_a_network_is_told(live: LivePlatform) -> None:
    """The real API server says what it can't reach."""
    done = live.world.command_line.run("verify", "--only", "market-block")
    assert done.code == 1
    assert "market-gate" in done.stdout
    assert "hint:" in done.stdout


def test_who_may_read_nothing_is_told_so_once(live: LivePlatform) -> None:
    """Not in nineteen lines, of which half say that the platform is broken."""
    stranger = live.world.plane.service_account("default", "default")
    done = live.world.command_line.run("verify", "--kubeconfig", str(stranger))
    said = " ".join(done.stdout.split())
    assert (done.code, said.count("hint:")) == (1, 1), done.stdout
    assert "the user of the kubeconfig may not read Secrets in local-cicd" in said
    assert "failed" not in said


@pytest.mark.parametrize("only", ["pipeline", "promotion"])
def test_ctrl_c_says_what_stays(live: LivePlatform, only: str) -> None:
    """A branch of its own goes; a commit on main stays, and is named."""
    live.builder.well()
    live.builder.pipeline = ""
    bare = next(iter(live.world.gitea.world.repositories.values())).bare
    before = bare.refs()
    with live.world.command_line.started("verify", "--yes", "--only", only) as child:
        assert child.stdout
        said = ""
        for line in child.stdout:
            said += line
            if "pushed " in line:
                child.send_signal(signal.SIGINT)
                break
        said += child.stdout.read()
        assert child.wait(timeout=60) == 130, said
    live.builder.well()
    assert "cancelled by SIGINT" in said
    stays = "the images of" if only == "pipeline" else f"the empty commit {bare.refs()['refs/heads/main'][:12]} on main"
    assert f"What stays: {stays}" in said
    assert {name for name in bare.refs() if "verify/" in name} == set()
    assert (bare.refs() == before) is (only == "pipeline")


@pytest.fixture
def busy(live: LivePlatform, tmp_path: Path) -> Iterator[int]:
    """Let Gitea take a push and then hang, until the test ends; a line can be read once it has come that far."""
    told, gate = tmp_path / "told", tmp_path / "gate"
    hook = next(iter(live.world.gitea.world.repositories.values())).bare.folder / "hooks/post-receive"
    for pipe in (told, gate):
        os.mkfifo(pipe)
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho > {told}\nread -r _ < {gate}\n")
    hook.chmod(0o755)
    # Open for both, so that nobody waits for the other to open it.
    with told.open("r+b", buffering=0) as reading, gate.open("r+b", buffering=0) as writing:
        yield reading.fileno()
        hook.unlink()
        writing.write(b"\n")


@pytest.mark.parametrize("only", ["pipeline", "promotion"])
def test_ctrl_c_while_gitea_hangs_in_a_push_says_what_may_stay(live: LivePlatform, busy: int, only: str) -> None:
    """Gitea has taken the commit, nobody has heard of it, and nothing can be taken back: the command that does is there."""
    live.builder.well()
    live.builder.pipeline = ""
    bare = next(iter(live.world.gitea.world.repositories.values())).bare
    before = bare.refs()
    with live.world.command_line.started("verify", "--yes", "--only", only) as child:
        assert child.stdout
        arrived, _, _ = select.select([busy], [], [], 60)
        assert arrived
        child.send_signal(signal.SIGINT)
        said = " ".join(child.stdout.read().split())
        assert child.wait(timeout=60) == 130, said
    live.builder.well()
    (taken,) = (name.removeprefix("refs/heads/") for name, commit in bare.refs().items() if before.get(name) != commit)
    if only == "promotion":
        assert taken == "main"
        assert "What stays: perhaps an empty commit on main of platform/stonks-oracle, and its images: the push broke off." in said
        return
    bare.delete_branch(taken)
    assert f"What stays: perhaps the branch {taken} of platform/stonks-oracle, which is yet to be deleted: `git push " in said
    assert f"/platform/stonks-oracle.git --delete {taken}` does it." in said

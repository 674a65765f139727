"""`bootstrap verify` as somebody types it."""

import json
import signal
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

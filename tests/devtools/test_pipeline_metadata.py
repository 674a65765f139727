"""CI_* variables, against what Woodpecker 3.17 itself sets for each event."""

import json
from pathlib import Path

import pytest

from devtools.metadata import Commit, Metadata, Repository, at_run_time

DATA = Path(__file__).parents[1] / "data"
EVENTS: dict[str, dict[str, str]] = json.loads((DATA / "ci-env-vectors.json").read_text(encoding="utf-8"))["events"]
MESSAGE = EVENTS["push"]["CI_COMMIT_MESSAGE"]


def metadata(recorded: dict[str, str]) -> Metadata:
    """Return the pipeline that was recorded."""
    return Metadata(
        event=recorded["CI_PIPELINE_EVENT"],
        number=42,
        parent=int(recorded["CI_PIPELINE_PARENT"]),
        created=1795000000,
        started=1795000003,
        system_url="https://ci.example.lan",
        deploy_target="paper",
        release_title="1.4",
        repository=Repository(
            full_name="acme/shop",
            remote_id="7",
            private=True,
            forge_url=recorded["CI_FORGE_URL"],
            web_url="https://git.example.lan",
            ssh_url="ssh://git@git.example.lan:30022/acme/shop.git",
        ),
        commit=Commit(
            sha=recorded["CI_COMMIT_SHA"],
            ref=recorded["CI_COMMIT_REF"],
            branch="main",
            refspec=recorded.get("CI_COMMIT_REFSPEC", ""),
            message=MESSAGE,
            author="ada",
            email="ada@example.lan",
            avatar="https://git.example.lan/avatars/1",
            timestamp=1794999990,
            files=tuple(json.loads(recorded["CI_PIPELINE_FILES"])),
            labels=("bug", "p1"),
        ),
    )


@pytest.mark.parametrize("event", EVENTS)
def test_variables_of_an_event_are_woodpeckers(event: str) -> None:
    """All variables but those of the previous pipeline, and none besides."""
    expected = {name: value for name, value in EVENTS[event].items() if not name.startswith("CI_PREV_")}
    assert metadata(EVENTS[event]).variables("images") == expected


def test_more_than_500_files_are_not_named() -> None:
    """Woodpecker leaves the variable out."""
    commit = Commit(sha="a", ref="refs/heads/main", files=tuple(f"{number}.txt" for number in range(501)))
    assert "CI_PIPELINE_FILES" not in Metadata(event="push", repository=Repository(full_name="a/b"), commit=commit).variables()


def test_the_agent_adds_what_it_alone_knows() -> None:
    """Type, start and workspace of the step, and the status of the workflow so far."""
    added = at_run_time({"CI": "woodpecker"}, kind="plugin", workspace="/woodpecker/src/x", started=7, status="failure")
    assert added == {
        "CI": "woodpecker",
        "CI_MACHINE": "localhost",
        "CI_PIPELINE_STATUS": "failure",
        "CI_STEP_STARTED": "7",
        "CI_STEP_TYPE": "plugin",
        "CI_WORKSPACE": "/woodpecker/src/x",
    }

"""The command line of kargo-notify: its options, its help, and what starts it."""

import json
from pathlib import Path

import pytest

from kargo_notify.__main__ import PLUGIN
from plugin_kit.cli import main
from tests.support.project_store import project_store, sha


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_help_explains_the_actions(capsys: pytest.CaptureFixture[str]) -> None:
    """With their options and defaults, within a terminal."""
    assert main(PLUGIN, ["--help"], {}) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert max(map(len, lines)) <= 100
    text = " ".join(out.split())
    assert "--show COMMIT [--json]" in text
    assert "--prune [--keep N]" in text
    assert "keep their tags (default 50)" in text


def test_every_setting_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the registry, of Kargo, and of the run."""
    assert main(PLUGIN, ["--help"], {}) == 0
    out = capsys.readouterr().out
    assert all(f"  {name}" in out for name in PLUGIN.settings_model().model_fields)


def test_json_is_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings and errors go to stderr, so that the output can be piped."""
    with project_store() as store:
        store.commit(1)
        environ = {"PLUGIN_REGISTRY": store.host, "PLUGIN_PROJECT": "shop", "PLUGIN_KARGO_USERNAME": "ada"}
        assert main(PLUGIN, ["--show", sha(1), "--json"], environ) == 0
        streams = capsys.readouterr()
        assert json.loads(streams.out)["revision"] == sha(1)
        assert '"kargo_username" is ignored' in streams.err
        assert main(PLUGIN, ["--show", "beef", "--json"], environ) == 1
        streams = capsys.readouterr()
        assert (streams.out, "has no record of beef" in streams.err) == ("", True)


def test_actions_need_no_settings_of_a_release(capsys: pytest.CaptureFixture[str]) -> None:
    """Registry and project are enough to look something up."""
    with project_store() as store:
        store.commit(1)
        assert main(PLUGIN, ["--show", sha(1)], {"PLUGIN_REGISTRY": store.host, "PLUGIN_PROJECT": "shop"}) == 0
    assert f"commit      {sha(1)}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--show"], ["--keep=3"], ["--json"], ["--prune", "--show", "x"], ["--remove"]])
def test_a_slip_of_the_fingers_removes_nothing(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, before settings are even read."""
    assert main(PLUGIN, arguments, {}) == 2
    assert capsys.readouterr().err.startswith("error: kargo-notify")

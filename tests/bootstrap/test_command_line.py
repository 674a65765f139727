"""The command line, where no cluster is needed."""

import json
from pathlib import Path

import pytest

from bootstrap import command_line
from bootstrap.platform.schema import schema


def test_init_writes_the_file_and_what_editors_know_it_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The schema lies beside it, under the name that its first line gives."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "infra").mkdir()
    for file in (Path("platform.yaml"), Path("infra/home.yaml")):
        assert command_line.run(["init", "--file", str(file)]) == 0
        assert file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=platform.schema.json\n")
        assert json.loads(file.with_name("platform.schema.json").read_text(encoding="utf-8")) == schema()
        assert f"{file} written" in capsys.readouterr().out


def test_init_leaves_a_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be the only one of its kind."""
    monkeypatch.chdir(tmp_path)
    Path("platform.yaml").write_text("domain: example.lan\n", encoding="utf-8")
    assert command_line.run(["init"]) == 1
    assert "platform.yaml exists already" in capsys.readouterr().out
    assert [each.name for each in tmp_path.iterdir()] == ["platform.yaml"]
    assert Path("platform.yaml").read_text(encoding="utf-8") == "domain: example.lan\n"

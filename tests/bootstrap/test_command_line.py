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


def test_init_says_where_it_can_not_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder that is not there, or belongs to somebody else."""
    file = tmp_path / "infra/platform.yaml"
    assert command_line.run(["init", "--file", str(file)]) == 1
    assert f"error: can't write {file}: No such file or directory" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "arguments", [["plan", "--typo"], ["nope"], [], ["operator"], ["operator", "add"], ["render"], ["up", "--dry-run"]], ids=" ".join
)
def test_a_wrong_command_line_is_no_plan_with_changes(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Cron looks at the exit code: 2 is that of a plan."""
    assert command_line.run(arguments) == 64
    assert "Usage: bootstrap" in "".join(capsys.readouterr())


def test_up_leads_whoever_wants_to_try_it_to_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """`down` and `restore` have such an option."""
    command_line.run(["up", "--dry-run"])
    assert "`bootstrap plan` shows what it would do" in capsys.readouterr().err


def test_the_list_of_commands_has_a_whole_sentence_for_each(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal of 80 columns; and it says with which to begin."""
    monkeypatch.setenv("COLUMNS", "80")
    assert command_line.run(["--help"]) == 0
    shown = capsys.readouterr().out
    rows = shown.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(rows) == 16
    assert all(row.endswith(".") and not row.endswith("...") for row in rows)
    assert shown.rstrip().endswith("Begin with: init, plan, up.")

"""The command line, where no cluster is needed."""

import json
from pathlib import Path

import pytest

from bootstrap import command_line
from bootstrap.core.engine import Engine
from bootstrap.core.errors import ClusterError
from bootstrap.core.plan import ComponentPlan, Plan, Problem
from bootstrap.platform.schema import schema
from tests.support.scripted_server import Answer, scripted_server

PLATFORM = """\
domain: example.lan
prerequisites: {cert_manager: {mode: external}}
gitea: {mode: external, namespace: git-server}
registry: {mode: external, namespace: git-server}
"""
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "ADDRESS"}}]
users: [{name: me, user: {token: none}}]
"""
SECRET = 'correct "horse" battery'


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


@pytest.mark.parametrize(("group", "number", "end"), [((), 16, "Begin with: init, plan, up."), (("operator",), 1, "in their own name.")])
def test_the_list_of_commands_has_a_whole_sentence_for_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, group: tuple[str, ...], number: int, end: str
) -> None:
    """In a terminal of 80 columns; and it says with which to begin."""
    monkeypatch.setenv("COLUMNS", "80")
    assert command_line.run([*group, "--help"]) == 0
    shown = capsys.readouterr().out
    rows = shown.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(rows) == number
    assert all(row.endswith(".") and not row.endswith("...") for row in rows)
    assert shown.rstrip().endswith(end)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """Write a platform.yaml, and a kubeconfig of a cluster at which nobody listens."""
    return written(tmp_path, "http://127.0.0.1:1")


def written(folder: Path, address: str) -> tuple[str, ...]:
    """Write both and return the arguments that name them."""
    file, kubeconfig = folder / "platform.yaml", folder / "kubeconfig"
    file.write_text(PLATFORM)
    kubeconfig.write_text(KUBECONFIG.replace("ADDRESS", address))
    return "--file", str(file), "--kubeconfig", str(kubeconfig)


@pytest.mark.parametrize("command", ["plan", "status", "up", "down", "verify"])
def test_a_login_page_in_the_place_of_the_api_is_told(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one message, rather than in a traceback."""
    with scripted_server() as server:
        server.on("GET", ".*", Answer(headers={"Content-Type": "text/html"}, body=b"<html>Please log in</html>"))
        assert command_line.run([command, *written(tmp_path, server.url)]) == 1
        said = "".join(capsys.readouterr())
        assert f"error: something else than a Kubernetes API answers at {server.url}" in " ".join(said.split())
    assert "Traceback" not in said


def test_a_bug_is_reported_without_secrets(
    files: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last lines of a traceback hold what was at hand."""

    def breaking(self: Engine) -> Plan:
        self.context.hide(SECRET)
        raise KeyError(SECRET)

    monkeypatch.setattr(Engine, "plan", breaking)
    assert command_line.run(["plan", *files]) == 1
    said = "".join(capsys.readouterr())
    assert "error: bootstrap " in said
    assert "this is a bug of bootstrap" in said
    assert "KeyError: '********'" in said
    assert "horse" not in said


@pytest.mark.parametrize("as_json", [True, False])
def test_what_programs_read_is_without_secrets_too(
    files: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """An API server quotes in its refusals what it was sent."""

    def refused(self: Engine) -> Plan:
        self.context.hide(SECRET)
        error = ClusterError(f"no {SECRET}", details=[f"password: {SECRET}"], hint=f"not {SECRET}")
        problem = Problem(resource="Secret shop/login", error=error)
        return Plan(components=(ComponentPlan(name="shop", title="Shop", problems=(problem,)),))

    monkeypatch.setattr(Engine, "plan", refused)
    assert command_line.run(["plan", *files, *(["--json"] if as_json else [])]) == 1
    said = capsys.readouterr().out
    assert "horse" not in said
    assert "password: ********" in said
    if as_json:
        (found,) = json.loads(said)["components"][0]["problems"]
        assert found == {
            "resource": "Secret shop/login",
            "message": "no ********",
            "details": ["password: ********"],
            "hint": "not ********",
        }


def test_an_error_that_ends_a_command_is_without_secrets(
    files: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told when the command is over, by which time its console has gone."""

    def refused(self: Engine) -> Plan:
        self.context.hide(SECRET)
        raise ClusterError(f"no {SECRET}")

    monkeypatch.setattr(Engine, "plan", refused)
    assert command_line.run(["plan", *files]) == 1
    assert "error: no ********" in capsys.readouterr().out

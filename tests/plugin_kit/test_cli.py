"""The command line that all plugins share."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from plugin_kit.cli import Plugin, main

MODULE = '''
from pydantic import SecretStr
from plugin_kit.errors import BuildError
from plugin_kit.settings import PluginSettings


class Settings(PluginSettings):
    """Settings of a plugin."""

    name: str
    """A name."""

    password: SecretStr | None = None
    """A password."""

    what: str = "work"
    """What to do."""


def run(settings, ci, console, dry_run):
    console.info(f"{settings.name} on {ci.branch}, dry run {dry_run}")
    if settings.password:
        console.info(f"the password is {settings.password.get_secret_value()}")
    if settings.what == "fail":
        raise BuildError("the build of shop/api failed", hint="read the log")
    if settings.what == "break":
        secret = settings.password.get_secret_value()
        raise KeyError(secret)
    if settings.what == "wait":
        import os, signal, time
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
'''
ENVIRON = {
    "PLUGIN_NAME": "shop",
    "CI": "woodpecker",
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_SHA": "a" * 40,
    "CI_REPO_DEFAULT_BRANCH": "main",
}


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugin:
    """Make a plugin in a module of its own."""
    name = f"plugin_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return Plugin(name="plugin-kit", summary="Does work.", settings=f"{name}:Settings", run=f"{name}:run")


def test_a_run_gets_settings_pipeline_and_console(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """And ends with 0."""
    assert main(plugin, [], ENVIRON) == 0
    assert capsys.readouterr().out == "shop on main, dry run False\n"


def test_dry_run_is_an_option(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """The plugin prints its plan and stops."""
    assert main(plugin, ["--dry-run"], ENVIRON) == 0
    assert "dry run True" in capsys.readouterr().out


def test_secrets_are_redacted_from_what_a_plugin_prints(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the settings and the forge's."""
    assert main(plugin, [], {**ENVIRON, "PLUGIN_PASSWORD": "hunter22"}) == 0
    assert "the password is ********" in capsys.readouterr().out
    netrc = {"CI_NETRC_MACHINE": "git.lan", "CI_NETRC_PASSWORD": "hunter22"}
    assert main(plugin, [], {**ENVIRON, "PLUGIN_NAME": "hunter22", **netrc}) == 0
    assert "hunter22" not in capsys.readouterr().out


def test_an_error_is_a_sentence_and_an_exit_code(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback for what is not our bug."""
    assert main(plugin, [], {**ENVIRON, "PLUGIN_WHAT": "fail"}) == 1
    assert capsys.readouterr().out.splitlines()[1:] == ["error: the build of shop/api failed", "  hint: read the log"]


def test_wrong_settings_are_exit_code_2(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything else happens."""
    assert main(plugin, [], {"CI": "woodpecker"}) == 2
    assert capsys.readouterr().out == "error: name: required, but not set\n"


def test_warnings_of_the_settings_come_first(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the work, so that nobody waits for them; and a short log says them once."""
    assert main(plugin, [], {**ENVIRON, "PLUGIN_NAM": "x"}) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'warning: unknown setting "nam", did you mean "name"?'
    assert sum("did you mean" in line for line in lines) == 1


def test_the_error_is_the_last_thing_in_the_log(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """After the repeated warnings."""
    assert main(plugin, [], {**ENVIRON, "PLUGIN_NAM": "x", "PLUGIN_WHAT": "fail"}) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "  hint: read the log"


def test_a_bug_prints_a_traceback_without_secrets(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says whose fault it is, and what to report."""
    assert main(plugin, [], {**ENVIRON, "PLUGIN_WHAT": "break", "PLUGIN_PASSWORD": "hunter22"}) == 1
    out = capsys.readouterr().out
    assert "error: plugin-kit" in out
    assert "this is a bug of the plugin" in out
    assert "KeyError: '********'" in out
    assert "hunter22" not in out


def test_a_bug_before_the_settings_are_known_prints_no_secret(plugin: Plugin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is called password or token is redacted then."""
    (tmp_path / "broken_settings.py").write_text('import os\nraise RuntimeError(os.environ.get("NOTHING", "hunter22"))\n')
    broken = Plugin(name=plugin.name, summary="", settings="broken_settings:Settings", run=plugin.run)
    assert main(broken, [], {**ENVIRON, "PLUGIN_PASSWORD": "hunter22"}) == 1
    out = capsys.readouterr().out
    assert "RuntimeError" in out
    # The line of source is there, and what it says is redacted as well.
    assert "hunter22" not in out


def test_a_cancelled_run_ends_with_143(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """SIGTERM is what Woodpecker sends."""
    assert main(plugin, [], {**ENVIRON, "PLUGIN_WHAT": "wait"}) == 143
    assert "error: cancelled by SIGTERM" in capsys.readouterr().out


def test_help_explains_the_settings(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """Also as -h."""
    for option in ("--help", "-h"):
        assert main(plugin, [option], {}) == 0
        assert "name (*)" in capsys.readouterr().out


def test_schema_is_json(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """Indented, for a file."""
    assert main(plugin, ["--schema"], {}) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "plugin-kit"


def test_the_version_is_the_images_tag_or_the_distributions(plugin: Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    """LOCAL_CICD_VERSION is baked into images."""
    assert main(plugin, ["--version"], {}) == 0
    assert main(plugin, ["--version"], {"LOCAL_CICD_VERSION": "1.2.3-4-gabc"}) == 0
    nameless = Plugin(name="no-such-distribution", summary="", settings="", run="")
    assert main(nameless, ["--version"], {}) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"plugin-kit {metadata.version('plugin-kit')}", "plugin-kit 1.2.3-4-gabc", "no-such-distribution unknown"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dryrun"], "did you mean --dry-run?"),
        (["--password=hunter22"], "has no option --password"),
        (["x", "--help"], "has no option x"),
    ],
)
def test_an_unknown_option_is_exit_code_2(plugin: Plugin, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings are variables, as the message says; a value is not repeated."""
    assert main(plugin, arguments, ENVIRON) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert "hunter22" not in captured.err
    assert captured.out == ""


def test_the_version_is_printed_without_heavy_imports() -> None:
    """The start of a plugin is paid in every pipeline."""
    program = """
import sys
from plugin_kit.cli import Plugin, main
code = main(Plugin(name="registry-push", summary="", settings="a:B", run="a:b"), ["--version"])
heavy = {"pydantic", "pydantic_settings", "pydantic_core", "http.client", "ssl", "git", "oras", "asyncio", "subprocess", "json"}
print(code, sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], env={"LOCAL_CICD_VERSION": "1.2.3"}, check=True, capture_output=True, text=True)
    assert done.stdout == "registry-push 1.2.3\n0 []\n"

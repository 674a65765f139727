"""runmefirst.sh and runmelast.sh: from a fresh checkout, with nothing but Python and Helm."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from devtools.paths import ROOT

SCRIPTS = ROOT / "bootstrap"
NAMES = ("bootstrap.sh", "runmefirst.sh", "runmelast.sh")
# What the scripts themselves use.
TOOLS = ("bash", "env", "cat", "cksum", "cut", "dirname", "mkdir", "mv", "rm", "tail")


def run(script: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script with nothing in its environment but this."""
    return subprocess.run([SCRIPTS / script, *arguments], env=dict(environment), capture_output=True, text=True, check=False)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Make a folder with what the scripts use, and neither Python nor Helm in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return folder


def made(tmp_path: Path, tools: Path, **more: str) -> dict[str, str]:
    """Return an environment in which nothing else is found."""
    return {"PATH": str(tools), "HOME": str(tmp_path), "LOCAL_CICD_CACHE": str(tmp_path / "cache"), **more}


def python(tools: Path, name: str = "python3", *, old: bool = False, venv: bool = True, pip: bool = True) -> None:
    """Put a Python there: this one, whose libraries an environment that it makes has at once, without a network."""
    inside = tools / f"{name}-inside"
    refusal = "echo 'no matching distribution'; exit 1"
    _program(inside, f'[ "$2" != pip ] || {{ {"exit 0" if pip else refusal}; }}; exec "{sys.executable}" "$@"')
    words = {"*version_info*": f"exit {int(old)}", "*ensurepip*": f"exit {int(not venv)}"}
    words["-m venv *"] = f'"{shutil.which("mkdir")}" -p "$3/bin"; "{shutil.which("ln")}" -s "{inside}" "$3/bin/python"'
    cases = "".join(f"{' '.join(pattern.split()).replace(' ', chr(92) + ' ')}) {words[pattern]}; exit ;;\n" for pattern in words)
    _program(tools / name, f'case "$*" in\n{cases}esac\nexec "{sys.executable}" "$@"')


def helm(tools: Path) -> None:
    """Put a Helm there that is never started."""
    _program(tools / "helm", "exit 1")


def _program(file: Path, script: str) -> None:
    file.write_text(f"#!{shutil.which('bash')}\n{script}\n")
    file.chmod(0o755)


@pytest.mark.parametrize("script", NAMES)
def test_the_scripts_are_sound(script: str) -> None:
    """As shellcheck sees it."""
    checked = subprocess.run(["shellcheck", "--severity=style", SCRIPTS / script], capture_output=True, text=True, check=False)
    assert checked.stdout == ""
    assert os.access(SCRIPTS / script, os.X_OK)


def test_without_python_it_says_so(tmp_path: Path, tools: Path) -> None:
    """With what else would do."""
    helm(tools)
    done = run("runmefirst.sh", environment=made(tmp_path, tools))
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: Python 3.11 or newer is missing\n  hint: install python3, name one in PYTHON, or run the container image" in done.stderr


def test_a_python_that_is_too_old_is_none(tmp_path: Path, tools: Path) -> None:
    """The next one is looked for."""
    helm(tools)
    python(tools, old=True)
    done = run("runmefirst.sh", environment=made(tmp_path, tools))
    assert "Python 3.11 or newer is missing" in done.stderr


def test_a_python_that_was_named_must_do(tmp_path: Path, tools: Path) -> None:
    """Rather than another one in its place."""
    helm(tools)
    python(tools, "snake", old=True)
    done = run("runmelast.sh", environment=made(tmp_path, tools, PYTHON="snake"))
    assert "error: PYTHON is snake, which is no Python 3.11 or newer" in done.stderr


@pytest.mark.parametrize("script", ["runmefirst.sh", "runmelast.sh"])
def test_without_helm_it_says_so_before_anything_is_installed(script: str, tmp_path: Path, tools: Path) -> None:
    """Minutes are not lost to what is known at once."""
    python(tools)
    done = run(script, environment=made(tmp_path, tools))
    assert done.returncode == 1
    assert "error: Helm is missing\n  hint: install Helm 3.14 or newer" in done.stderr
    assert not (tmp_path / "cache").exists()


def test_without_what_makes_environments_it_says_what_to_install(tmp_path: Path, tools: Path) -> None:
    """Debian's Python comes without."""
    helm(tools)
    python(tools, venv=False)
    done = run("runmefirst.sh", environment=made(tmp_path, tools))
    assert "can't make environments: its module ensurepip is missing" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_an_environment_is_whole_or_not_there(tmp_path: Path, tools: Path) -> None:
    """Pip failed: its last lines are shown, and the next run begins anew."""
    helm(tools)
    python(tools, pip=False)
    done = run("runmefirst.sh", environment=made(tmp_path, tools))
    assert done.returncode == 1
    assert "no matching distribution\nerror: the libraries can't be installed (all of pip's output:" in done.stderr
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


def test_arguments_are_passed_on_and_the_environment_is_made_once(tmp_path: Path, tools: Path) -> None:
    """Its name is made of the lock: another lock is another environment."""
    helm(tools)
    python(tools)
    environment = made(tmp_path, tools)
    first = run("runmelast.sh", "--file", "no such file.yaml", environment=environment)
    assert "there is no no such file.yaml" in first.stdout + first.stderr
    assert "==> installing bootstrap's libraries" in first.stderr
    assert len([path for path in (tmp_path / "cache").iterdir() if path.is_dir()]) == 1
    second = run("runmelast.sh", "--file", "x", environment=environment)
    assert "installing" not in second.stderr


def test_the_command_that_messages_speak_of_is_named(tmp_path: Path, tools: Path) -> None:
    """Who started runmefirst.sh has no `bootstrap`, and is told by hints to type it."""
    helm(tools)
    python(tools)
    done = run("runmefirst.sh", "--file", "x", environment=made(tmp_path, tools))
    assert f"where something says `bootstrap`, type {SCRIPTS}/bootstrap.sh" in done.stderr


def test_without_a_home_it_says_what_it_needs_one_for(tmp_path: Path, tools: Path) -> None:
    """As a service of the system has none."""
    helm(tools)
    python(tools)
    environment = {name: value for name, value in made(tmp_path, tools).items() if name not in {"HOME", "LOCAL_CICD_CACHE"}}
    done = run("runmefirst.sh", environment=environment)
    assert done.returncode == 1
    assert "error: there is no place to keep bootstrap's libraries\n  hint: set HOME, or name a folder in LOCAL_CICD_CACHE" in done.stderr
    assert "there is no x" in run("bootstrap.sh", "up", "--file", "x", environment=made(tmp_path, tools)).stdout


def test_help_needs_no_helm(tmp_path: Path, tools: Path) -> None:
    """Who wants to know what it does need not have anything yet."""
    python(tools)
    done = run("runmefirst.sh", "--help", environment=made(tmp_path, tools))
    assert "Usage: bootstrap up [OPTIONS]" in done.stdout


def test_a_module_of_the_current_folder_is_not_taken_for_pythons_own(tmp_path: Path, tools: Path) -> None:
    """Platforms are described in folders with all sorts of files."""
    python(tools)
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the folder was imported')\n")
    environment = made(tmp_path, tools)
    done = subprocess.run(
        [SCRIPTS / "bootstrap.sh", "--version"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "bootstrap 0.1.0\n"

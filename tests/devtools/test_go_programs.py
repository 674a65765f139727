"""Programs built from Go modules: once, whole or not at all, and of nothing but what is pinned."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from devtools import base_images, go_programs
from devtools.controlplane import programs
from devtools.errors import DevError
from devtools.go_programs import GoProgram
from devtools.paths import ROOT

MAIN = 'package main\n\nvar version = "none"\n\nfunc main() { print("hello ", version) }\n'
GO_MOD = "module hello\n\ngo 1.26\n\nrequire example.lan/part v1.2.3\n\nreplace example.lan/part => ./part\n"
BUILD_IT = """
import sys
from pathlib import Path
from devtools import go_programs
from devtools.go_programs import GoProgram
program = GoProgram(name="hello", module=Path(sys.argv[1]), package=".", pin="example.lan/part", takes="a moment")
print(go_programs.build(program))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is built here apart, and let Go ask no server."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LOCAL_CICD_CACHE", str(folder))
    monkeypatch.setenv("GOPROXY", "off")
    return folder


@pytest.fixture
def hello(tmp_path: Path) -> GoProgram:
    """Write a module with a program, and with a folder in the module that pins its version."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    module = tmp_path / "module"
    (module / "part/texts").mkdir(parents=True)
    (module / "go.mod").write_text(GO_MOD, encoding="utf-8")
    (module / "main.go").write_text(MAIN, encoding="utf-8")
    (module / "part/go.mod").write_text("module example.lan/part\n\ngo 1.26\n", encoding="utf-8")
    (module / "part/texts/one.txt").write_text("one", encoding="utf-8")
    (module / "part/texts").chmod(0o555)
    return GoProgram(name="hello", module=module, package=".", pin="example.lan/part", takes="a moment")


def output(program: Path) -> str:
    """Run a program; Go's print writes to standard error."""
    return subprocess.run([program], check=True, capture_output=True, text=True).stderr


def test_a_program_is_built_once(hello: GoProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time needs no Go."""
    built = go_programs.build(hello)
    assert output(built) == "hello none"
    monkeypatch.setenv("PATH", "")
    assert go_programs.build(hello) == built


def test_its_version_is_in_the_name_of_its_folder(hello: GoProgram, cache: Path) -> None:
    """Whoever looks into the cache sees what is there."""
    folder = go_programs.build(hello).parent
    assert folder.parent == cache / "programs"
    assert folder.name.startswith("hello-v1.2.3-")


def test_a_change_of_the_source_is_another_program(hello: GoProgram) -> None:
    """Both stay: another checkout may need the other one."""
    first = go_programs.build(hello)
    (hello.module / "main.go").write_text(MAIN.replace("hello", "goodbye"), encoding="utf-8")
    second = go_programs.build(hello)
    assert (output(first), output(second)) == ("hello none", "goodbye none")


def test_what_is_stamped_is_in_the_program(hello: GoProgram) -> None:
    """A version, for one; with another stamp it is another program."""
    stamped = go_programs.build(replace(hello, stamps={"main.version": hello.version}))
    assert output(stamped) == "hello v1.2.3"
    assert output(go_programs.build(hello)) == "hello none"


def test_folders_of_the_module_are_kept_beside_the_program_and_can_be_removed(hello: GoProgram, cache: Path) -> None:
    """Go's own copy is read-only, folders too."""
    built = go_programs.build(replace(hello, folders={"texts": "texts"}))
    assert (built.parent / "texts/one.txt").read_text(encoding="utf-8") == "one"
    assert os.stat(built.parent / "texts").st_mode & 0o200  # noqa: PTH116  root could write anyway
    go_programs.forget_others([])
    assert not list((cache / "programs").iterdir())


def test_a_failed_build_shows_what_the_compiler_said_and_leaves_no_program(hello: GoProgram) -> None:
    """Put right, it is built."""
    (hello.module / "main.go").write_text(MAIN.replace("print(", "prlnt("), encoding="utf-8")
    with pytest.raises(DevError, match="undefined: prlnt"):
        go_programs.build(hello)
    with pytest.raises(DevError, match="undefined: prlnt"):
        go_programs.build(hello)
    (hello.module / "main.go").write_text(MAIN, encoding="utf-8")
    assert output(go_programs.build(hello)) == "hello none"


def test_without_go_the_person_reads_what_to_do(hello: GoProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint is that of who needs the program."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DevError, match="the program go is missing to build hello\n  hint: ask the administrator"):
        go_programs.build(hello, hint="ask the administrator")


def test_an_old_go_is_refused_before_it_tries(hello: GoProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own words, about a toolchain that it can't download, help nobody."""
    old = tmp_path / "bin/go"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(DevError, match=r"Go 1\.26 or newer is needed to build hello"):
        go_programs.build(hello)


def test_two_at_once_build_it_once(hello: GoProgram) -> None:
    """One builds, the other one waits and takes what it finds."""
    argv = [sys.executable, "-P", "-c", BUILD_IT, str(hello.module)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env) for _ in range(2)]
    said = [each.communicate(timeout=120)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert "".join(said).count("building hello") == 1
    assert said[0].splitlines()[-1] == said[1].splitlines()[-1]


def test_only_what_is_no_longer_pinned_is_forgotten(hello: GoProgram) -> None:
    """`./dev clean` leaves the rest, which took minutes."""
    old = go_programs.build(replace(hello, stamps={"main.version": "old"}))
    kept = go_programs.build(hello)
    assert go_programs.forget_others([hello]) == [old.parent.name]
    assert kept.exists()


def test_a_build_that_runs_is_left_alone(hello: GoProgram) -> None:
    """`./dev clean` may run beside a `./dev test`."""
    running = go_programs.build(hello).parent
    unfinished = running.rename(running.with_name(f"{running.name}.unfinished"))
    assert go_programs.forget_others([hello]) == []
    assert unfinished.exists()


@pytest.mark.parametrize("program", [*programs.PROGRAMS.values(), *base_images.BUILDKIT_PROGRAMS], ids=lambda each: each.name)
def test_each_program_of_ours_has_a_released_version(program: GoProgram) -> None:
    """Go.mod is the one place where versions stand."""
    assert program.version.removeprefix("v").replace(".", "").isdecimal()


@pytest.mark.parametrize("name", ["kubernetes", "kubectl"])
def test_the_parts_of_kubernetes_are_of_its_own_version(name: str) -> None:
    """Whoever raises the version of k8s.io/kubernetes raises those of its modules with it, and kubectl's with the API server's."""
    module = programs.MODULES / name
    lines = [line.split() for line in (module / "go.mod").read_text(encoding="utf-8").splitlines() if " => " in line]
    version = programs.PROGRAMS["kubernetes"].version
    assert programs.PROGRAMS[name].version == version
    assert len(lines) > 30
    assert {tuple(line[1:]) for line in lines} == {("=>", line[0], version.replace("v1.", "v0.")) for line in lines}

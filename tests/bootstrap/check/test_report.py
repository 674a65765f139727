"""What people, programs and CI servers are told, and the command."""

import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bootstrap.check.finding import Finding, Looked, Result
from bootstrap.check.report import as_json
from bootstrap.check.rows import CHECKS
from bootstrap.command_line import run
from bootstrap.components import COMPONENTS
from bootstrap.platform.load import load
from bootstrap.render.render import render
from bootstrap.results import junit, report
from bootstrap.results.result import Outcome
from devtools.paths import ROOT
from plugin_kit.console import Console
from tests.bootstrap.check.trees import PLATFORM, RENDERED, Scene, changed, failed, told, write

STONKS = ROOT / "examples/stonks-oracle"
WRONG = Finding(file="a.yaml", line=3, text="is wrong", hint="put it right")
ODD = Finding(file="b.yaml", text="is odd", hint="look at it", is_warning=True)


def result(index: int, *findings: Finding, at: str = "", unseen: str = "") -> Result:
    """Return a result of one of the checks."""
    return Result(check=CHECKS[index], looked=Looked(at=at, findings=findings, unseen=(unseen,) if unseen else ()))


RESULTS = (
    result(0, ODD, WRONG, WRONG, at="2 files"),
    result(1, unseen="Helm is not installed"),
    result(2, ODD, at="1 pipeline"),
    result(3, at="3 objects"),
)


def shown(results: tuple[Result, ...]) -> str:
    """Return what a person reads."""
    out = io.StringIO()
    report.show(Console(out, colour=False), results)
    return out.getvalue()


def test_there_is_a_check_for_each_row_of_the_design() -> None:
    """Nine, each with a name of its own."""
    assert len({check.name for check in CHECKS}) == len({check.title for check in CHECKS}) == len(CHECKS) == 9


def test_a_person_reads_a_line_for_each_check_and_what_is_wrong_below_it() -> None:
    """Each thing once, errors first, with what to do."""
    assert shown(RESULTS) == (
        "failed   Manifest syntax      2 files\n"
        "    a.yaml:3: is wrong\n"
        "        hint: put it right\n"
        "    b.yaml: warning: is odd\n"
        "        hint: look at it\n"
        "skipped  Helm rendering       nothing to look at\n"
        "    not looked at: Helm is not installed\n"
        "warning  Pipeline file        1 pipeline\n"
        "    b.yaml: warning: is odd\n"
        "        hint: look at it\n"
        "ok       Namespace isolation  3 objects\n"
        "4 checks: 1 ok, 1 warning, 1 failed, 1 skipped\n"
    )


def test_a_long_list_is_cut_for_people_only() -> None:
    """Programs get all of it."""
    many = tuple(Finding(file="a.yaml", line=line, text="is wrong", hint="put it right") for line in range(1, 31))
    results = (result(0, *many, at="1 file"),)
    assert "    and 10 more; --json has them all\n" in shown(results)
    assert len(as_json(results)["checks"][0]["findings"]) == 30


def test_only_what_is_wrong_fails() -> None:
    """Neither warnings nor what was skipped."""
    assert report.exit_code(RESULTS) == 1
    assert report.exit_code(RESULTS[1:]) == 0


def test_a_program_reads_everything() -> None:
    """Names, outcomes, findings with file and line."""
    document = as_json(RESULTS)
    assert document["outcome"] == "failed"
    assert [check["outcome"] for check in document["checks"]] == ["failed", "skipped", "warning", "ok"]
    assert document["checks"][0]["findings"][0] == {
        "severity": "error",
        "file": "a.yaml",
        "line": 3,
        "text": "is wrong",
        "hint": "put it right",
    }
    assert document["checks"][1]["not_looked_at"] == ["Helm is not installed"]


def test_a_ci_server_reads_junit() -> None:
    """A test case for each check; the numbers agree; what XML has no place for is taken out."""
    bad = Finding(file="c.yaml", text='holds \x00 and \x1b and <&>"', hint="don't")
    results = (*RESULTS, result(4, bad, at="1 volume"))
    text = junit.xml(results, command="check", seconds=1.5, started="2026-11-23T19:30:00")
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n')
    suites = ET.fromstring(text)
    (suite,) = suites
    assert (suites.tag, suite.tag) == ("testsuites", "testsuite")
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped", "time", "timestamp")} == {
        "tests": "5",
        "failures": "2",
        "errors": "0",
        "skipped": "1",
        "time": "1.500",
        "timestamp": "2026-11-23T19:30:00",
    }
    cases = list(suite)
    assert [case.get("name") for case in cases] == [each.check.title for each in results]
    assert [[child.tag for child in case] for case in cases] == [
        ["failure", "system-out"],
        ["skipped", "system-out"],
        ["system-out"],
        ["system-out"],
        ["failure", "system-out"],
    ]
    failure = cases[0][0]
    assert (failure.get("type"), failure.get("message")) == ("manifest-syntax", "a.yaml:3: is wrong")
    assert "hint: put it right" in str(failure.text)
    assert cases[4][0].get("message") == 'c.yaml: holds ? and ? and <&>"'


def test_the_command_says_what_is_wrong_and_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a report for the CI server in a folder that need not be there."""
    broken = changed(RENDERED, "pvs/kargo-pv.yaml", "/pipelines/kargo", "/pipelines/argocd")
    write(tmp_path, {"platform.yaml": PLATFORM})
    arguments = ["check", "-f", str(tmp_path / "platform.yaml"), "--rendered", str(write(tmp_path / "rendered", broken))]
    arguments += ["--helm", "helm-that-is-not-there", "--junit", str(tmp_path / "reports/check.xml")]
    assert run(arguments) == 1
    printed = capsys.readouterr().out
    assert "failed   NFS path separation" in printed
    assert f"{tmp_path}/rendered/pvs/kargo-pv.yaml:13: PersistentVolume pipeline-kargo-pv has" in " ".join(printed.split())
    assert ET.parse(tmp_path / "reports/check.xml").getroot().get("failures") == "1"


def test_with_json_only_json_is_on_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And 0 where nothing is wrong."""
    assert run(["check", "--rendered", str(write(tmp_path, RENDERED)), "--json", "--helm", "helm-that-is-not-there"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "ok"


def test_without_a_folder_there_is_nothing_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor in one that does not exist."""
    assert run(["check"]) == 1
    assert "error: there is nothing to check\n  hint: name the folder" in capsys.readouterr().out
    assert run(["check", "--rendered", str(tmp_path / "none")]) == 1
    assert f"error: there is no folder {tmp_path}/none" in capsys.readouterr().out


def test_a_folder_without_its_option_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """What it holds changes what is looked at."""
    assert run(["check", "../shop"]) == 1
    said = " ".join("".join(capsys.readouterr()).split())
    assert "error: what is ../shop?" in said
    assert "hint: --repository ../shop, or --rendered ../shop for what `bootstrap render` has written" in said


def test_a_platform_yaml_that_is_wrong_is_told_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing can be held against it."""
    write(tmp_path, {"platform.yaml": "domain: 5\n"})
    assert run(["check", "-f", str(tmp_path / "platform.yaml"), "--rendered", str(write(tmp_path / "r", RENDERED))]) == 1
    assert "platform.yaml" in capsys.readouterr().out


def test_the_platform_of_the_example_is_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `bootstrap render` writes it, with its pipeline beside it. Its chart is in the application's own repository."""
    monkeypatch.setenv("STONKS_GITHUB_DEPLOY_KEY", "-")
    platform = load(STONKS / "platform.yaml").platform
    rendered = render(platform, COMPONENTS, STONKS, output=tmp_path / "rendered", source="platform.yaml")
    pipeline = (STONKS / ".woodpecker.yml").read_text(encoding="utf-8")
    scene = Scene(folder=tmp_path)
    results = scene.check(rendered, {".woodpecker.yml": pipeline}, platform=(STONKS / "platform.yaml").read_text(encoding="utf-8"))
    assert failed(results) == []
    warnings = {name: told(each) for name, each in results.items() if each.outcome is Outcome.WARNING}
    assert warnings == {"helm-rendering": [f"{tmp_path}/repository: there is no chart infra/helm/stonks-oracle"]}
    assert [name for name, each in results.items() if each.outcome is Outcome.SKIPPED] == []


def test_the_platform_of_the_example_is_in_order_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without platform.yaml, as somebody finds it who has only the files."""
    monkeypatch.setenv("STONKS_GITHUB_DEPLOY_KEY", "-")
    rendered = render(load(STONKS / "platform.yaml").platform, COMPONENTS, STONKS, output=tmp_path / "rendered", source="platform.yaml")
    results = Scene(folder=tmp_path).check(rendered, platform=None)
    assert [told(each) for each in results.values() if each.findings] == []

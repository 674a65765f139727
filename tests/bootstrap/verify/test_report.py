"""What a person reads of `verify`, and what programs and CI servers do."""

import io
import time
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from bootstrap import terminal
from bootstrap.results import junit
from bootstrap.verify.finding import Finding, Looked, Result, Row
from bootstrap.verify.report import Table, as_json
from bootstrap.verify.times import since
from plugin_kit.console import Console

DOWN = datetime(2026, 11, 23, 2, 13, tzinfo=UTC)
AWAY = Finding(where="", problem="nobody answers", hint="look at its pods", begun=DOWN)


def row(name: str, title: str) -> Row:
    """Return a row that is never looked at."""
    return Row(name=name, title=title, how="it is asked", look=lambda _: Looked())


RESULTS = (
    Result(row=row("gitea", "Gitea accessible"), looked=Looked(at="http://gitea", findings=(AWAY,)), seconds=0.25),
    Result(row=row("repository", "Gitea repo exists"), looked=Looked(findings=(AWAY,))),
    Result(row=row("login", "Login"), looked=Looked(unseen=("not tried: gitea failed",))),
    Result(row=row("arc", "ARC removed"), looked=Looked(at="namespace arc-system: gone")),
)


def test_a_person_reads_one_cause_once_and_how_to_look_again() -> None:
    """How it was checked is of interest only where something is wrong."""
    out = io.StringIO()
    table = Table(console=Console(out, colour=False), rows=[result.row for result in RESULTS])
    for result in RESULTS:
        table.add(result)
    table.end(RESULTS, seconds=2.0)
    assert out.getvalue() == (
        "failed   Gitea accessible   http://gitea (it is asked)\n"
        f"    nobody answers, {since(DOWN)}\n"
        "        hint: look at its pods\n"
        "failed   Gitea repo exists  (it is asked)\n"
        "    the same as of Gitea accessible\n"
        "skipped  Login              not tried: gitea failed\n"
        "ok       ARC removed        namespace arc-system: gone\n"
        "4 checks in 2.0s: 1 ok, 2 failed, 1 skipped\n"
        "Again, after a repair: bootstrap verify --only gitea,repository\n"
    )


def test_a_remedy_of_several_findings_is_read_behind_the_last_of_them() -> None:
    """Each of them says what is wrong."""
    out = io.StringIO()
    found = tuple(
        Finding(where="", problem=f"{when} it is open", hint=hint) for when, hint in (("at 9", "up"), ("at 10", "up"), ("at 11", "down"))
    )
    result = Result(row=row("market-allow", "Market"), looked=Looked(at="live", findings=found))
    Table(console=Console(out, colour=False), rows=[result.row]).add(result)
    assert [line.strip() for line in out.getvalue().splitlines()[1:]] == [
        "at 9 it is open",
        "at 10 it is open",
        "hint: up",
        "at 11 it is open",
        "hint: down",
    ]
    assert [each["hint"] for each in as_json([result])["checks"][0]["findings"]] == ["up", "up", "down"]


def test_a_program_reads_all_of_it() -> None:
    """Each finding with its remedy and since when, also where a person is told once."""
    document = as_json(RESULTS, left=["the empty commit 6f1e5c0a9b7d on main"])
    assert (document["outcome"], document["left_behind"]) == ("failed", ["the empty commit 6f1e5c0a9b7d on main"])
    assert document["checks"][1] == {
        "name": "repository",
        "title": "Gitea repo exists",
        "how": "it is asked",
        "outcome": "failed",
        "seconds": 0.0,
        "looked_at": "",
        "not_looked_at": [],
        "findings": [
            {
                "severity": "error",
                "where": "",
                "text": "nobody answers",
                "since": "2026-11-23T02:13:00+00:00",
                "hint": "look at its pods",
            }
        ],
    }


def test_a_ci_server_reads_a_case_for_each_row() -> None:
    """With the remedy in the failure, and why one was skipped."""
    suite = ET.fromstring(junit.xml(RESULTS, command="verify", seconds=2.0, started="2026-11-24T05:23:00"))[0]
    assert {key: suite.get(key) for key in ("tests", "failures", "skipped")} == {"tests": "4", "failures": "2", "skipped": "1"}
    failure, skipped = suite.find("testcase/failure"), suite.find("testcase/skipped")
    assert failure is not None
    assert failure.text
    assert "hint: look at its pods" in failure.text
    assert skipped is not None
    assert skipped.get("message") == "not tried: gitea failed"


def test_a_secret_in_a_finding_does_not_reach_the_file(tmp_path: Path) -> None:
    """Wherever a check has said it; what XML would escape in it does not hide it."""
    secret, said = "a<b>&7\"c'", "with a<b>&7\"c' in it"
    error, odd = Finding(where=said, problem=said, hint=said), Finding(where=said, problem=said, hint=said, is_warning=True)
    results = (
        Result(row=row("gitea", "Gitea"), looked=Looked(at=said, findings=(error, odd), unseen=(said,))),
        Result(row=row("login", "Login"), looked=Looked(unseen=(said,))),
    )
    with terminal.secretive():
        terminal.console(data_follow=True).redactor.add(secret)
        junit.write(tmp_path / "verify.xml", results, command="verify", begun=time.monotonic())
    written = [text for element in ET.parse(tmp_path / "verify.xml").iter() for text in (element.text or "", *element.attrib.values())]
    assert not [text for text in written if secret in text]
    assert sum("with ******** in it" in text for text in written) == 5

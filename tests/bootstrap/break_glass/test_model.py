"""The keys `market_gate`, `break_glass` and `gate` of platform.yaml."""

from pathlib import Path

import pytest

from bootstrap.components.break_glass.component import BreakGlass
from bootstrap.platform.load import Loaded, load, parse
from bootstrap.platform.namespaces import Use, uses
from bootstrap.platform.problems import PlatformError
from devtools.paths import ROOT

HEAD = """\
domain: example.lan
prerequisites: {cert_manager: {mode: install}}
gitea: {mode: install}
registry: {mode: install}
"""
EXAMPLE = ROOT / "examples/stonks-oracle/platform.yaml"


def loaded(text: str, *, live: str = "promotion: manual, promoters: {users: [ada]}, gate: fail") -> Loaded:
    """Read a file with one project."""
    stages = f"[{{name: beta, promotion: auto}}, {{name: paper, promotion: auto, gate: hold}}, {{name: live, {live}}}]"
    project = f"projects: [{{name: shop, watched_image: api, chart_path: deploy, stages: {stages}}}]\n"
    return parse(HEAD + project + text, Path("platform.yaml"))


def problems(text: str, **more: str) -> list[str]:
    """Return what is wrong with a file."""
    with pytest.raises(PlatformError) as caught:
        loaded(text, **more)
    return [f"{each.key}: {each.text}" for each in caught.value.problems]


def test_a_gate_guards_the_stages_that_name_one() -> None:
    """By Kargo project; in the platform's namespace, with the hours of New York and two pods."""
    platform = loaded("break_glass: {operators: {users: [ada]}}\n").platform
    assert {project: [stage.name for stage in stages] for project, stages in platform.guarded.items()} == {"shop-cd": ["paper", "live"]}
    gate = platform.market_gate
    assert (gate.namespace, gate.calendar, gate.zone, gate.replicas, gate.margin) == ("local-cicd", "XNYS", "America/New_York", 2, None)
    assert platform.break_glass.max_duration.total_seconds() == 4 * 3600
    assert BreakGlass().enabled(platform)


def test_without_a_gate_nothing_of_it_is_there() -> None:
    """Nor is anybody warned."""
    found = parse(HEAD, Path("platform.yaml"))
    assert not found.platform.guarded
    assert not BreakGlass().enabled(found.platform)
    assert not [each for each in found.warnings if "gate" in each]


def test_it_follows_the_namespace_of_the_platform() -> None:
    """Unless it gets one of its own, which is then deleted with it."""
    assert loaded("namespace: cicd\n").platform.market_gate.namespace == "cicd"
    platform = loaded("market_gate: {namespace: market}\n").platform
    assert [each.use for each in uses(platform) if each.name == "market"] == [Use.COMPONENT]
    assert "market" not in {each.name for each in uses(loaded("").platform)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("market_gate: {calendar: XLON}", 'market_gate.calendar: "XLON" is none of XNYS, XNAS'),
        ("market_gate: {zones: [Europe/Berlinn]}", 'market_gate.zones[0]: "Europe/Berlinn" is not a time zone'),
        ("market_gate: {analysis_templates: true}", 'did you mean "analysis_template"'),
        ("break_glass: {operators: {users: ['system:admin']}}", "break_glass.operators.users[0]: system:admin is no person"),
        ("break_glass: {operators: {groups: ['system:serviceaccounts:ci']}}", "are no people"),
        ("break_glass: {max_duration: 25h}", "break_glass.max_duration: is too long: at most 24h, since nobody can end a record"),
        ("break_glass: {max_duration: 10000h}", "break_glass.max_duration: is too long"),
        (
            "market_gate: {windows: [{name: a, kind: blocked, since: '09:30', until: '12:00'}]}",
            "without `days`, `since` and `until` are days",
        ),
        (
            "market_gate: {windows: [{name: a, kind: open, since: 2026-12-01T12:00, until: '12:00', days: [friday]}]}",
            "with `days`, `since` and `until` are times of day",
        ),
        ("market_gate: {windows: [{name: a, kind: open, since: 2026-12-02T12:00, until: 2026-12-01T12:00}]}", "ends before it begins"),
        ("market_gate: {windows: [{name: a, kind: open, since: 2026-12-02, until: 2026-12-03T12:00}]}", "neither a day with a time"),
        ("market_gate: {windows: [{name: a, kind: open, since: '25:00', until: '12:00', days: [friday]}]}", "neither a day with a time"),
        ("market_gate: {host: ci.example.lan}", "ci.example.lan already leads to another part"),
    ],
)
def test_what_cannot_be_is_told(text: str, problem: str) -> None:
    """With the key and its line."""
    assert problem in "\n".join(problems(f"{text}\n"))


def test_windows_may_be_there_once_or_each_week() -> None:
    """In the exchange's time, or with an offset of their own."""
    once = "{name: release, kind: blocked, since: 2026-11-27T18:00+01:00, until: 2026-11-27T13:00, reason: Black Friday}"
    weekly = "{name: night, kind: open, days: [monday, friday], since: '22:00', until: '02:00'}"
    assert len(loaded(f"market_gate: {{windows: [{once}, {weekly}]}}\n").platform.market_gate.windows) == 2


def test_a_rollback_rule_needs_a_gate() -> None:
    """There is nothing that it could be let past."""
    assert "belongs to a stage with `gate`" in "\n".join(problems("", live="promotion: auto, rollback: allow"))


def test_odd_choices_are_warned_of() -> None:
    """They work, and not as somebody may think."""
    warnings = "\n".join(loaded("market_gate: {analysis_template: true}\n", live="promotion: auto, gate: fail").warnings)
    assert "Kargo never tries an automatic one again" in warnings
    assert "nobody may break glass" in warnings
    assert "Argo Rollouts has to be there for it" in warnings


def test_a_template_without_a_gate_would_ask_nobody() -> None:
    """It is refused."""
    with pytest.raises(PlatformError, match="asks the gate"):
        parse(f"{HEAD}market_gate: {{analysis_template: true}}\n", Path("platform.yaml"))


def test_the_example_holds_paper_and_fails_live() -> None:
    """As the design of the pipeline wants them, with a person who may break glass, and comments that say why."""
    platform = load(EXAMPLE).platform
    stages = {stage.name: stage.gate for stage in platform.projects[0].stages}
    assert stages == {"beta": None, "paper": "hold", "live": "fail"}
    assert platform.break_glass.operators.users == ("celesrenata",)
    assert platform.market_gate.analysis_template
    text = EXAMPLE.read_text(encoding="utf-8")
    assert "comes with the market gate" not in text
    assert "Kargo never tries an automatic promotion again" in text

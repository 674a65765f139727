"""The configuration file: every mistake is named by its key, and nothing is served with one."""

from pathlib import Path

import pytest

from devtools.paths import ROOT
from market_gate.config import Config, load
from market_gate.errors import ConfigError

DOCS = (ROOT / "services/market-gate/docs.md").read_text()
SMALL = "projects: {shop-cd: {stages: {paper: , live: {rollback: allow}}}}\n"


def written(folder: Path, text: str) -> Path:
    """Write the file."""
    file = folder / "config.yaml"
    file.write_text(text)
    return file


def test_little_is_enough(tmp_path: Path) -> None:
    """Projects and stages; the rest has defaults."""
    config = load(written(tmp_path, SMALL))
    assert (config.calendar, config.namespace, config.margin.total_seconds(), config.port) == ("XNYS", "local-cicd", 0, 8080)
    paper, live = config.stage("shop-cd", "paper"), config.stage("shop-cd", "live")
    assert paper is not None
    assert live is not None
    assert (paper.rollback, live.rollback) == ("same", "allow")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("marginn: 5m", "marginn: unknown key; did you mean margin?"),
        ("holidays: []", "holidays: unknown key; known: projects, calendar,"),
        ("margin: 5", "margin: is not a length of time: 30s, 15m, 1h30m"),
        ("margin: 5 minutes", "margin: is not a length of time"),
        ("calendar: XLON", "calendar: 'XLON' is not an exchange whose sessions are known here: XNAS, XNYS"),
        ("display_zones: [Europe/Berlim]", "display_zones.0: 'Europe/Berlim' is not a time zone"),
        ("display_zones: [../../etc/passwd]", "is not a time zone"),
        ("listen: '8080'", "listen: is not ADDRESS:PORT"),
        ("records: etcd", "records: input should be 'cluster' or 'none'"),
        (
            "windows: [{name: x, kind: closed, from: 2026-01-01T00:00, until: 2026-01-02T00:00}]",
            "windows.0.kind: input should be 'blocked' or 'open'",
        ),
        ("windows: [{name: x, kind: open, from: 2026-01-02T00:00, until: 2026-01-01T00:00}]", "windows.0: ends before it begins"),
        ("windows: [{name: x, kind: open, from: 09:00, until: 10:00}]", "windows.0: with no `days`, `from` and `until` have a date"),
        ("windows: [{name: x, kind: open, days: [monday], from: 2026-01-01T00:00, until: 2026-01-02T00:00}]", "times of day: 09:30"),
        ("windows: [{name: x, kind: open, days: [montag], from: 09:00, until: 10:00}]", "windows.0.days.0: input should be 'monday'"),
        ("windows: [{name: x, kind: open, from: 09:00}]", "windows.0.until: required, but not set"),
        ("windows: [{name: x, kind: open, from: soon, until: 10:00}]", "'soon' is neither a time (09:30) nor a date"),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, more: str, says: str) -> None:
    """As the person wrote it."""
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, SMALL + more))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no map"),
        ("- a", "holds no map"),
        ("{", "is not YAML"),
        ("projects: {}", "projects: dictionary should have at least 1 item"),
        ("projects: {shop-cd: {stages: {}}}", "projects.shop-cd.stages:"),
        ("projects: {shop-cd: {stage: {paper: {}}}}", "projects.shop-cd.stage: unknown key; did you mean stages?"),
        (
            "projects: {shop-cd: {stages: {paper: {rolback: same}}}}",
            "projects.shop-cd.stages.paper.rolback: unknown key; did you mean rollback?",
        ),
        ("projects: {Shop_CD: {stages: {paper: {}}}}", "is not a name of Kubernetes"),
    ],
)
def test_what_guards_nothing_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """A gate without stages would answer 404 to everybody."""
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, text))
    assert says in str(refused.value)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Nobody wants to start it three times."""
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, SMALL + "margin: 5\ncalendar: XLON\nport: 80\n"))
    assert len(refused.value.details) == 3


def test_a_file_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """And how another one is named."""
    with pytest.raises(ConfigError, match=r"none\.yaml can't be read: No such file or directory\n  hint: .*MARKET_GATE_CONFIG"):
        load(tmp_path / "none.yaml")


def test_no_setting_moves_the_clock() -> None:
    """Only a test's own constructor can."""
    assert not {name for name in Config.model_fields if "clock" in name or "now" in name or "time" in name}


def test_the_example_of_the_documentation_can_be_used(tmp_path: Path) -> None:
    """As it is printed."""
    example = DOCS.split("```yaml\n")[1].split("```")[0]
    config = load(written(tmp_path, example))
    assert [window.name for window in config.windows] == ["year end", "nightly batch", "maintenance"]


@pytest.mark.parametrize("key", Config.model_fields)
def test_every_key_is_documented_with_its_default(key: str) -> None:
    """In the table of docs.md."""
    row = next(line for line in DOCS.splitlines() if line.startswith(f"| `{key}` |"))
    default = Config.model_fields[key].default
    if isinstance(default, str):
        assert f"| `{default}` |" in row

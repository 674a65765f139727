"""What is asked for is looked at before the API server is: unknown names, too long a time, no reason."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bootstrap.break_glass.breaking import show
from bootstrap.break_glass.operator import Login, operator
from bootstrap.break_glass.operator import show as show_login
from bootstrap.break_glass.policy import values, words
from bootstrap.break_glass.record import Record
from bootstrap.break_glass.times import shown
from bootstrap.break_glass.wanted import Wanted, wanted
from bootstrap.platform.platform import Platform
from plugin_kit.console import Console
from plugin_kit.errors import PluginError
from tests.support.bootstrap_run import a_platform
from tests.support.break_glass import BLANKS, REASONS, STAGES, WHY, guarded_platform

HOUR = timedelta(hours=1)


def asked(platform: Platform | None = None, **more: Any) -> Wanted:  # noqa: ANN401  arguments of `wanted`
    """Look at what is in order, but for what is given."""
    usual: dict[str, Any] = {"project": "shop", "stage": "live", "length": HOUR, "justification": WHY}
    return wanted(platform or guarded_platform(), **{**usual, **more})


def two_projects() -> Platform:
    """Return a platform with a second project, and a third that nobody guards."""
    guarded = [{"name": name, "watched_image": "api", "chart_path": "deploy", "stages": list(STAGES)} for name in ("shop", "bakery")]
    plain = {"name": "blog", "watched_image": "api", "chart_path": "deploy", "stages": [STAGES[0]]}
    return a_platform(projects=[*guarded, plain])


def problem(platform: Platform | None = None, **more: Any) -> str:  # noqa: ANN401  arguments of `wanted`
    """Return all that is said against it."""
    with pytest.raises(PluginError) as caught:
        asked(platform, **more)
    error = caught.value
    return "\n".join((error.message, *error.details, error.hint or ""))


@pytest.mark.parametrize("name", ["shop", "shop-cd", None])
def test_a_project_is_known_by_both_its_names(name: str | None) -> None:
    """And needs none where it is the only one that is guarded."""
    found = asked(project=name)
    assert (found.project, found.stage.name, found.justification) == ("shop-cd", "live", WHY)


def test_with_several_projects_one_has_to_be_named() -> None:
    """It is never guessed whose glass is broken."""
    assert problem(two_projects(), project=None).startswith("which project? There are shop, bakery")
    assert 'there is no project "shopp", did you mean "shop"?' in problem(two_projects(), project="shopp")
    assert "no stage of blog has a `gate`" in problem(two_projects(), project="blog")


def test_a_stage_has_to_be_guarded() -> None:
    """The known ones are named."""
    assert 'shop-cd has no stage "liev", did you mean "live"?; guarded are paper, live' in problem(stage="liev")
    assert "stage beta has no `gate`: nothing holds its promotions back; guarded are paper, live" in problem(stage="beta")


def test_without_any_gate_there_is_nothing_to_break() -> None:
    """It says what makes one."""
    assert "no stage of platform.yaml has a `gate`" in problem(a_platform())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has 0 characters; an audit needs at least 15"),
        *((blank * 20, "has 0 characters; an audit needs at least 15") for blank in BLANKS),
        *((f"{blank * 20}hotfix{blank * 20}", "has 6 characters; an audit needs at least 15") for blank in BLANKS),
        *((why[:-1], "has 14 characters; an audit needs at least 15") for why in REASONS),
        ("x" * 501, "has 501 characters, and at most 500 are possible"),
        (f"{WHY}\nApproved-by: the boss", "has a line feed or another character that can't be seen"),
        (f"{WHY}\u2028second line", "has a line feed or another character that can't be seen"),
        ("\u200b" * 15, "has a line feed or another character that can't be seen"),
        (f"\u202e{WHY}", "has a line feed or another character that can't be seen"),
    ],
)
def test_a_reason_is_one_line_that_says_something(text: str, said: str) -> None:
    """It goes into commit messages."""
    assert said in problem(justification=text)


@pytest.mark.parametrize(
    "text", [*REASONS, "Prüfung der Aufträge schlägt fehl", "注文板が約定を失っています。修正を急ぎます", "rollback\u00a0of 9d33093 🚒"]
)
def test_a_reason_may_be_in_any_language(text: str) -> None:
    """Letters, blanks and signs of all kinds are fine."""
    assert asked(justification=text).justification == text


def test_too_long_a_time_is_told_with_the_longest() -> None:
    """Which platform.yaml decides."""
    platform = guarded_platform(max_duration="90m")
    assert asked(platform, length=timedelta(minutes=90)).length == timedelta(minutes=90)
    assert "2 hours are too long: at most 1 hour 30 minutes (`break_glass.max_duration`)" in problem(platform, length=2 * HOUR)


def test_the_policy_knows_the_stages_of_all_projects() -> None:
    """And no others."""
    assert values(two_projects())["guarded"] == '{"shop-cd": ["paper", "live"], "bakery-cd": ["paper", "live"]}'


@pytest.mark.parametrize(("seconds", "said"), [(3600, "1 hour"), (5400, "1 hour 30 minutes"), (61, "1 minute 1 second"), (0, "0 seconds")])
def test_lengths_of_time_in_words(seconds: float, said: str) -> None:
    """As a person says them."""
    assert words(seconds) == said


@pytest.mark.parametrize(
    ("here", "said"),
    [
        (ZoneInfo("Europe/Berlin"), "15:32 New York (21:32 here)"),
        (ZoneInfo("America/Toronto"), "15:32 New York"),
        (ZoneInfo("Asia/Tokyo"), "15:32 New York (Tue 24 Nov 05:32 here)"),
    ],
)
def test_times_are_told_for_both_places(here: ZoneInfo, said: str) -> None:
    """With the day where it is not today's, and once where both clocks agree."""
    time = datetime(2026, 11, 23, 20, 32, tzinfo=UTC)
    now = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    assert shown(time, "America/New_York", now=now, here=here) == said


def test_on_the_night_of_a_change_of_the_clocks_the_hour_is_right() -> None:
    """New York goes back at 02:00 on 1 November 2026: the second 01:30 of that night is 06:30 UTC."""
    now = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)
    plus_five = timezone(timedelta(hours=5))
    assert shown(datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "America/New_York", now=now, here=plus_five) == "01:30 New York (11:30 here)"


def test_what_is_told_depends_on_the_stage(capsys: pytest.CaptureFixture[str]) -> None:
    """What is held goes on by itself, what was refused has to be promoted again."""
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)
    for stage, said in (("paper", "goes on by itself"), ("live", "promote again")):
        made = asked(stage=stage)
        record = Record(
            name="one", project="shop-cd", stage=stage, operator="ada", justification=WHY, created=now, expires=now + timedelta(hours=1)
        )
        show(Console(), guarded_platform(), made, record, now=now)
        assert said in capsys.readouterr().out


def test_a_name_of_an_operator_fits_into_a_certificate() -> None:
    """And is one that a person has."""
    platform = guarded_platform(operators={"users": ["ada", "x" * 65, "a\nb"]})
    assert operator(platform, "ada").file.name == "ada.kubeconfig"
    for name, said in (("x" * 65, "has 65 characters"), ("a\nb", "is no name"), ("", "is no name"), ("system:anonymous", "is no person")):
        with pytest.raises(PluginError, match=said):
            operator(platform, name)
    with pytest.raises(PluginError, match="too short"):
        operator(platform, "ada", length=timedelta(minutes=5))
    assert operator(platform, "ada", length=timedelta(days=365)).length.days == 365
    with pytest.raises(PluginError, match="for 366 days is too long: nobody can take it back"):
        operator(platform, "ada", length=timedelta(days=366))


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([], "take the name out of platform.yaml"),
        (["ops"], "until 2027-02-21 it can't be taken back, unless the group goes out of platform.yaml"),
    ],
)
def test_what_a_login_means_is_told(groups: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A group is in the certificate: the right of a name alone can be taken."""
    login = Login(
        operator=operator(guarded_platform(), "ada", groups=groups), expires=datetime(2027, 2, 21, tzinfo=UTC), known_as=None, may=False
    )
    show_login(Console(), login, address="https://10.1.1.11:6443")
    assert said in " ".join(capsys.readouterr().out.split())

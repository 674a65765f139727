"""What the page says at each moment: read as text, as a person does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from market_gate.page.page import REFRESH_SECONDS, refresh_seconds, render
from market_gate.page.week import MOST_ACTIVE
from tests.market_gate.browser.scenes import ACTIVE, SCENES, Scene, record
from tests.market_gate.html_tree import Node, read


def page(name: str) -> Node:
    """Read the page of a scene."""
    return read(render(SCENES[name].shown()))


def section(tree: Node, id_: str) -> Node:
    """Return a part by the id of its heading."""
    heading = tree.one(id=id_)
    return next(each for each in tree.all() if each.attributes.get("aria-labelledby") == id_ and heading in each.all())


@pytest.mark.parametrize(
    ("scene", "headline", "says"),
    [
        (
            "trading",
            "Promotions are held",
            "until 16:00 New York, 22:00 Berlin 4 h 59 min left XNYS is open, closes 16:00 New York, 22:00 Berlin",
        ),
        (
            "closed",
            "Promotions may run",
            "until Monday 09:15 New York, 15:15 Berlin 1 d 18 h left XNYS is closed, opens Monday 09:30 New York, 15:30 Berlin",
        ),
        ("margin", "Promotions are held", "opens 09:30 New York, 15:30 Berlin Nothing is promoted in the 15 min before the open."),
        ("half-day", "Promotions are held", "XNYS is open, closes 13:00 New York, 19:00 Berlin Half day: Day after Thanksgiving Day"),
        ("holiday", "Promotions may run", "XNYS is closed, opens Friday 09:30 New York, 15:30 Berlin Holiday: Thanksgiving Day"),
        (
            "window",
            "Promotions are held",
            "Blocked by the window audit until Saturday 06:00 New York, 12:00 Berlin: the auditors read the books.",
        ),
        (
            "window-opens",
            "Promotions may run",
            "Let through by the window maintenance until 15:00 New York, 21:00 Berlin: the exchange tests",
        ),
        ("not-known", "Promotions are held", "It is not known whether XNYS is open: holidays"),
        # Half past one is there twice in this night.
        ("clocks-change", "Promotions are held", "until 01:30 New York, 07:30 Berlin 50 min left"),
        ("fold", "Promotions may run", "until Monday 09:30 New York, 20:00 Kolkata, 15:30 Berlin"),
    ],
)
def test_the_state_now_in_words(scene: str, headline: str, says: str) -> None:
    """What counts, until when, and why, in each zone by name."""
    state = section(page(scene), "now")
    assert state.one("h1").text == headline
    assert says in state.text


def test_a_moment_of_another_day_elsewhere_says_so() -> None:
    """In New York it is Wednesday evening, in Berlin Thursday already."""
    scene = Scene(at="2026-11-19T01:00:00Z")
    assert "opens Thursday 09:30 New York, today 15:30 Berlin" in section(read(render(scene.shown())), "now").text


def test_active_break_glass_is_loud() -> None:
    """Its own part of the page right below the state, the title and the icon; with who, until when and why."""
    tree = page("break-glass")
    alarm = section(tree, "alarm")
    assert alarm.text == (
        "Break-glass is active shop-cd/paper is let through until 11:48 New York, 17:48 Berlin 47 min left"
        " the price feed is wrong and the fix has to go out before the close"
        " anna, since 10:48 New York, 16:48 Berlin · record break-glass-paper-20261118-154800-23c3c7"
    )
    assert tree.one("head").one("title").text == "Break-glass active, promotions are held · market-gate"
    assert tree.one("main").all("section")[1] is alarm
    assert tree.one("link").attributes["href"] != page("trading").one("link").attributes["href"]
    assert not page("trading").all(id="alarm")


def test_break_glass_that_is_not_needed_says_so() -> None:
    """The market is closed, and the record lets nothing through that would be held."""
    late = record("late", "2026-11-18T21:10:00Z", timedelta(hours=1))
    alarm = section(read(render(Scene(at="2026-11-18T21:30:00Z", records=(late,)).shown())), "alarm")
    assert "Promotions may run at this time anyway" in alarm.text


def test_break_glass_for_a_stage_that_nobody_guards_lets_nothing_through() -> None:
    """Somebody has mistyped the stage, and must see it."""
    mistyped = replace(ACTIVE, stage="papre")
    tree = read(render(replace(SCENES["break-glass"], records=(mistyped,)).shown()))
    assert "shop-cd/papre is not guarded here: this record lets nothing through" in section(tree, "alarm").text
    assert "let through by" not in section(tree, "stages").text


def test_many_records_do_not_make_the_page_endless() -> None:
    """Some are told of, the others counted."""
    many = tuple(replace(ACTIVE, name=f"paper-{number}") for number in range(500))
    page_ = render(replace(SCENES["break-glass"], records=many).shown())
    alarm = section(read(page_), "alarm")
    assert len(alarm.all("article")) == MOST_ACTIVE
    assert f"And {500 - MOST_ACTIVE} more." in alarm.text
    assert len(page_) < 200_000


def test_guarded_stages_by_project() -> None:
    """Whether a promotion would be let through now, and a rollback."""
    tables = {table.one("caption").text: table.rows() for table in section(page("break-glass"), "stages").all("table")}
    assert tables == {
        "bank-cd": [["live", "held", "as any promotion"]],
        "shop-cd": [
            ["paper", "let through by break-glass of anna until 11:48 New York", "let through, as any promotion"],
            ["live", "held", "let through at any time"],
        ],
    }


def test_waiting_promotions_with_since_when() -> None:
    """The longest in front."""
    rows = section(page("trading"), "waiting").one("table").rows()
    told = "the market (XNYS) is open until 16:00 New York, 22:00 Berlin"
    assert rows == [
        ["paper.01kn6d0q4a7t.9d33093", "shop-cd/paper", "10:52 New York, 16:52 Berlin for 8 min", "8 s ago", told],
        ["live.01kn6d3m2w1z.4f0a2be", "shop-cd/live", "10:56 New York, 16:56 Berlin for 4 min", "9 s ago", told],
    ]
    assert section(page("closed"), "waiting").one(class_="none").text == "None."


def test_past_break_glass_with_operator_time_and_justification() -> None:
    """The latest in front."""
    rows = section(page("closed"), "break-glass").one("table").rows()
    assert [row[:2] for row in rows] == [["shop-cd/live", "ben@example.org"], ["shop-cd/paper", "anna"]]
    assert rows[0][2].startswith("Tue 17 Nov 2026 10:12 New York, 16:12 Berlin")
    assert "order 4711 is filled twice, 9d33093 takes the retry out" in rows[0][4]


@pytest.mark.parametrize(
    ("scene", "warning", "cluster"),
    [
        (
            "unreachable",
            "Cluster not reachable since 10:46 New York, 16:46 Berlin, for 14 min",
            "not reachable since 10:46 New York, 16:46 Berlin; last heard of 14 min ago",
        ),
        ("starting", "Nothing heard from the cluster yet", "not heard of yet"),
        ("trading", "", "last heard of 3 s ago"),
        ("berlin-changes", "", "not read (records: none)"),
    ],
)
def test_how_old_the_data_of_the_cluster_is(scene: str, warning: str, cluster: str) -> None:
    """Loudly where it is old; always at the end of the page."""
    tree = page(scene)
    notices = tree.all(class_="notices")
    assert [each.all("h2")[0].text for each in notices] == ([warning] if warning else [])
    told = {each.one("dt").text: each.one("dd").text for each in tree.one("footer").all("div")}
    assert told["Cluster"] == cluster


def test_clocks_that_differ_are_a_warning() -> None:
    """Market hours go by this machine's."""
    warnings = [each.text for each in page("unreachable").one(class_="notices").all("h2")]
    assert warnings[1] == "The clocks differ: this one is 1 min behind the cluster's"


def test_the_week_as_a_table() -> None:
    """The same as the picture, for who can't see it."""
    rows = page("half-day").one(id="week-table").rows()
    assert [row[0] for row in rows] == [f"{day} Nov" for day in ("Mon 23", "Tue 24", "Wed 25", "Thu 26")] + [
        "Fri 27 Nov today",
        "Sat 28 Nov",
        "Sun 29 Nov",
    ]
    held = {row[0][:3]: row[2] for row in rows}
    dash = "\N{EN DASH}"
    assert rows[3][1] == "closed: Thanksgiving Day"
    assert rows[4][1] == f"09:30{dash}13:00 half day: Day after Thanksgiving Day 15:30{dash}19:00 Berlin"
    assert held["Thu"] == f"00:00{dash}02:00 window nightly batch 22:00{dash}24:00 window nightly batch"
    assert held["Fri"] == f"00:00{dash}02:00 window nightly batch 09:15{dash}09:30 margin before the open 09:30{dash}13:00 market open"
    assert held["Sun"] == "nothing"
    assert f"10:48{dash}11:48 break-glass shop-cd/paper by anna" in page("break-glass").one(id="week-table").rows()[2][3]


def test_the_windows_that_lie_ahead() -> None:
    """Each once, with how often it comes until the end of next week."""
    table = section(page("trading"), "numbers").all("table")[1]
    assert [(row[0], row[1], row[4]) for row in table.rows()] == [
        ("nightly batch", "blocked", "the accounts are settled"),
        ("maintenance", "open", "the exchange tests, we don't trade"),
        ("audit", "blocked", "the auditors read the books"),
    ]
    assert table.rows()[0][3] == "Thursday 02:00 New York, 08:00 Berlin and 5 times more"


def test_it_is_asked_for_again_when_the_answer_changes() -> None:
    """Not half a minute later: at 16:00 the page must not say for long that promotions are held."""
    trading = SCENES["trading"]
    assert refresh_seconds(trading.shown()) == REFRESH_SECONDS
    assert refresh_seconds(replace(trading, at="2026-11-18T20:59:50Z").shown()) == 11
    assert refresh_seconds(replace(trading, at="2026-11-18T16:47:55Z", records=(ACTIVE,)).shown()) == 6
    assert refresh_seconds(SCENES["not-known"].shown()) == REFRESH_SECONDS


def test_it_can_stand_still() -> None:
    """Who reads slowly, or with a screen reader, stops it by a link."""
    shown = SCENES["trading"].shown()
    moving, still = read(render(shown)), read(render(shown, paused=True))
    assert moving.one("meta", **{"http-equiv": "refresh"}).attributes["content"] == str(REFRESH_SECONDS)
    assert moving.one("a").attributes["href"] == "?refresh=off"
    assert not still.all("meta", **{"http-equiv": "refresh"})
    assert still.one("a").attributes["href"] == "./"

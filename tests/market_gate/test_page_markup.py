"""The page as a document: escaped, well-formed, with headings, landmarks and times that programs can read."""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise

import pytest

from market_gate.page.markup import Markup, element, join, written
from market_gate.page.page import HEADERS, render
from tests.market_gate.browser.scenes import HOSTILE, SCENES
from tests.market_gate.conftest import Running
from tests.market_gate.html_tree import Node, read


@pytest.fixture(params=SCENES)
def tree(request: pytest.FixtureRequest) -> Node:
    """Read the page of each scene."""
    return read(render(SCENES[request.param].shown()))


def test_the_parts_of_the_page(tree: Node) -> None:
    """One of each landmark, one main heading, no level left out; every part is named by its heading."""
    body = tree.one("body")
    assert [each.name for each in body.children if isinstance(each, Node)] == ["header", "main", "footer"]
    levels = [int(each.name[1]) for each in body.all() if re.fullmatch("h[1-6]", each.name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for part in body.all("section"):
        assert "aria-labelledby" in part.attributes or "aria-label" in part.attributes
    assert tree.attributes["lang"] == "en"
    assert tree.one("head").one("title").text


def test_ids_are_there_once_and_what_refers_to_them_finds_them(tree: Node) -> None:
    """Patterns, headings, the table of the picture."""
    ids = [each.attributes["id"] for each in tree.all() if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    wanted = {
        name
        for each in tree.all()
        for key in ("aria-labelledby", "aria-describedby", "aria-details")
        for name in each.attributes.get(key, "").split()
    } | {found for each in tree.all() for found in re.findall(r"url\(#(.+?)\)", each.attributes.get("fill", ""))}
    assert wanted <= set(ids)


def test_every_time_is_one_that_programs_can_read(tree: Node) -> None:
    """With its offset, and what is written is what it says."""
    times = tree.all("time")
    assert len(times) > 10
    for each in times:
        moment = datetime.fromisoformat(each.attributes["datetime"])
        if len(each.attributes["datetime"]) > len("2026-11-18"):
            assert moment.tzinfo is not None
            assert f"{moment:%H:%M}" in each.text or each.text == "24:00" or each.text.endswith(" ago")


def test_no_time_of_day_stands_outside_of_a_time(tree: Node) -> None:
    """Except in the picture, whose table has them, and in what was told or written by somebody."""

    def outside(node: Node) -> list[str]:
        if node.name in {"time", "svg", "style", "bdi"}:
            return []
        return [text for each in node.children for text in ([each] if isinstance(each, str) else outside(each))]

    assert not re.findall(r"\d\d:\d\d", " ".join(outside(tree.one("body"))))


def test_the_picture_has_a_name_a_description_and_a_table(tree: Node) -> None:
    """An image for who can't see it; its days are labelled, and the line of now is in it."""
    picture = tree.one("svg", role="img")
    title, described = (tree.one(id=picture.attributes[key]) for key in ("aria-labelledby", "aria-describedby"))
    assert title.text.startswith("When promotions are held this week, ")
    assert all(day in described.text for day in ("Monday", "Thursday", "Sunday", ", today"))
    assert tree.one(id=picture.attributes["aria-details"]).name == "table"
    labels = [each.text[:3] for each in picture.all("text") if "day" in each.attributes.get("class", "").split()]
    assert labels == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert re.fullmatch(r"now \d\d:\d\d", picture.one("g", class_="now").one("text").text)
    inside = picture.all("svg")
    for each in tree.all("svg"):
        assert each is picture or each in inside or each.attributes["aria-hidden"] == "true"


@pytest.mark.parametrize(
    ("scene", "drawn"),
    [
        ("trading", {"session", "margin", "blocked", "opened", "glass"}),
        ("holiday", {"session", "margin", "blocked"}),
        ("not-known", {"unknown", "blocked"}),
        ("fold", {"session", "blocked"}),
    ],
)
def test_what_is_drawn_is_explained(scene: str, drawn: set[str]) -> None:
    """Each kind has a pattern or an outline of its own, and a place in the legend, and what is not there has none."""
    tree = read(render(SCENES[scene].shown()))
    legend = {each.one("rect").attributes["class"] for each in tree.one("ul", class_="legend").all("svg")}
    shapes = {each.attributes.get("class", "") for each in tree.one("svg", role="img").all("rect")}
    assert legend == drawn | {"track"}
    assert drawn <= shapes
    fills = {each.attributes["class"]: each.attributes.get("fill") for each in tree.all("rect") if "class" in each.attributes}
    assert fills["blocked"] == "url(#blocked)"


def test_the_night_in_which_an_hour_is_there_twice() -> None:
    """01:15 to 01:30 is blocked from the first to the second time: drawn as 01:15 to 02:00, and 01:00 to 01:30."""
    tree = read(render(SCENES["clocks-change"].shown()))
    boxes = [each for each in tree.one("svg", role="img").all("rect", class_="blocked") if float(each.attributes["y"]) > 200]
    per_hour = (100 - 11.5) / 24
    hours = [
        (
            round((float(box.attributes["x"].rstrip("%")) - 11.5) / per_hour, 2),
            round(float(box.attributes["width"].rstrip("%")) / per_hour, 2),
        )
        for box in boxes
    ]
    assert hours == [(1.25, 0.75), (1.0, 0.5)]


def test_what_people_write_is_text(start: Callable[..., Running]) -> None:
    """A justification, an operator and names of records that try to be HTML: nothing of it is an element or an attribute."""
    page = render(SCENES["hostile"].shown())
    tree = read(page)
    assert {each.name for each in tree.all()}.isdisjoint({"script", "img", "iframe", "object", "b", "u"})
    assert len(tree.all("style")) == 1
    assert len(tree.all("link")) == 1
    assert not [name for each in tree.all() for name in each.attributes if name.startswith("on") or name == "style"]
    quote = tree.one(class_="alarm").all("blockquote")[0]
    assert quote.text == " ".join(HOSTILE.justification.split())
    assert quote.one("bdi").attributes["class"] == "long"
    assert start().get("/").headers["content-type"] == "text/html; charset=utf-8"


def test_text_is_escaped_wherever_it_stands() -> None:
    """Children, attributes, lists; only what was made as an element is one."""
    assert element("p", "<&>\"'", [element("b", "x"), "<"]) == "<p>&lt;&amp;&gt;&quot;&#x27;<b>x</b>&lt;</p>"
    assert element("p", title="\"><script>'&") == '<p title="&quot;&gt;&lt;script&gt;&#x27;&amp;"></p>'
    assert join("<", None, Markup("<br>")) == "&lt;<br>"
    # An override would turn the rest of the line around.
    assert written("a\u202eb\x00c\nd") == "<bdi>a b c d</bdi>"
    assert element("p", str(Markup("<i>")) + "<") != "<p><i><</p>"


def test_the_page_loads_nothing_and_says_so(gate: Running) -> None:
    """The policy allows its own style by its hash, its icon, and nothing else."""
    reply = gate.get("/")
    tree = read(reply.body.decode())
    style = tree.one("style").children[0]
    assert isinstance(style, str)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = reply.headers["content-security-policy"].split("; ")
    assert policy[:3] == ["default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:"]
    assert {"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert {name: reply.headers[name] for name in HEADERS} == dict(HEADERS)
    assert (reply.headers["cache-control"], reply.headers["x-content-type-options"]) == ("no-store", "nosniff")
    addresses = [each.attributes[name] for each in tree.all() for name in ("src", "href", "action", "data") if name in each.attributes]
    assert [address.split(",")[0] for address in addresses] == ["data:image/svg+xml", "?refresh=off"]
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize(("address", "refreshes"), [("/", True), ("/?refresh=off", False), ("/?refresh=0", True), ("/?%ff<script>", True)])
def test_it_refreshes_until_it_is_told_not_to(gate: Running, address: str, refreshes: bool) -> None:
    """Whatever else stands in the address changes nothing and is not repeated."""
    reply = gate.get(address)
    assert reply.status == 200
    assert (b'http-equiv="refresh"' in reply.body) is refreshes
    assert b"<script" not in reply.body

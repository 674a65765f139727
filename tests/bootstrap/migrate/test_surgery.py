"""Changes in the text of YAML: what is asked for, and not a byte more."""

import random

import pytest
import yaml
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from bootstrap.migrate import nodes
from bootstrap.migrate.surgery import Surgery, UnsafeError
from tests.bootstrap.migrate.migrating import migrated, touched


def removed(text: str, *place: str) -> str:
    """Take the entry at a place out of a text."""
    surgery = Surgery(text)
    (root,) = surgery.documents
    parent = nodes.at(root, *place[:-1]) if place[1:] else root
    assert isinstance(parent, MappingNode)
    surgery.remove_entry(parent, next(key for key, _ in parent.value if key.value == place[-1]), "test")
    return surgery.result()


@pytest.mark.parametrize(
    ("before", "place", "after"),
    [
        pytest.param("a: 1\nb: 2\n", ("a",), "b: 2\n", id="first"),
        pytest.param("a: 1\nb: 2\n", ("b",), "a: 1\n", id="last"),
        pytest.param("a: 1\nb: 2", ("b",), "a: 1\n", id="last, without a line end"),
        pytest.param("a:\n  x: 1\n  y: [1,\n    2]\nb: 2\n", ("a",), "b: 2\n", id="a map"),
        pytest.param("a:\n- x\n- y\nb: 2\n", ("a",), "b: 2\n", id="a list at the indent of its key"),
        pytest.param("z: 0\n\na: 1\n\nb: 2\n", ("a",), "z: 0\n\nb: 2\n", id="one of two blank lines goes, too"),
        pytest.param("z: 0\n\na: 1\n", ("a",), "z: 0\n", id="no blank line is left at the end"),
        pytest.param("z: 0\n# of b\nb: 2\na: 1\n", ("b",), "z: 0\n# of b\na: 1\n", id="a comment that may be of others stays"),
        pytest.param("z: 0\n# the login for GHCR\nb: 2\na: 1\n", ("b",), "z: 0\na: 1\n", id="the comment that tells of it goes"),
        pytest.param("z: 0\n# GHCR\n\nb: 2\na: 1\n", ("b",), "z: 0\n# GHCR\n\na: 1\n", id="a comment further above stays"),
        pytest.param("b:\n  x: 1\n  # more\n# of a\na: 1\n", ("b",), "# of a\na: 1\n", id="comments inside go, that of the next stays"),
        pytest.param("b: |\n  x\n  # no comment\n\na: 1\n", ("b",), "a: 1\n", id="a text block"),
        pytest.param("a: {x: 1, y: 2, z: 3}\n", ("a", "x"), "a: {y: 2, z: 3}\n", id="first of a flow map"),
        pytest.param("a: {x: 1, y: 2, z: 3}\n", ("a", "z"), "a: {x: 1, y: 2}\n", id="last of a flow map"),
        pytest.param("a: &b {x: 1}\nc: *b\nd: 1\n", ("c",), "a: &b {x: 1}\nd: 1\n", id="an alias"),
        pytest.param("'a b': 1\n\"c\": 2\n", ("a b",), '"c": 2\n', id="quoted keys"),
        pytest.param("a:\nb: 2\n", ("a",), "b: 2\n", id="without a value"),
        pytest.param("%YAML 1.1\n---\na: 1\nb: 2\n...\n", ("a",), "%YAML 1.1\n---\nb: 2\n...\n", id="directives and ends"),
    ],
)
def test_an_entry_is_taken_out(before: str, place: tuple[str, ...], after: str) -> None:
    """With what belongs to it, in either kind of line end."""
    assert removed(before, *place) == after
    assert removed(before.replace("\n", "\r\n"), *place) == after.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("l:\n  - a\n  - b\nc: 1\n", "l:\n  - b\nc: 1\n", id="in lines"),
        pytest.param("l:\n- a\n- b\nc: 1\n", "l:\n- b\nc: 1\n", id="at the indent of the key"),
        pytest.param("l: [a, b]\nc: 1\n", "l: [b]\nc: 1\n", id="in one line"),
        pytest.param("l:\n  -   a\n  - b\n", "l:\n  - b\n", id="with more blanks"),
    ],
)
def test_an_item_is_taken_out(before: str, after: str) -> None:
    """Of a list in any form."""
    surgery = Surgery(before)
    listed = nodes.at(surgery.documents[0], "l")
    assert isinstance(listed, SequenceNode)
    surgery.remove_item(listed, listed.value[0], "test")
    assert surgery.result() == after


def test_the_first_key_of_an_item_leaves_the_dash() -> None:
    """`- a: 1`."""
    surgery = Surgery("l:\n  - a: 1\n    b: 2\n")
    item = nodes.items(nodes.at(surgery.documents[0], "l"))[0]
    assert isinstance(item, MappingNode)
    surgery.remove_entry(item, item.value[0][0], "test")
    assert surgery.result() == "l:\n  - b: 2\n"


def test_an_emptied_list_keeps_the_comment_of_its_key() -> None:
    """And its place."""
    surgery = Surgery("l:  # Secrets\n  - a\n  - b\n# next\nc: 1\n")
    (key, value), *_ = surgery.documents[0].value
    surgery.empty(key, value, "test")
    assert surgery.result() == "l: []  # Secrets\n# next\nc: 1\n"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_document_is_taken_out_of_several(number: int) -> None:
    """With its separator."""
    texts = ["# first\na: 1\n", "# second\na: 2\n", "a: 3\n"]
    surgery = Surgery("---\n" + "---\n".join(texts))
    surgery.remove_document(surgery.documents[number], "test")
    assert surgery.result() == "---\n" + "---\n".join(text for index, text in enumerate(texts) if index != number)


def test_what_an_alias_still_needs_is_not_taken_out() -> None:
    """The text would no longer be YAML."""
    with pytest.raises(UnsafeError):
        removed("a: &b 1\nc: *b\n", "a")


def test_what_would_change_its_meaning_is_refused() -> None:
    """A number instead of a text."""
    surgery = Surgery("a: x\n")
    value = nodes.at(surgery.documents[0], "a")
    assert isinstance(value, ScalarNode)
    surgery.replace(value, "12", "test")
    with pytest.raises(UnsafeError):
        surgery.result()


# Layouts by chance: everything that a person may write around an image, in many orders.


class _Writer:
    """Writes a values file by chance; `wanted` is what it must become, `names` how many images are in it."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self.before: list[str] = []
        self.wanted: list[str] = []
        self._keys = 0
        self._step = self._dice.choice([2, 4])

    def write(self) -> None:
        for _ in range(self._dice.randint(1, 3)):
            if self.before or self._dice.random() < 0.3:
                self._both("---" + self._dice.choice(["", " # next"]))
            self._entries(0, 0)

    def _entries(self, depth: int, indent: int) -> None:
        flat = [self._plain, self._image, self._image]
        kinds = [*flat, self._map, self._list, self._block, self._flow, self._folded] if depth < 3 else flat
        for _ in range(self._dice.randint(1, 4)):
            self._around(indent)
            self._dice.choice(kinds)(depth, indent)

    def _around(self, indent: int) -> None:
        if self._dice.random() < 0.2:
            self._both("")
        if self._dice.random() < 0.3:
            self._both(" " * self._dice.choice([0, indent]) + "# ghcr.io/ann/shop/api, registry, and ümlaut 😀")

    def _key(self) -> str:
        self._keys += 1
        return self._dice.choice([f"key{self._keys}", f'"key {self._keys}"', f"key-{self._keys}.x"])

    def _image(self, _depth: int, indent: int) -> None:
        key, tag = self._key(), self._dice.choice(["", ":v1", ":1.2.3"])
        quote, rest = self._dice.choice(["", '"', "'"]), self._dice.choice(["", "  # ghcr.io/ann/shop/x", " "])
        for written, host in ((self.before, "ghcr.io/ann/shop"), (self.wanted, "registry.example.lan/shop")):
            written.append(f"{' ' * indent}{key}: {quote}{host}/api{tag}{quote}{rest}")

    def _plain(self, _depth: int, indent: int) -> None:
        value = self._dice.choice(
            ["1", "yes", "~", "'it''s'", '"a\\tb"', "2026-11-23", "text with # no: comment", "[]", "0x1F", "*", "!tag x"]
        )
        self._both(f"{' ' * indent}{self._key()}: {value if value not in {'*', 'text with # no: comment'} else repr(value)}")

    def _block(self, _depth: int, indent: int) -> None:
        self._both(f"{' ' * indent}{self._key()}: {self._dice.choice(['|', '|-', '|+'])}")
        self._both(f"{' ' * (indent + self._step)}# not a comment\n\n{' ' * (indent + self._step + 1)}more: text")

    def _folded(self, _depth: int, indent: int) -> None:
        self._both(f"{' ' * indent}{self._key()}: >-\n{' ' * (indent + 2)}some words\n{' ' * (indent + 2)}and more")

    def _flow(self, _depth: int, indent: int) -> None:
        key = self._key()
        for written, host in ((self.before, "ghcr.io/ann/shop"), (self.wanted, "registry.example.lan/shop")):
            written.append(f"{' ' * indent}{key}: {{image: {host}/web, list: [1, '{host}/db',\n{' ' * (indent + 2)}2]}} # x")

    def _list(self, depth: int, indent: int) -> None:
        self._both(f"{' ' * indent}{self._key()}:")
        at = indent + self._dice.choice([0, self._step])
        for _ in range(self._dice.randint(1, 3)):
            self._both(f"{' ' * at}- item")
            self._around(at)
            self._both(f"{' ' * at}- a: 1")
            if self._dice.random() < 0.5:
                self._image(depth, at + 2)

    def _map(self, depth: int, indent: int) -> None:
        self._both(f"{' ' * indent}{self._key()}:{self._dice.choice(['', ' # below'])}")
        self._entries(depth + 1, indent + self._step)

    def _both(self, text: str) -> None:
        self.before += text.split("\n")
        self.wanted += text.split("\n")


@pytest.mark.parametrize("seed", range(100))
def test_only_the_lines_with_images_change_whatever_is_around_them(seed: int) -> None:
    """Every other byte stays, in either kind of line end, and a second run changes nothing."""
    writer = _Writer(seed)
    writer.write()
    for end in ("\n", "\r\n"):
        before, wanted = end.join([*writer.before, ""]), end.join([*writer.wanted, ""])
        list(yaml.compose_all(before, Loader=yaml.SafeLoader))
        after = migrated({"deploy/values.yaml": before}).files["deploy/values.yaml"]
        assert after == wanted
        gone, come = touched(before, after)
        assert all("ghcr.io" in line for line in gone)
        assert all("registry.example.lan" in line for line in come)
        assert migrated({"deploy/values.yaml": after}).files["deploy/values.yaml"] == after

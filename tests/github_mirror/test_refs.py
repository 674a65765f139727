import re

import pytest

from github_mirror.refs import Listing, Pattern, Selection, is_mirrored, is_valid, short

A, B, C = "a" * 40, "b" * 40, "c" * 40


def test_ls_remote_gives_branches_tags_and_the_default_branch() -> None:
    """What `git ls-remote --symref` prints; refs of pull requests are none of a mirror's business."""
    lines = [
        "ref: refs/heads/main\tHEAD",
        f"{A}\tHEAD",
        f"{A}\trefs/heads/main",
        f"{B}\trefs/heads/feature/x",
        f"{C}\trefs/pull/1/head",
        f"{C}\trefs/tags/v1",
        f"{A}\trefs/tags/v1^{{}}",
    ]
    listing = Listing.parse(lines)
    assert listing.refs == {"refs/heads/main": A, "refs/heads/feature/x": B, "refs/tags/v1": C}
    assert listing.peeled == {"refs/tags/v1": A}
    assert listing.head == "refs/heads/main"
    assert listing.branches == ("refs/heads/main", "refs/heads/feature/x")


def test_an_empty_repository_has_an_empty_listing() -> None:
    """A repository that was just made at GitHub prints nothing."""
    assert Listing.parse([]) == Listing(refs={}, head=None)


@pytest.mark.parametrize(
    "line", ["warning: something", f"{A} refs/heads/main", f"{A}\trefs/heads/a:b", f"{A}\trefs/heads/a b", "x\trefs/heads/a"]
)
def test_lines_that_are_no_refs_are_passed_over(line: str) -> None:
    """What a server prints of its own, or what could turn into another refspec, never becomes a ref."""
    assert Listing.parse([line]).refs == {}


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("heads/*", "refs/heads/main", True),
        ("heads/*", "refs/heads/feature/x/y", True),
        ("heads/*", "refs/tags/v1", False),
        ("refs/heads/*", "refs/heads/main", True),
        ("heads/main", "refs/heads/main", True),
        ("heads/main", "refs/heads/main2", False),
        ("heads/main", "refs/heads/Main", False),
        ("heads/main*", "refs/heads/main", True),
        ("tags/v*", "refs/tags/v1.0", True),
        ("tags/v*", "refs/tags/w1.0", False),
        ("heads/*/fix", "refs/heads/ada/fix", True),
        ("heads/*/fix", "refs/heads/ada/old/fix", False),
        ("heads/**/fix", "refs/heads/ada/old/fix", True),
        ("heads/**/fix", "refs/heads/fix", True),
        ("heads/release-?.x", "refs/heads/release-1.x", True),
        ("heads/release-?.x", "refs/heads/release-1yx", False),
        ("heads/**", "refs/heads/a/b", True),
    ],
)
def test_patterns(pattern: str, name: str, matches: bool) -> None:
    """A `*` stays within a component, but at the end it takes all that follows."""
    assert Pattern.parse(pattern).matches(name) is matches


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("main", "heads/main"),
        ("*", "heads/*, tags/*"),
        ("refs/*", "begin with heads/ or tags/"),
        ("refs/pull/*", "never mirrored"),
        ("pull/*", "never mirrored"),
        ("+heads/*", "on_divergence: overwrite"),
        ("heads/*:heads/*", "`branch`"),
        ("heads/", 'all of them are "heads/*"'),
    ],
)
def test_a_pattern_that_is_none_is_explained(text: str, says: str) -> None:
    """Refspecs of git, bare names and hidden refs each get told what to write."""
    with pytest.raises(ValueError, match=re.escape(says)):
        Pattern.parse(text)


def test_exclude_is_stronger_than_refs() -> None:
    """Whatever `refs` matches, `exclude` takes out again."""
    selection = Selection.parse(["heads/*", "tags/*"], ["heads/wip/*", "tags/nightly"])
    names = ["refs/heads/main", "refs/heads/wip/x", "refs/tags/v1", "refs/tags/nightly", "refs/notes/commits"]
    assert [name for name in names if selection.has(name)] == ["refs/heads/main", "refs/tags/v1"]


@pytest.mark.parametrize(
    "name", ["refs/heads/a..b", "refs/heads/.a", "refs/heads/a.lock", "refs/heads/a/", "refs/heads/a.", "refs/heads/a@{1}"]
)
def test_names_that_git_refuses(name: str) -> None:
    """The rules of git check-ref-format."""
    assert not is_valid(f"refs/{name}")


def test_only_branches_and_tags_are_mirrored() -> None:
    """GitHub refuses to have its hidden refs updated, and notes are nobody's wish."""
    assert is_mirrored("refs/heads/ü/x")
    assert not is_mirrored("refs/pull/1/head")
    assert not is_mirrored("HEAD")


def test_names_are_shown_as_people_write_them() -> None:
    """A branch by its name, a tag with `tags/`."""
    assert (short("refs/heads/a/b"), short("refs/tags/v1")) == ("a/b", "tags/v1")

"""`${...}` in the raw text; the expectations were recorded from drone/envsubst 1.0.3, which Woodpecker uses."""

import pytest

from devtools.substitution import SubstitutionError, substitute

VARIABLES = {
    "CI_COMMIT_SHA": "4c1f0d0a7e5b9d1c2f3a4b5c6d7e8f9012345678",
    "BRANCH": "feature/x/y",
    "REF": "refs/tags/v1.2",
    "EMPTY": "",
    "LINES": 'a\nb"c',
    "UMLAUT": "grüße",
}

CASES = [
    ("${BRANCH}", "feature/x/y"),
    ("x${BRANCH}y${REF}z", "xfeature/x/yyrefs/tags/v1.2z"),
    ("${UNKNOWN}", ""),
    ("$BRANCH $ $1", "$BRANCH $ $1"),
    ("$${BRANCH}", "${BRANCH}"),
    ("$$", "$"),
    ("\\\\ \\/ \\n", "\\ / \\n"),
    ("${CI_COMMIT_SHA:0:8}", "4c1f0d0a"),
    ("${CI_COMMIT_SHA:30}", "9012345678"),
    ("${CI_COMMIT_SHA:50}", ""),
    ("${BRANCH:x:1}", "feature/x/y"),
    ("${BRANCH:5:100}", "re/x/y"),
    ("${CI_COMMIT_SHA: -8}", "4c1f0d0a7e5b9d1c2f3a4b5c6d7e8f9012345678"),
    ("${UMLAUT:0:2}", "gr"),
    ("${#UMLAUT}", "7"),
    ("${UMLAUT^^}", "GRÜßE"),
    ("${BRANCH^}", "Feature/x/y"),
    ("${REF,,}", "refs/tags/v1.2"),
    ("${BRANCH##*/}", "y"),
    ("${BRANCH#*/}", "x/y"),
    ("${BRANCH%/*}", "feature/x"),
    ("${BRANCH%%/*}", "feature"),
    ("${REF#refs/tags/}", "v1.2"),
    ("${BRANCH#nope}", "feature/x/y"),
    ("${BRANCH//\\//-}", "feature-x-y"),
    ("${BRANCH/\\//-}", "feature-x/y"),
    ("${BRANCH/feature/}", "/x/y"),
    ("${BRANCH/#feature/x}", "x/x/y"),
    ("${BRANCH/%y/z}", "feature/x/z"),
    ("${BRANCH/#x/z}", "feature/x/y"),
    ("${UNKNOWN=tcp://buildkit:1234}", "tcp://buildkit:1234"),
    ("${UNKNOWN:-a}${UNKNOWN:=b}${UNKNOWN:+c}${UNKNOWN:?d}", "abcd"),
    ("${EMPTY=used}", "used"),
    ("${BRANCH=not used}", "feature/x/y"),
    ("${UNKNOWN=a${BRANCH##*/}b}", "ayb"),
    ("${UNKNOWN=}", ""),
    ("${LINES}", '"a\\nb\\"c"'),
]


@pytest.mark.parametrize(("text", "expanded"), CASES)
def test_a_form_is_expanded_as_woodpecker_does(text: str, expanded: str) -> None:
    """Every form of the reference, and its quirks."""
    assert substitute(text, VARIABLES) == expanded


@pytest.mark.parametrize(
    "text", ["${}", "${A B}", "${A", "${BRANCH!}", "${BRANCH-x}", "${BRANCH/x}", "${BRANCH///x}", "${BRANCH##}", "${BRANCH:0:-2}"]
)
def test_what_woodpecker_refuses_is_refused(text: str) -> None:
    """The error names the line and shows the text."""
    with pytest.raises(SubstitutionError, match=r"line 2: .*\$\{"):
        substitute(f"first\n{text}\n", VARIABLES)

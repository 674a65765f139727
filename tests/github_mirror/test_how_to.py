"""The how-to page says what the plugin says."""

import re
from pathlib import Path

import pytest

from github_mirror import host_keys, refusals
from github_mirror.remote import Remote
from github_mirror.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs/how-to/mirror-to-github.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## What GitHub refuses")[2].partition("\n## ")[0]
KNOWN = [*(refusal.sentence for refusal in refusals._REFUSALS), host_keys.changed(Remote.parse("ssh://git@127.0.0.1:1/x")).message]
SENTENCES = re.findall(r"^\| `(.+?)`", SECTION, re.MULTILINE)


@pytest.mark.parametrize("words", SENTENCES)
def test_a_sentence_of_the_page_is_one_of_the_log(words: str) -> None:
    """People look for it with their browser's search."""
    assert any(words in sentence for sentence in KNOWN)


def test_the_page_speaks_of_settings_that_there_are() -> None:
    """In its YAML examples."""
    blocks = re.findall(r"    settings:\n((?:      .*\n)+)", PAGE)
    named = {line.split(":")[0].strip() for block in blocks for line in block.splitlines()}
    assert named - set(Settings.model_fields) == set()
    assert named

"""The how-to pages and the introduction say what the plugin says."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from kargo_notify import show
from kargo_notify.__main__ import PLUGIN
from kargo_notify.presence import Demand, Presence
from kargo_notify.settings import Settings
from plugin_kit.options import known
from plugin_kit.reference import Repository
from tests.support.releases import RELEASE

ROOT = Path(__file__).parents[2]
PAGES = {
    path.name: path.read_text(encoding="utf-8")
    for path in (
        ROOT / "plugins/kargo-notify/intro.md",
        *(
            ROOT / f"docs/how-to/{name}.md"
            for name in ("release-and-notify", "roll-back-to-a-commit", "audit-what-ran", "subscribe-a-warehouse-to-releases")
        ),
    )
}
SENTENCES = re.findall(r"^\| `(.+?)`", PAGES["release-and-notify.md"].partition("| in the log |")[2].partition("\n\n")[0], re.MULTILINE)
SOURCES = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "plugins/kargo-notify/src/kargo_notify").glob("*.py")))


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return [textwrap.dedent(found) for found in re.findall(rf"^ *```{language}\n(.*?)^ *```", PAGES[page], re.MULTILINE | re.DOTALL)]


def documents(page: str) -> list[Any]:
    """Read every YAML block."""
    return [each for text in blocks(page, "yaml") for each in yaml.safe_load_all(text)]


def maps(value: object) -> list[dict[str, Any]]:
    """Find all maps in a document."""
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [*([value] if isinstance(value, dict) else []), *(found for each in inside for found in maps(each))]


@pytest.mark.parametrize("words", SENTENCES)
def test_a_sentence_of_the_page_is_one_of_the_log(words: str) -> None:
    """People look for it with their browser's search."""
    assert words in SOURCES


@pytest.mark.parametrize("page", PAGES)
def test_examples_use_settings_that_there_are(page: str) -> None:
    """In pipelines, and as variables."""
    steps = [each for document in documents(page) for each in maps(document) if "/kargo-notify:" in str(each.get("image"))]
    named = {name for step in steps for name in step.get("settings", {})}
    variables = {name.lower() for name in re.findall(r"PLUGIN_([A-Z_]+)\b", PAGES[page])}
    assert (named | variables) - set(Settings.model_fields) == set()


@pytest.mark.parametrize("page", PAGES)
def test_examples_use_options_that_there_are(page: str) -> None:
    """Behind the plugin's own name."""
    used = {option for line in re.findall(r"kargo-notify (--[^|`\n]*)", PAGES[page]) for option in re.findall(r"--[a-z-]+", line)}
    assert used - {option.name for option in known(PLUGIN.actions)} == set()


@pytest.mark.parametrize("page", PAGES)
def test_the_warehouses_of_all_pages_are_of_one_kind(page: str) -> None:
    """The one that was tried on a running Kargo."""
    subscriptions = [each["image"] for document in documents(page) for each in maps(document) if "repoURL" in str(each.get("image", ""))]
    for subscription in subscriptions:
        assert {key: value for key, value in subscription.items() if key != "repoURL"} == {
            "imageSelectionStrategy": "NewestBuild",
            "allowTagsRegexes": ["^[0-9a-f]{40}$"],
            "cacheByTag": True,
        }


def test_the_json_of_the_introduction_is_the_one_that_is_printed() -> None:
    """Key by key."""
    (example,) = (json.loads(text) for text in blocks("intro.md", "json"))
    shown = show.Shown(
        demand=Demand(release=RELEASE, own=frozenset({"latest"}), held=False),
        repository=Repository(host="registry.lan:5000", path="shop/releases"),
        digest="sha256:1",
        tags=("latest",),
        images=tuple(Presence(image=image, word="there", tag=image.tag) for image in RELEASE.images),
    )
    printed = show.document(shown)
    assert list(example) == list(printed)
    assert list(example["pipeline"]) == list(printed["pipeline"])
    assert list(example["images"][0]) == list(printed["images"][0])

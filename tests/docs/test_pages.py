"""The pages for people say what the programs do: links lead somewhere, options exist, and examples of platform.yaml are right."""

import copy
import json
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml

from bootstrap.check import run
from bootstrap.check.report import as_json
from bootstrap.command_line import app
from bootstrap.platform.load import Loaded, parse
from bootstrap.platform.platform import Platform
from bootstrap.platform.schema import schema
from bootstrap.results.report import exit_code
from devtools import docs
from devtools.paths import ROOT

TUTORIAL = ROOT / "docs/tutorial/first-pipeline-on-k3s.md"
FAILURES = ROOT / "docs/how-to/when-bootstrap-fails.md"
FOLDERS = ("docs/**/*.md", "plugins/*/docs.md", "services/*/docs.md", "examples/*/README.md")
PAGES = sorted([ROOT / "README.md", *(page for folder in FOLDERS for page in ROOT.glob(folder))])
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
# Of a code span, not of what stands in a block.
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"\bbootstrap (init|plan|up|status|down|check|render|images|rotate)\b([^`\n|;#&]*)")
# What platform.yaml has in common with other files: alone it says nothing.
COMMON = {"name", "version", "images", "labels", "context"}

# Said by the API server, of a namespace that does not go.
KUBERNETES = "finalizers remaining"


def names(pages: list[Path]) -> list[str]:
    """Return how tests are called."""
    return [str(page.relative_to(ROOT)) for page in pages]


@cache
def text(page: Path) -> str:
    """Read a page."""
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """Return a page without its blocks."""
    return re.sub(r"^ *```.*?^ *```", "", text(page), flags=re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of a language."""
    return [textwrap.dedent(found) for found in re.findall(rf"^ *```{language}\n(.*?)^ *```$", text(page), re.MULTILINE | re.DOTALL)]


def anchors(page: Path) -> set[str]:
    """Return the headings as links name them: as GitHub and Gitea make them."""
    found = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_lead_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading that it has."""
    for link in LINK.findall(prose(page)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} has a link to {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name} has a link to {link}, and there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_pictures_are_there_and_are_told_to_who_does_not_see_them(page: Path) -> None:
    """Each has a text of its own, of a sentence and not of a word."""
    for told, path in PICTURE.findall(prose(page)):
        assert (page.parent / path).is_file(), f"{page.name} has a picture {path}"
        assert len(told.split()) > len(("a", "word", "or", "two")), f"{path} has no text in {page.name}"


def test_every_how_to_is_in_the_readme() -> None:
    """It is the way into the pages."""
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in LINK.findall(prose(ROOT / "README.md"))}
    assert [page.name for page in sorted(ROOT.glob("docs/how-to/*.md")) if page not in linked] == []


def options() -> dict[str, set[str]]:
    """Return the options of each command, as they are in the command line."""
    commands: Any = typer.main.get_command(app)
    found = {name: {each for parameter in command.params for each in parameter.opts} for name, command in commands.commands.items()}
    return {name: {*given, "--help", "-h"} for name, given in found.items()}


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_commands_have_the_options_that_a_page_names(page: Path) -> None:
    """In blocks and in sentences; those of another program behind a pipe are its own."""
    known = options()
    for command, rest in COMMAND.findall(text(page)):
        used = set(re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", rest))
        assert used <= known[command], f"bootstrap {command} has no {', '.join(used - known[command])}"


def platforms(page: Path) -> Iterator[dict[str, Any]]:
    """Yield what is, or is a part of, a platform.yaml."""
    for block in blocks(page, "yaml"):
        try:
            document = yaml.safe_load(block)
        except yaml.YAMLError:
            # An excerpt of another file, a template, or several documents.
            continue
        keys = set(document) if isinstance(document, dict) else set()
        if keys and keys <= set(Platform.model_fields) and not keys <= COMMON:
            yield document


@cache
def partial() -> dict[str, Any]:
    """Return the schema for an excerpt: nothing has to be there."""

    def without_required(node: Any) -> Any:  # noqa: ANN401  any JSON
        if isinstance(node, list):
            return [without_required(each) for each in node]
        if not isinstance(node, dict):
            return node
        return {key: without_required(value) for key, value in node.items() if key != "required" or not isinstance(value, list)}

    made: dict[str, Any] = without_required(copy.deepcopy(schema()))
    return made


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_examples_of_platform_yaml_are_right(page: Path) -> None:
    """Every key is one that there is, with a value that it takes."""
    for document in platforms(page):
        jsonschema.validate(document, partial())


def test_there_are_examples_of_platform_yaml() -> None:
    """A heading that is found by a test that finds nothing proves nothing."""
    assert sum(1 for page in PAGES for _ in platforms(page)) >= 4


def test_the_reference_is_fresh() -> None:
    """`./dev docs` writes it from the code."""
    stale = [
        str(path.relative_to(ROOT)) for path, wanted in docs.pages() if not path.exists() or path.read_text(encoding="utf-8") != wanted
    ]
    assert stale == [], "run ./dev docs"


def test_the_published_schema_is_the_one_of_the_model() -> None:
    """The one that `bootstrap init --schema` prints."""
    assert json.loads(text(ROOT / "docs/platform.schema.json")) == schema()


def test_the_reference_explains_every_key() -> None:
    """By its name, in a table."""
    page = text(ROOT / "docs/reference/platform.md")
    definitions = [schema(), *schema()["$defs"].values()]
    for definition in (each for found in definitions for each in (found, *found.get("anyOf", ()))):
        for key in definition.get("properties", {}):
            assert f"| `{key}` |" in page or re.search(rf"^###? `(?:.*\.)?{key}(?:\[\]|\.<name>)?`$", page, re.MULTILINE), key


@cache
def sources() -> str:
    """Return the code of bootstrap, with texts that go on in the next line put together."""
    files = sorted((ROOT / "bootstrap/src/bootstrap").rglob("*.py"))
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(file.read_text(encoding="utf-8") for file in files))


def quoted() -> list[str]:
    """Return the sentences of the tables of failures, without what is different each time."""
    page = text(FAILURES)
    rows = re.findall(r"^\| (.+?) \| ", page.partition("## When the platform runs")[0], re.MULTILINE)
    found = [piece.strip() for row in rows for sentence in re.findall(r"`([^`]+)`", row) for piece in sentence.split("...")]
    return [each for each in found if " " in each]


@pytest.mark.parametrize("words", quoted())
def test_a_sentence_of_the_page_about_failures_is_one_of_the_log(words: str) -> None:
    """People look for it with their browser's search."""
    assert words in sources() or words == KUBERNETES


def tutorial(begin: str, language: str = "yaml") -> str:
    """Return the first block of the tutorial behind some words."""
    found = re.search(rf"^```{language}\n(.*?)^```$", text(TUTORIAL).partition(begin)[2], re.MULTILINE | re.DOTALL)
    assert found, begin
    return found[1]


@pytest.fixture
def described(tmp_path: Path) -> Loaded:
    """Read the platform.yaml of the tutorial."""
    return parse(tutorial("this is the whole file"), tmp_path / "platform.yaml")


def test_the_tutorial_leads_to_a_platform_and_a_repository_that_check_finds_in_order(described: Loaded, tmp_path: Path) -> None:
    """Whoever copies its files has what it says."""
    values = tutorial("`deploy/shop/values.yaml`")
    files = {
        "Dockerfile": tutorial("`Dockerfile`:", "dockerfile"),
        ".woodpecker.yml": tutorial("and `.woodpecker.yml`"),
        "deploy/shop/Chart.yaml": tutorial("`deploy/shop/Chart.yaml`"),
        "deploy/shop/values.yaml": values,
        "deploy/shop/values-beta.yaml": values,
        "deploy/shop/templates/query-api.yaml": tutorial("templates/query-api.yaml`"),
    }
    for name, content in files.items():
        (tmp_path / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / name).write_text(content, encoding="utf-8")
    results = run.check(run.read(rendered=None, repository=tmp_path / "shop", loaded=described, helm="no-helm-here", charts=()))
    assert exit_code(results) == 0, as_json(results)
    (warning,) = described.warnings
    assert "nothing is backed up at night" in warning


def test_a_gitea_that_is_there_needs_the_file_that_its_page_shows(tmp_path: Path) -> None:
    """It is a whole platform.yaml."""
    (block,) = blocks(ROOT / "docs/how-to/use-the-gitea-that-you-have.md", "yaml")
    platform = parse(block, tmp_path / "platform.yaml").platform
    assert (platform.gitea.mode, platform.registry.mode) == ("external", "external")
    assert platform.gitea.admin.password.source == "environment variable GITEA_PASSWORD"


def test_the_reference_has_what_a_command_within_a_command_takes() -> None:
    """People look for it by the whole name."""
    page = text(ROOT / "docs/reference/bootstrap.md")
    assert "| `bootstrap operator add` |" in page
    assert "| `--valid-for TIME` | operator add |" in page


def test_no_page_names_a_place_of_one_machine() -> None:
    """Whoever reads it has others."""
    for page in PAGES:
        assert not re.search(r"/tmp/pytest-|127\.0\.0\.1:\d{5}", text(page)), page

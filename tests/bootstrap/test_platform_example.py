"""What `bootstrap init` writes, and the JSON Schema that editors read: both made of the model, both complete."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from bootstrap.platform.example import example
from bootstrap.platform.load import parse
from bootstrap.platform.platform import Platform
from bootstrap.platform.problems import PlatformError
from bootstrap.platform.schema import schema, schema_text
from bootstrap.platform.section import Section
from plugin_kit.shape import Kind, Shape, settings_of

FILE = Path("platform.yaml")
FILLED = {
    "domain:": "domain: example.lan",
    "mode:": "mode: install",
    "- name:": "- name: shop",
    "watched_image:": "watched_image: api",
    "chart_path:": "chart_path: deploy",
    "promotion:": "promotion: auto",
}
OPTIONAL = {
    "server:": "server: nas",
    "username:": "username: ci",
    "password:": "password: {env: PASSWORD}",
    "value:": "value: {env: VALUE}",
    "remote:": "remote: git@github.com:acme/shop.git",
    "deploy_key:": "deploy_key: {file: key}",
}
WRONG = (
    "contxt: x",
    "name: 1",
    "hand_managers: k9s",
    "version: 2",
    "buildkit: {storage: {size: 5GB}}",
    "timeouts: {ready: 30}",
    "kargo: {host: 'https://a'}",
    "woodpecker: {storage: {kind: disk}}",
    "kargo: {admin_password: {evn: A}}",
    "projects: [{name: a}]",
)
STONKS = Path(__file__).parents[2] / "examples/stonks-oracle/platform.yaml"


def filled(text: str, values: dict[str, str]) -> str:
    """Write something behind every colon that has nothing, as a user would."""
    lines = []
    for line in text.splitlines():
        bare = line.strip()
        # The stage has the name of the project, which is fine, too.
        lines.append(line.replace(bare, values[bare]) if bare in values else line)
    return "\n".join(lines) + "\n"


def uncommented(text: str) -> str:
    """Take away the # of everything that is no prose."""
    return re.sub(r"^(\s*)#(?! |$)", r"\1", text, flags=re.MULTILINE)


def paths(model: type[BaseModel], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every key at every depth; secret references and the like are one line, whatever is written there."""
    for name, setting in settings_of(model).items():
        yield (*at, name)
        for inner in setting.shape.models:
            if not (issubclass(inner, Section) and inner.leaf):
                yield from paths(inner, (*at, name))


def written(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # noqa: ANN401  any YAML
    """Yield every key of a document; elements of lists count as what is around them."""
    if isinstance(value, list):
        for each in value:
            yield from written(each, at)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield (*at, key)
            yield from written(each, (*at, key))


def test_a_file_to_begin_with_asks_for_what_is_missing() -> None:
    """Nine decisions, each with its line; nothing else is wrong with it."""
    with pytest.raises(PlatformError) as caught:
        parse(example(), FILE)
    assert [(problem.key, problem.text.partition(":")[0]) for problem in caught.value.problems] == [
        (key, "required, and nothing is written behind it")
        for key in (
            "domain",
            "prerequisites.cert_manager.mode",
            "gitea.mode",
            "registry.mode",
            "projects[0].name",
            "projects[0].watched_image",
            "projects[0].chart_path",
            "projects[0].stages[0].name",
            "projects[0].stages[0].promotion",
        )
    ]


def test_a_file_to_begin_with_loads_when_it_is_filled_in() -> None:
    """And is then a platform of defaults."""
    loaded = parse(filled(example(), FILLED), FILE)
    short = """\
    domain: example.lan
    prerequisites: {cert_manager: {mode: install}}
    gitea: {mode: install}
    registry: {mode: install}
    projects: [{name: shop, watched_image: api, chart_path: deploy, stages: [{name: shop, promotion: auto}]}]
    """
    (warning,) = loaded.warnings
    assert "nothing is backed up at night" in warning
    assert loaded.platform == parse(short, FILE).platform


def test_the_defaults_that_are_commented_out_are_the_defaults() -> None:
    """Without their # they change nothing, but for the parts that are left out by default."""
    text = uncommented(filled(example(), FILLED))
    optional = ("storage", "arc", "login", "secrets", "integration_tests", "mirror")
    lines, skipped = [], None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if skipped is not None and (not line.strip() or indent > skipped):
            continue
        key = line.strip().partition(":")[0]
        is_optional = key in optional and line.strip().endswith(":") and "kind" not in line and _is_left_out(key, indent)
        skipped = indent if is_optional else None
        if not is_optional:
            lines.append(line)
    assert parse("\n".join(lines), FILE).platform == parse(filled(example(), FILLED), FILE).platform


def _is_left_out(key: str, indent: int) -> bool:
    # `storage` is also a part of BuildKit and of Woodpecker, with defaults.
    return key != "storage" or indent == 0


def test_everything_that_is_commented_out_can_be_used() -> None:
    """What stands there is YAML in the right place, and what is asked for then can be written."""
    text = re.sub(r"^(\s+)path:$", r"\1path: /volume", uncommented(filled(example(), FILLED)), flags=re.MULTILINE)
    text = filled(text, OPTIONAL).replace("namespaces: []", "namespaces: [tests]")
    with pytest.raises(PlatformError) as caught:
        parse(text, FILE)
    # All three volumes were given the same path.
    assert {problem.text.partition(" another")[0] for problem in caught.value.problems} == {"/volume is the same folder as"}


def test_every_key_stands_in_it() -> None:
    """At its place, live or commented out."""
    document = yaml.safe_load(uncommented(example()))
    found = {tuple(part for part in path if part != "name" or path[-1] == part) for path in written(document)}
    for path in paths(Platform):
        # The map of secrets has a key between, the secret's name.
        assert path in found or any(each[: len(path)] == path for each in found) or path[:2] == ("projects", "secrets"), path


def test_every_explanation_stands_in_it() -> None:
    """Once at least; charts share theirs."""
    prose = " ".join(line.strip().removeprefix("# ") for line in example().splitlines() if line.strip().startswith("# "))
    for model in Shape(kind=Kind.MODEL, model=Platform).all_models:
        if issubclass(model, Section) and not model.leaf:
            for setting in settings_of(model).values():
                assert setting.description in prose


def test_its_lines_fit_a_terminal() -> None:
    """And none has blanks at its end."""
    for line in example().splitlines():
        assert len(line) <= 120
        assert line == line.rstrip()


def test_editors_are_told_where_the_schema_is() -> None:
    """In the comment that their YAML plugins read."""
    assert example(schema="platform.schema.json").startswith("# yaml-language-server: $schema=platform.schema.json\n# The platform")


def refused(schema_file: Path, folder: Path, texts: Mapping[str, str]) -> set[str]:
    """Check texts against a schema, all at once; return the names of those that it refuses."""
    files = {str(folder / f"{number}.yaml"): name for number, name in enumerate(texts)}
    for file, name in files.items():
        Path(file).write_text(texts[name], encoding="utf-8")
    arguments = [sys.executable, "-m", "check_jsonschema", "--output-format", "json", "--schemafile", str(schema_file), *files]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)
    return {files[found["filename"]] for found in json.loads(done.stdout).get("errors", [])}


@pytest.fixture(scope="module")
def schema_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the schema as a file."""
    file = tmp_path_factory.mktemp("schema") / "platform.schema.json"
    file.write_text(schema_text())
    return file


def test_the_schema_is_one(schema_file: Path) -> None:
    """Of the draft that it names."""
    arguments = [sys.executable, "-m", "check_jsonschema", "--check-metaschema", str(schema_file)]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_accepts_what_loads_and_refuses_what_does_not(schema_file: Path, tmp_path: Path) -> None:
    """The file of `bootstrap init`, filled in, and a whole platform; of mistakes those that a schema can tell."""
    head = "domain: a.lan\nprerequisites: {cert_manager: {mode: install}}\ngitea: {mode: install}\nregistry: {mode: install}\n"
    right = {"init": filled(example(), FILLED), "stonks-oracle": STONKS.read_text(encoding="utf-8"), "short": head}
    wrong = {line: f"{head}{line}\n" for line in WRONG}
    assert refused(schema_file, tmp_path, right | wrong) == set(WRONG)
    for text in wrong.values():
        with pytest.raises(PlatformError):
            parse(text, FILE)


def test_the_schema_asks_for_what_is_required_only() -> None:
    """Not for what is filled in."""
    found = schema()
    assert found["required"] == ["domain", "prerequisites", "gitea", "registry"]
    assert found["$defs"]["Project"]["required"] == ["name", "watched_image", "chart_path", "stages"]
    assert found["$defs"]["Stage"]["required"] == ["name", "promotion"]


def test_the_schema_explains_every_key() -> None:
    """An editor shows it beside the key, with the default."""
    found = schema()
    models = {model.__name__: model for model in Shape(kind=Kind.MODEL, model=Platform).all_models}
    for name, model in models.items():
        node = found if model is Platform else found["$defs"][name]
        properties = node.get("properties") or node["anyOf"][0]["properties"]
        for key, setting in settings_of(model).items():
            assert properties[key]["description"].startswith(setting.description)
    assert found["$defs"]["Workspace"]["properties"]["size"]["default"] == "10G"
    assert found["$defs"]["Timeouts"]["properties"]["ready"]["default"] == "5m"
    assert "Default: ci.<domain>." in found["$defs"]["Woodpecker"]["properties"]["host"]["description"]


def test_the_schema_is_written_the_same_each_time() -> None:
    """It is a file in the repository."""
    assert schema_text() == schema_text()
    assert json.loads(schema_text())["title"] == "platform.yaml"

"""Help, docs.md and the JSON Schema say what the settings class says."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import AliasChoices, Field, SecretStr

from plugin_kit.cli import Plugin
from plugin_kit.docs import docs_md, help_text
from plugin_kit.schema import schema
from plugin_kit.settings import PluginSettings, SettingsModel, group

WHAT = group("What to build")
WHERE = group("Where to push")


class Mount(SettingsModel):
    """A mount."""

    path: str
    """Where it is seen."""


class Image(SettingsModel):
    """One image."""

    name: str
    """Name of the image."""

    build_args: dict[str, str] = Field(default={})
    """Build arguments; a | b is no table border."""

    mounts: list[Mount] = Field(default=[])
    """Mounts."""


class Settings(PluginSettings):
    """Builds images."""

    images: list[Image] = Field(json_schema_extra=WHAT)
    """The images to build.

    Each has a name that no other has, and where it is long this text is wrapped, so that it can be read in a terminal.
    """

    latest: bool | Literal["force"] = Field(default=True, json_schema_extra=WHAT)
    """Whether the tag `latest` moves."""

    password: SecretStr | None = Field(default=None, json_schema_extra=WHERE)
    """Password."""

    tags: list[str] = Field(default=["latest"], validation_alias=AliasChoices("tags", "tag"), json_schema_extra=WHERE)
    """Tags."""

    insecure: bool = Field(default=False, json_schema_extra=WHERE)
    """Plain http."""

    created: str = Field(default="", json_schema_extra=group("Where to push", default="commit time"))
    """Time of the images."""

    timeout: timedelta = Field(default=timedelta(minutes=10), json_schema_extra=WHERE)
    """Longest time."""

    jobs: int = Field(default=4, ge=1, json_schema_extra=WHERE)
    """Images at once."""

    cache: list[dict[str, str]] = Field(default=[], json_schema_extra=WHERE)
    """Caches."""


PLUGIN = Plugin(
    name="image-maker",
    summary="Makes images: all of them.",
    settings="unused:Settings",
    run="unused:run",
    author="The authors",
    tags=("docker", "build & push"),
    icon="https://example.lan/icon.svg",
    url="https://example.lan/acme/image-maker",
    container_image="registry.lan/image-maker",
    container_image_url="https://registry.lan/image-maker",
    example="""
steps:
  - name: images
    image: registry.lan/image-maker
    settings:
      images: [{name: api}]
""",
)

HELP = """\
image-maker 1.2.3: Makes images: all of them.

Usage: image-maker [--help | --version | --schema | --dry-run]

Options:
  --help     explain every setting
  --version  print name and version
  --schema   print the JSON Schema of the settings, for editors
  --dry-run  print what would be done, and stop

Settings stand under `settings:` in the pipeline. Without Woodpecker, give each as a variable:
`dry_run` as PLUGIN_DRY_RUN, lists joined with commas or as JSON, maps as JSON. <NAME>_FILE reads a
value from a file. (*) is required.

What to build:
  images (*)  list of maps               The images to build. Each has a name that no other has, and
                                         where it is long this text is wrapped, so that it can be
                                         read in a terminal.
  latest      bool | force  true         Whether the tag `latest` moves.

Where to push:
  password    secret                     Password.
  tags        list          latest       Tags. Also: tag.
  insecure    bool          false        Plain http.
  created     text          commit time  Time of the images.
  timeout     duration      10m          Longest time.
  jobs        whole number  4            Images at once.
  cache       list of maps               Caches.

Keys of `images[]`:
  name (*)    text             Name of the image.
  build_args  map              Build arguments; a | b is no table border.
  mounts      list of maps     Mounts.

Keys of `images[].mounts[]`:
  path (*)  text     Where it is seen.

Example:

  steps:
    - name: images
      image: registry.lan/image-maker
      settings:
        images: [{name: api}]"""


def test_help_is_a_table_of_every_setting() -> None:
    """By group, required ones marked, nested keys in tables of their own."""
    assert help_text(PLUGIN, Settings, version="1.2.3") == HELP


def test_help_fits_a_terminal_of_100_columns() -> None:
    """Long types and defaults are wrapped too."""

    class Wide(PluginSettings):
        """Wide."""

        a_setting_with_a_rather_long_name: Literal["alternative-one", "alternative-two", "alternative-three"] = "alternative-one"
        """Text. And more, with a-very-long-word-that-has-no-blanks-in-it-and-goes-on/and/on/until/it/is/longer/than/a/column."""
        secrets: list[dict[str, str]] | dict[str, SecretStr] = Field(default=[{"id": "a-long-default-of-many-characters"}])
        """Secrets."""

    for model in (Settings, Wide):
        assert max(map(len, help_text(PLUGIN, model, version="1").splitlines())) <= 100


def test_docs_have_the_front_matter_of_the_plugin_index() -> None:
    """As Woodpecker's plugin index reads it (docs/plugins/woodpecker-plugins/src/types.ts)."""
    _, front, _ = docs_md(PLUGIN, Settings).split("---\n", 2)
    assert yaml.safe_load(front) == {
        "name": "image-maker",
        "icon": "https://example.lan/icon.svg",
        "author": "The authors",
        "description": "Makes images: all of them.",
        "tags": ["docker", "build & push"],
        "containerImage": "registry.lan/image-maker",
        "containerImageUrl": "https://registry.lan/image-maker",
        "url": "https://example.lan/acme/image-maker",
    }


def test_docs_have_a_table_per_group_and_per_nested_map() -> None:
    """GitHub's and Gitea's Markdown; a bar in a cell is escaped."""
    text = docs_md(PLUGIN, Settings, intro="How it *works*.")
    assert text.startswith("---\nname: image-maker\n")
    assert text.endswith(
        """\
### Keys of `images[]`

| Setting | Type | Default | Description |
|---|---|---|---|
| `name` | text | **required** | Name of the image. |
| `build_args` | map |  | Build arguments; a \\| b is no table border. |
| `mounts` | list of maps |  | Mounts. |

### Keys of `images[].mounts[]`

| Setting | Type | Default | Description |
|---|---|---|---|
| `path` | text | **required** | Where it is seen. |
"""
    )
    for part in (
        "\n# image-maker\n\nHow it *works*.\n\n```yaml\nsteps:\n",
        "\n## Settings\n\n### What to build\n\n| Setting |",
        "\n| `latest` | bool \\| force | `true` | Whether the tag `latest` moves. |\n\n### Where to push\n",
    ):
        assert part in text


def test_docs_show_the_example_where_the_introduction_wants_it() -> None:
    """Once, and as --help shows it."""
    text = docs_md(PLUGIN, Settings, intro="How.\n\n## The step\n\n<!-- example -->\n\nWhy.\n")
    assert "\n## The step\n\n```yaml\nsteps:\n" in text
    assert "\n```\n\nWhy.\n\n## Settings\n" in text
    assert text.count("```yaml") == 1
    assert "<!--" not in text


def test_docs_are_the_same_each_time() -> None:
    """A test compares them with the file in the repository."""
    assert docs_md(PLUGIN, Settings) == docs_md(PLUGIN, Settings)


GOOD = [
    "images: [{name: api}]",
    "images: [{name: api, build_args: {DEBUG: true, LEVEL: 3, NAME: {from_secret: name}}, mounts: [{path: /x}]}]",
    "images: [{name: api, build-args: [A=1]}]\nlatest: force\ninsecure: yes",
    "images: {from_secret: images}",
    "images_file: images.json\npassword_file: /run/secret",
    "images: [{name: 1.2}]\npassword: {from_secret: token}\ntag: a,b\nlatest: false\ntimeout: 30s\njobs: 2",
    "images: [{name: a}]\ntags: [1, latest, {from_secret: tag}]\ntimeout: 90",
    "images: [{name: a}]\ncache: [{type: registry, ref: a}, 'type=local,src=b']",
]
BAD = [
    ("{}", "images"),
    ("images: [{name: api, contxt: .}]", "contxt"),
    ("images: [{context: .}]", "name"),
    ("images: [{name: a}]\ninsecre: true", "insecre"),
    ("images: [{name: a}]\ninsecure: maybe", "maybe"),
    ("images: [{name: a}]\njobs: 0", "0"),
    ("images: [{name: a}]\npassword: {from_secrt: token}", "from_secrt"),
    ("images: [{name: {a: b}}]", "name"),
]


@pytest.fixture(scope="module")
def schema_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the schema to a file."""
    path = tmp_path_factory.mktemp("schema") / "settings.json"
    path.write_text(json.dumps(schema(Settings, title="image-maker")), encoding="utf-8")
    return path


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run check-jsonschema, which knows the dialect."""
    program = Path(sys.executable).with_name("check-jsonschema")
    return subprocess.run([str(program), *arguments], check=False, capture_output=True, text=True)


def test_the_schema_is_a_schema(schema_file: Path) -> None:
    """Of the dialect that it names."""
    assert json.loads(schema_file.read_text(encoding="utf-8"))["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    done = check("--check-metaschema", str(schema_file))
    assert done.returncode == 0, done.stdout


def test_the_schema_accepts_what_a_person_writes(schema_file: Path, tmp_path: Path) -> None:
    """Lists and maps, secrets anywhere, other spellings of keys."""
    for number, text in enumerate(GOOD):
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
    done = check("--schemafile", str(schema_file), *map(str, sorted(tmp_path.iterdir())))
    assert done.returncode == 0, done.stdout


def test_the_schema_refuses_mistakes(schema_file: Path, tmp_path: Path) -> None:
    """And names the place."""
    for number, (text, _) in enumerate(BAD):
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
    done = check("--schemafile", str(schema_file), "--output-format=json", *map(str, sorted(tmp_path.iterdir())))
    errors: list[dict[str, Any]] = json.loads(done.stdout)["errors"]
    for number, (text, word) in enumerate(BAD):
        found = json.dumps([error for error in errors if error["filename"].endswith(f"/{number}.yaml")])
        assert word in found, text


def test_words_for_true_and_false_may_be_written_as_booleans() -> None:
    """In YAML `prune: true` is no text."""

    class Pruning(PluginSettings):
        prune: Literal["false", "true", "force"] = "false"
        lfs: Literal["auto", "always"] | None = None

    found = schema(Pruning, title="x")["properties"]
    assert found["prune"]["anyOf"][0] == {"enum": ["false", "true", "force", False, True]}
    assert found["lfs"]["anyOf"][0] == {"enum": ["auto", "always"], "type": "string"}


def test_secrets_are_marked_in_the_schema() -> None:
    """So that an editor does not suggest or show them."""
    alternatives = schema(Settings, title="x")["properties"]["password"]["anyOf"]
    assert [each.get("writeOnly") for each in alternatives] == [True, None]

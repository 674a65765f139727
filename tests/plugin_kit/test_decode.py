"""What Woodpecker's encoder made of YAML is decoded into what the user meant; where that can't be known, a table says what is taken."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import AliasChoices, Field, SecretStr

from plugin_kit.errors import SettingsError
from plugin_kit.settings import PluginSettings, SettingsModel

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "settings-env-vectors.json").read_text(encoding="utf-8")
)

TOKEN = 's3cr3t,with "quotes"\nand a second line'
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"


class Booleans(PluginSettings):
    """Every way to say yes and no."""

    a: bool
    b: bool
    c: bool
    d: bool
    e: bool
    f: bool


class Numbers(PluginSettings):
    """YAML has resolved the numbers before the plugin sees them."""

    integer: int = Field(validation_alias=AliasChoices("int"))
    octal: int
    hex: int
    underscore: int
    decimal: float = Field(validation_alias=AliasChoices("float"))
    exponent: int
    version: str
    quoted: str


class DatesAndNulls(PluginSettings):
    """A date is JSON inside the variable; null and "" are both not set."""

    day: date
    stamp: datetime
    nothing: str | None = None
    tilde: str | None = None
    empty: str | None = None


class Keys(PluginSettings):
    """Keys keep neither case nor dashes nor dots."""

    build_args: str
    cache_from: str
    dry_run: bool = Field(validation_alias=AliasChoices("dryrun"))
    upper: str
    with_space: str = Field(validation_alias=AliasChoices("with space"))


class Tags(PluginSettings):
    """A list of scalars, of one type or several."""

    tags: list[str] = Field(validation_alias=AliasChoices("ports"))


class Empties(PluginSettings):
    """What an empty list and an empty map leave."""

    tags: list[str] = Field(default_factory=list)
    args: dict[str, str]


class Arguments(PluginSettings):
    """A map of texts."""

    build_args: dict[str, str]


class Image(SettingsModel):
    """One image."""

    name: str
    context: str = "."
    dockerfile: str | None = None
    build_args: dict[str, str] = Field(default_factory=dict)
    platforms: list[str] = Field(default_factory=list)
    secrets: dict[str, SecretStr] = Field(default_factory=dict)


class Images(PluginSettings):
    """A list of maps."""

    images: list[Image]


class Lines(PluginSettings):
    """Texts of several lines."""

    buildkit_config: str
    folded: str


class Secrets(PluginSettings):
    """Secrets of the top level."""

    password: SecretStr
    ssh_key: SecretStr


class Logins(PluginSettings):
    """A list with secrets in it."""

    logins: list[SecretStr]


class Characters(PluginSettings):
    """Texts that Go escapes in JSON and nowhere else."""

    message: str
    map: dict[str, str]
    dollar: str


class Commas(PluginSettings):
    """Lists that look alike."""

    one: list[str]
    commas: list[str]
    json_like: str


class Matrix(PluginSettings):
    """A list of lists."""

    matrix: list[list[str]]


class Big(PluginSettings):
    """Numbers at the ends of 64 bits."""

    neg: int
    big: int
    bigger: int


class Registry(SettingsModel):
    """A nested map."""

    registry: str
    insecure: bool
    project: str | None = None


class Anchors(PluginSettings):
    """Anchors and merge keys are resolved by Woodpecker."""

    base: Registry
    extra: Registry


class OptionalPassword(PluginSettings):
    """A secret that may be missing."""

    password: SecretStr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a settings class makes of a vector."""

    model: type[PluginSettings]
    expected: dict[str, Any]
    differs: str = ""  # why the value is not what stands in the YAML


CASES = {
    "booleans, real and lenient": Case(model=Booleans, expected={"a": True, "b": False, "c": True, "d": True, "e": False, "f": True}),
    "numbers": Case(
        model=Numbers,
        expected={
            "integer": 14,
            "octal": 493,
            "hex": 31,
            "underscore": 1000,
            "decimal": 1.2,
            "exponent": 1_000_000,
            "version": "3.1",
            "quoted": "3.10",
        },
        differs="unquoted 3.10 is the number 3.1 to YAML",
    ),
    "dates and nulls": Case(
        model=DatesAndNulls,
        expected={
            "day": date(2026, 8, 22),
            "stamp": datetime.fromisoformat("2026-08-22T10:00:00Z"),
            "nothing": None,
            "tilde": None,
            "empty": None,
        },
        differs='"" is not set',
    ),
    "keys": Case(model=Keys, expected={"build_args": "x", "cache_from": "y", "dry_run": True, "upper": "z", "with_space": "s"}),
    "list of strings": Case(model=Tags, expected={"tags": ["latest", "1.2.3", "a", "b"]}, differs="the comma of an element is lost"),
    "list of mixed scalars": Case(model=Tags, expected={"tags": ["80", "true", "1.5", "x"]}, differs="null is dropped"),
    "empty list and empty map": Case(model=Empties, expected={"tags": [], "args": {}}),
    "map": Case(
        model=Arguments,
        expected={"build_args": {"DEBUG": "true", "LEVEL": "3", "NESTED": '{"a":[1,2]}', "RATIO": "0.5", "VERSION": "1.2"}},
        differs="NONE: null is dropped, NESTED is JSON",
    ),
    "list of maps": Case(
        model=Images,
        expected={
            "images": [
                Image(
                    name="query-api",
                    context="services/query-api",
                    build_args={"PORT": "8080", "NAME": 'a,b "c"'},
                    platforms=["linux/amd64", "linux/arm64"],
                ),
                Image(name="dashboard", context="frontend", dockerfile="frontend/Dockerfile"),
            ]
        },
    ),
    "multi-line string": Case(
        model=Lines,
        expected={"buildkit_config": '[registry."registry.local:5000"]\n  http = true\n', "folded": "one two\n"},
    ),
    "secret at the top": Case(model=Secrets, expected={"password": SecretStr(TOKEN), "ssh_key": SecretStr(KEY)}),
    "secret in a list": Case(model=Logins, expected={"logins": [SecretStr("plain"), SecretStr(TOKEN)]}),
    "secret deep in maps": Case(
        model=Images,
        expected={"images": [Image(name="app", secrets={"key": SecretStr(KEY), "npm": SecretStr(TOKEN)})]},
    ),
    "unicode and special characters": Case(
        model=Characters,
        expected={
            "message": "grüße, ünïcode → ✓",
            "map": {"schlüssel": "wert <&> \u2028", "tab": "a\tb"},
            "dollar": "$HOME ${NOT} $$x",
        },
    ),
    "list with one element and with commas": Case(
        model=Commas,
        expected={"one": ["a"], "commas": ["a", "b", "c"], "json_like": "[1, 2]"},
        differs="the comma of an element is lost",
    ),
    "list in a list": Case(model=Matrix, expected={"matrix": [["a", "b"], ["c"]]}),
    "negative and big numbers": Case(model=Big, expected={"neg": -7, "big": 2**63 - 1, "bigger": 2**64 - 1}),
    "missing secret": Case(model=OptionalPassword, expected={"password": None}, differs="Woodpecker refuses the pipeline before this"),
    "secret name that is not a string": Case(
        model=OptionalPassword, expected={"password": None}, differs="Woodpecker refuses the pipeline before this"
    ),
    "anchors and merge": Case(
        model=Anchors,
        expected={
            "base": Registry(registry="registry.local", insecure=True),
            "extra": Registry(registry="registry.local", insecure=True, project="shop"),
        },
    ),
}


def test_every_case_of_the_vectors_is_handled() -> None:
    """A case that is added to the vectors must be added here."""
    assert {vector["name"] for vector in VECTORS} == set(CASES)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_decodes_what_woodpecker_encodes(vector: dict[str, Any]) -> None:
    """Each recorded environment gives the values of the YAML beside it."""
    case = CASES[vector["name"]]
    loaded = case.model.load(vector["env"])
    assert {name: getattr(loaded.settings, name) for name in case.expected} == case.expected, case.differs
    assert set(case.expected) == set(case.model.model_fields)
    assert loaded.warnings == []


class Ambiguous(PluginSettings):
    """One setting of each type, to ask what a text is taken for."""

    flag: bool | None = None
    text: str | None = None
    number: int | None = None
    texts: list[str] | None = None
    secrets: list[SecretStr] | None = None
    pairs: dict[str, str] | None = None
    latest: bool | Literal["force"] | None = None
    text_or_list: str | list[str] | None = None


# The setting, what Woodpecker hands over, what several YAMLs it may come from, and what it is taken for.
AMBIGUITIES: list[tuple[str, str, str, object]] = [
    ("texts", "a,b", "[a, b] or ['a,b'] or a,b", ["a", "b"]),
    ("texts", "a\\,b", "['a\\,b'] or a\\,b: the escape that keeps a comma", ["a,b"]),
    ("texts", '["a,b","c"]', "a list with a secret in it, or a text: the commas are kept", ["a,b", "c"]),
    ("texts", "a,,b", "[a, null, b] or [a, '', b]", ["a", "b"]),
    ("texts", "", "[] or '' or no setting at all", None),
    ("texts", "[1, 2]", "the text '[1, 2]' (a list of numbers would be 1,2)", ["1", "2"]),
    ("texts", "[ab]*.txt,c", "a list of globs that begins like JSON", ["[ab]*.txt", "c"]),
    ("texts", "{a}/x,b", "a list of texts that begins like JSON", ["{a}/x", "b"]),
    ("texts", "true", "true or 'true' or [true]", ["true"]),
    ("texts", " a , b ", "' a , b ' or [' a ', ' b ']", ["a", "b"]),
    ("texts", "a\nb", "a block text: lines are no list", ["a\nb"]),
    (
        "secrets",
        TOKEN,
        "one secret with a comma in it, where a list is wanted",
        [*map(SecretStr, ("s3cr3t", 'with "quotes"\nand a second line'))],
    ),
    ("text", "[1, 2]", "the text '[1, 2]' or, impossible here, JSON", "[1, 2]"),
    ("text", "a,b", "[a, b] or 'a,b'", "a,b"),
    ("text", "3.1", "3.10 or 3.1 or '3.1'", "3.1"),
    ("text", "493", "0755 or 493 or '493'", "493"),
    ("text", "1e+06", "1e6 or 1000000.0 or '1e+06'", "1e+06"),
    ("text", "true", "true or 'true'", "true"),
    ("text", "yes", "yes or 'yes'", "yes"),
    ("text", '"2026-08-22T00:00:00Z"', "2026-08-22 or 2026-08-22T00:00:00Z: quote dates", "2026-08-22T00:00:00Z"),
    ("text", "2026-08-22", "'2026-08-22'", "2026-08-22"),
    ("text", '"quoted"', "'\"quoted\"': only timestamps lose their quotes", '"quoted"'),
    ("text", '{"a":1}', "{a: 1} or the text '{\"a\":1}'", '{"a":1}'),
    ("text", "", "'' or null or no setting at all", None),
    ("flag", "yes", "yes or 'yes', which YAML 1.2 both calls texts", True),
    ("flag", "1", "1 or '1'", True),
    ("flag", " Off ", "' Off '", False),
    ("number", "493", "0755 or 493", 493),
    ("number", "1e+06", "1e6", 1_000_000),
    ("number", "1000", "1_000 or 1000", 1000),
    ("pairs", "{}", "{}", {}),
    ("pairs", "A=1,B=x=y", "[A=1, B=x=y] or A=1,B=x=y", {"A": "1", "B": "x=y"}),
    ("pairs", "A=1\\,2,B=", "[A=1\\,2, B=]", {"A": "1,2", "B": ""}),
    ("pairs", '["A=1,2","B=b"]', "[A=1,2, B=b] with a secret in it", {"A": "1,2", "B": "b"}),
    (
        "pairs",
        '{"A":1.20,"B":1e5,"C":"","D":null,"E":[1.0,null,"é"]}',
        "a map: numbers as written",
        {"A": "1.20", "B": "1e5", "C": "", "E": '[1.0,null,"é"]'},
    ),
    ("latest", "force", "force", "force"),
    ("latest", "no", "no or 'no'", False),
    ("text_or_list", "a", "a or [a]", ["a"]),
    ("text_or_list", "[broken", "the text '[broken'", ["[broken"]),
]


@pytest.mark.parametrize(("setting", "given", "yaml", "expected"), AMBIGUITIES, ids=[f"{row[0]}={row[1]!r}" for row in AMBIGUITIES])
def test_what_can_not_be_told_apart_is_decided_by_the_type(setting: str, given: str, yaml: str, expected: object) -> None:
    """Several YAMLs give the same variable; the type of the setting says what is taken."""
    assert getattr(Ambiguous.load({f"PLUGIN_{setting.upper()}": given}).settings, setting) == expected, yaml


class Durations(PluginSettings):
    """A duration."""

    timeout: timedelta


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("90", 90),
        ("1.5", 1.5),
        ("2d", 172800),
        ("1h 30m", 5400),
        ("1e+06", 1e6),
        ("0", 0),
    ],
)
def test_durations_are_go_durations_or_seconds(given: str, seconds: float) -> None:
    """A number alone is seconds."""
    assert Durations.load({"PLUGIN_TIMEOUT": given}).settings.timeout == timedelta(seconds=seconds)


@pytest.mark.parametrize("given", ["ten minutes", "10 minutes", "-5s", "-5", "1h30", "nan", "inf", "s", "99999999999999999999d"])
def test_other_durations_are_refused_with_an_example(given: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(SettingsError) as caught:
        Durations.load({"PLUGIN_TIMEOUT": given})
    assert caught.value.problems == (f'timeout: "{given}" is not a duration (30s, 10m, 1h30m, or a number of seconds)',)


def test_nested_values_may_be_written_as_at_the_top() -> None:
    """Inside a map too, a list may be a comma-separated text, a key may have dashes, and null or "" is not set."""
    image = {"Name": "api", "build-args": "A=1,B=2", "platforms": "linux/amd64, linux/arm64", "context": None, "dockerfile": ""}
    images = Images.load({"PLUGIN_IMAGES": json.dumps([image])}).settings.images
    assert images == [Image(name="api", build_args={"A": "1", "B": "2"}, platforms=["linux/amd64", "linux/arm64"])]

"""What is wrong with settings is said in the words of the person who wrote the YAML, all at once and without values that may be secret."""

import json
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import ClassVar, Literal, Self

import pytest
from pydantic import AliasChoices, Field, HttpUrl, SecretStr, field_validator, model_validator

from plugin_kit.errors import SettingsError
from plugin_kit.settings import PluginSettings, SettingsModel


class Mode(Enum):
    """A choice."""

    MIN = "min"
    MAX = "max"


class Image(SettingsModel):
    """One image."""

    name: str
    context: str = "."
    build_args: dict[str, str] = Field(default={})
    push: bool = True
    secrets: dict[str, SecretStr] = Field(default={})
    platforms: list[str] = Field(default=[])

    @model_validator(mode="after")
    def _context_is_inside(self) -> Self:
        if ".." in self.context:
            raise ValueError("context must be inside the repository")
        return self


class Settings(PluginSettings):
    """Settings as a plugin has them."""

    registry: str
    images: list[Image] = Field(default=[], max_length=5)
    username: str | None = None
    password: SecretStr | None = None
    tokens: dict[str, SecretStr] = Field(default={})
    logins: list[SecretStr] = Field(default=[])
    insecure: bool = False
    jobs: int = Field(default=4, ge=1, le=64)
    ratio: float = 0.5
    timeout: timedelta = timedelta(minutes=10)
    mode: Mode = Mode.MIN
    latest: bool | Literal["force"] = True
    tags: list[str] = Field(default=[], validation_alias=AliasChoices("tags", "tag"))
    build_args: dict[str, str] = Field(default={})
    bake: str = ""
    bake_file: str = ""
    page: HttpUrl | None = None
    slug: str = Field(default="a", pattern="^[a-z]+$", max_length=8)
    project: str = ""

    meaningless: ClassVar[Mapping[str, str]] = {"mtu": "there is no daemon here"}

    @field_validator("project")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value == "releases":
            raise ValueError('the name "releases" is reserved')
        return value

    @model_validator(mode="after")
    def _login_is_complete(self) -> Self:
        if self.password and not self.username:
            raise ValueError("password: needs a username")
        return self


def problems(**settings: str) -> tuple[str, ...]:
    """Load settings that are wrong and give what is said about them."""
    with pytest.raises(SettingsError) as caught:
        Settings.load({"PLUGIN_REGISTRY": "registry.lan", **{f"PLUGIN_{name.upper()}": value for name, value in settings.items()}})
    return caught.value.problems


PROBLEMS = [
    ({"insecure": "maybe"}, 'insecure: "maybe" is neither true nor false'),
    ({"jobs": "many"}, 'jobs: "many" is not a whole number'),
    ({"jobs": "1.5"}, 'jobs: "1.5" is not a whole number'),
    ({"jobs": "0"}, "jobs: must be at least 1"),
    ({"jobs": "65"}, "jobs: must be at most 64"),
    ({"ratio": "half"}, 'ratio: "half" is not a number'),
    ({"timeout": "soon"}, 'timeout: "soon" is not a duration (30s, 10m, 1h30m, or a number of seconds)'),
    ({"mode": "mix"}, 'mode: "mix" is none of min, max, did you mean "min"?'),
    ({"latest": "maybe"}, 'latest: "maybe" is none of true, false, force'),
    ({"images": '[{"name": s3cret}]'}, "images: not valid JSON: Expecting value at position 11"),
    ({"images": '[{"name": "a"'}, "images: not valid JSON: Expecting ',' delimiter at position 14"),
    ({"images": '[{"name": NaN}]'}, "images: not valid JSON: NaN is no JSON number"),
    ({"images": "[" * 100_000}, "images: not valid JSON: nested too deeply"),
    ({"images": "api,web"}, "images: must be a list of maps"),
    ({"images": '{"name":"a"}'}, "images: must be a list of maps"),
    ({"images": '["api"]'}, "images[0]: must be a map"),
    ({"images": '[{"name":"a"},{}]'}, "images[1]: name: required, but not set"),
    ({"images": '[{"name":""}]'}, "images[0]: name: required, but not set"),
    ({"images": '[{"name":"query-api","contxt":"x"}]'}, 'images[0] (query-api): unknown key "contxt", did you mean "context"?'),
    ({"images": '[{"name":"a","zzz":"x"}]'}, 'images[0] (a): unknown key "zzz"'),
    ({"images": '[{"name":"a","push":"maybe"}]'}, 'images[0] (a): push: "maybe" is neither true nor false'),
    ({"images": '[{"name":"a","push":[true]}]'}, "images[0] (a): push: must be true or false, not a list"),
    ({"images": '[{"name":["a"]}]'}, "images[0]: name: must be text, not a list"),
    ({"images": '[{"name":"a","build-args":{"A":1},"build_args":{"B":1}}]'}, 'images[0] (a): "build_args" is given twice'),
    ({"images": '[{"name":"a","platforms":{"A":1}}]'}, "images[0] (a): platforms: must be a list"),
    ({"images": '[{"name":"a","secrets":{"npm":["x"]}}]'}, "images[0] (a): secrets.npm: must be a secret, not a list"),
    ({"images": '[{"name":"a","context":"../b"}]'}, "images[0] (a): context must be inside the repository"),
    ({"images": json.dumps([{"name": "a"}] * 6)}, "images: may hold at most 5 (has 6)"),
    (
        {"build_args": "A"},
        'build_args: must be a map; read as a list of KEY=value, element 1 has no "KEY=" (write a comma in a value as "\\,")',
    ),
    (
        {"build_args": "[1]"},
        'build_args: must be a map; read as a list of KEY=value, element 1 has no "KEY=" (write a comma in a value as "\\,")',
    ),
    ({"tags": '{"a":"b"}'}, "tags: must be a list"),
    ({"tag": "a", "tags": "b"}, "tags: also given as tag; write one of them"),
    ({"page": "no page"}, "page: is not a URL (relative URL without a base)"),
    ({"slug": "A"}, "slug: does not match ^[a-z]+$"),
    ({"slug": "abcdefghi"}, "slug: must be at most 8 characters long"),
    ({"project": "releases"}, 'project: the name "releases" is reserved'),
    ({"password": "hunter22"}, "password: needs a username"),
    ({"password": "hunter22", "password_file": "/x"}, "password: also given as password_file; write one of them"),
    ({"password_file": "/nowhere/secret"}, "password_file: can't read /nowhere/secret: No such file or directory"),
]


@pytest.mark.parametrize(("settings", "problem"), PROBLEMS, ids=[row[1] for row in PROBLEMS])
def test_a_problem_is_said_in_the_words_of_the_yaml(settings: dict[str, str], problem: str) -> None:
    """One sentence, with the key as it is written and the place in the list."""
    assert problems(**settings) == (problem,)


def test_a_required_setting_that_is_missing_is_named() -> None:
    """Not set and set to "" are the same."""
    for environ in ({}, {"PLUGIN_REGISTRY": ""}):
        with pytest.raises(SettingsError) as caught:
            Settings.load(environ)
        assert caught.value.problems == ("registry: required, but not set",)


def test_all_problems_come_in_one_error() -> None:
    """What can't be decoded and what pydantic finds are one list, and nothing is said twice."""
    with pytest.raises(SettingsError) as caught:
        Settings.load(
            {
                "PLUGIN_INSECURE": "maybe",
                "PLUGIN_JOBS": "0",
                "PLUGIN_PROJECT": "releases",
                "PLUGIN_PASSWORD": "hunter22",
                "PLUGIN_IMAGES": '[{"name":"a","push":"x"},{"contxt":"y"},{"name":"c","context":".."}]',
            }
        )
    assert caught.value.problems == (
        'images[0] (a): push: "x" is neither true nor false',
        'images[1]: unknown key "contxt", did you mean "context"?',
        'insecure: "maybe" is neither true nor false',
        "registry: required, but not set",
        "images[1]: name: required, but not set",
        "images[2] (c): context must be inside the repository",
        "jobs: must be at least 1",
        'project: the name "releases" is reserved',
    )
    assert caught.value.exit_code == 2


def test_the_name_is_the_one_that_was_written() -> None:
    """An alias is called by its name, as is the file."""
    assert problems(tag='{"a":1}') == ("tag: must be a list",)


SECRET = "Tr0ub4dor&3"


@pytest.mark.parametrize(
    "environ",
    [
        {"PLUGIN_PASSWORD": SECRET},
        {"PLUGIN_IMAGES": f'[{{"name":"a","secrets":{{"npm":"{SECRET}"}},"{SECRET[:3]}":1'},
        {"PLUGIN_IMAGES": f'[{{"name":"a","secrets":"{SECRET}"}}]'},
        {"PLUGIN_IMAGES": f'[{{"name":"a","secrets":{{"npm":["{SECRET}"]}}}}]'},
        {"PLUGIN_IMAGES": f'[{{"name":"{SECRET}","zzz":1}}]'},
        {"PLUGIN_IMAGES": f'["{SECRET}"]'},
        {"PLUGIN_IMAGES": SECRET},
        {"PLUGIN_TOKENS": SECRET},
        {"PLUGIN_TOKENS": f'{{"a":"{SECRET}"'},
        {"PLUGIN_LOGINS": f'[["{SECRET}"]]'},
        {"PLUGIN_BUILD_ARGS": f"A={SECRET},{SECRET}"},
        {"PLUGIN_SLUG": SECRET},
        {"PLUGIN_PAGE": SECRET},
        {"PLUGIN_PASSWORD": SECRET, "PLUGIN_PASSWORD_FILE": SECRET},
        {"PLUGIN_PASSWORD_FILE": SECRET},
    ],
    ids=lambda environ: ",".join(f"{name}={value}" for name, value in environ.items()),
)
def test_no_value_that_may_be_secret_is_in_the_error_or_its_causes(environ: dict[str, str]) -> None:
    """Only values of settings that can't hold a secret are shown."""
    with pytest.raises(SettingsError) as caught:
        Settings.load({"PLUGIN_REGISTRY": "x", **environ})
    chain: list[BaseException] = [caught.value]
    while (error := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(error)
    assert not [text for error in chain for text in (str(error), repr(error), repr(vars(error))) if SECRET in text]


def test_unknown_settings_are_warnings_with_a_suggestion() -> None:
    """A setting that some other plugin knows must not fail the run, nor go unnoticed."""
    environ = {"PLUGIN_REGISTRY": "x", "PLUGIN_INSECRE": "true", "PLUGIN_LOG_LEVEL": "debug", "PLUGIN_ENVIRONMENT": "{}", "PLUGIN_MTU": "9"}
    assert Settings.load(environ).warnings == [
        'unknown setting "environment"',
        'unknown setting "insecre", did you mean "insecure"?',
        'unknown setting "log_level"',
        '"mtu" is ignored: there is no daemon here',
    ]


def test_a_misspelt_setting_is_the_hint_where_a_required_one_is_missing() -> None:
    """The two belong together."""
    with pytest.raises(SettingsError) as caught:
        Settings.load({"PLUGIN_REGISTY": "x"})
    assert caught.value.hint == 'unknown setting "registy", did you mean "registry"?'


def test_a_setting_may_come_from_a_file(tmp_path: Path) -> None:
    """The newline at the end of the file is not part of the value; a JSON file may be longer than an environment variable."""
    (tmp_path / "password").write_text("hunter22\n")
    (tmp_path / "images").write_text(json.dumps([{"name": "a"}]))
    environ = {
        "PLUGIN_REGISTRY": "x",
        "PLUGIN_USERNAME": "ada",
        "PLUGIN_PASSWORD_FILE": str(tmp_path / "password"),
        "PLUGIN_IMAGES_FILE": str(tmp_path / "images"),
    }
    loaded = Settings.load(environ)
    assert loaded.settings.password == SecretStr("hunter22")
    assert loaded.settings.images == [Image(name="a")]
    assert loaded.warnings == []


def test_a_setting_that_ends_in_file_is_no_file_of_another() -> None:
    """`bake_file` is a setting, although there is a setting `bake`."""
    settings = Settings.load({"PLUGIN_REGISTRY": "x", "PLUGIN_BAKE_FILE": "docker-bake.hcl"}).settings
    assert (settings.bake, settings.bake_file) == ("", "docker-bake.hcl")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Keys and passwords are text."""
    (tmp_path / "key").write_bytes(b"\xff\xfe\x00")
    assert problems(password_file=str(tmp_path / "key")) == (f"password_file: can't read {tmp_path / 'key'}: it is not UTF-8 text",)


def test_secret_values_are_found_at_any_depth() -> None:
    """The console redacts them all."""
    settings = Settings(
        registry="x",
        username="ada",
        password=SecretStr("s-one"),
        tokens={"a": SecretStr("s-two")},
        logins=[SecretStr("s-three"), SecretStr("")],
        images=[Image(name="a", secrets={"npm": SecretStr("s-four")})],
    )
    assert settings.secret_values() == {"s-one", "s-two", "s-three", "s-four"}
    assert not [secret for secret in settings.secret_values() if secret in repr(settings)]


def test_settings_made_in_python_do_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `load` reads, and what it is given."""
    monkeypatch.setenv("PLUGIN_REGISTRY", "elsewhere")
    monkeypatch.setenv("REGISTRY", "elsewhere")
    assert Settings(registry="here").registry == "here"
    with pytest.raises(SettingsError):
        Settings.load({})


def test_variables_of_others_are_not_looked_at() -> None:
    """Only PLUGIN_* are settings."""
    assert Settings.load({"PLUGIN_REGISTRY": "x", "REGISTRY": "y", "CI": "woodpecker", "PATH": "/bin"}).warnings == []


def test_two_hundred_images_are_read() -> None:
    """The list is as long as a variable of Linux may be."""
    images = [
        {"name": f"service-{number:03}", "context": f"services/{number}", "build_args": {"PORT": 8000 + number}} for number in range(200)
    ]
    assert len(Many.load({"PLUGIN_IMAGES": json.dumps(images)}).settings.images) == 200


class Many(PluginSettings):
    """As many images as you like."""

    images: list[Image]


class Flat(PluginSettings):
    """Lists of maps as plugin-docker-buildx writes them."""

    cache_from: list[dict[str, str]] = Field(default=[])
    secrets: list[dict[str, str]] | dict[str, SecretStr] = Field(default={})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("type=registry,ref=a", [{"type": "registry", "ref": "a"}]),
        ("type=registry,ref=a,type=local,src=b", [{"type": "registry", "ref": "a"}, {"type": "local", "src": "b"}]),
        (r"type=registry\,ref=a,type=gha", [{"type": "registry", "ref": "a"}, {"type": "gha"}]),
        (r"type=registry\,ref=a,type=gha\,scope=b", [{"type": "registry", "ref": "a"}, {"type": "gha", "scope": "b"}]),
        ("host/a:cache,host/b:cache", [{"": "host/a:cache"}, {"": "host/b:cache"}]),
        ("type=gha,host/b:cache,mode=max", [{"type": "gha"}, {"": "host/b:cache"}, {"mode": "max"}]),
        ('[{"type":"registry","ref":"a"},"type=local,src=b"]', [{"type": "registry", "ref": "a"}, {"type": "local", "src": "b"}]),
        ('["type=gha",",",""]', [{"type": "gha"}, {}]),
        ('{"type":"gha"}', None),
        ("", []),
    ],
)
def test_a_list_of_flat_maps_may_be_written_as_key_value_lists(given: str, expected: list[dict[str, str]] | None) -> None:
    """A key that comes again begins the next map, since Woodpecker keeps no border between the elements of a list."""
    if expected is None:
        with pytest.raises(SettingsError, match=r"^cache_from: must be a list of maps$"):
            Flat.load({"PLUGIN_CACHE_FROM": given})
    else:
        assert Flat.load({"PLUGIN_CACHE_FROM": given}).settings.cache_from == expected


def test_a_setting_may_be_a_list_or_a_map() -> None:
    """JSON says which; a text is read as the list."""
    assert Flat.load({"PLUGIN_SECRETS": '{"npm":"abc"}'}).settings.secrets == {"npm": SecretStr("abc")}
    assert Flat.load({"PLUGIN_SECRETS": "id=a,src=f,id=b,env=N"}).settings.secrets == [{"id": "a", "src": "f"}, {"id": "b", "env": "N"}]


def test_a_validator_may_report_several_problems() -> None:
    """A SettingsError from a validator is taken as it is."""

    class Strict(PluginSettings):
        """Refuses everything."""

        a: str = ""

        @model_validator(mode="after")
        def _refuse(self) -> Self:
            raise SettingsError(["a: one", "a: two"])

    with pytest.raises(SettingsError) as caught:
        Strict.load({})
    assert caught.value.problems == ("a: one", "a: two")

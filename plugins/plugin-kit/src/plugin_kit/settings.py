"""Settings of a plugin, read from the PLUGIN_* variables that Woodpecker makes of the step's `settings:`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from plugin_kit.decode import Decoder, Location
from plugin_kit.errors import SettingsError
from plugin_kit.scalars import UNSET, did_you_mean
from plugin_kit.shape import Kind, Setting, Shape, normalise, settings_of

PREFIX = "PLUGIN_"
FILE_SUFFIX = "_file"

# What pydantic's checks mean, in words for the writer of YAML; the braces are filled from the error's context.
FINDINGS: Mapping[str, str] = {
    "missing": "required, but not set",
    "extra_forbidden": "unknown key",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "too_short": "needs at least {min_length} (has {actual_length})",
    "too_long": "may hold at most {max_length} (has {actual_length})",
    "string_too_short": "must be at least {min_length} characters long",
    "string_too_long": "must be at most {max_length} characters long",
    "string_pattern_mismatch": "does not match {pattern}",
    "value_error": "{error}",
    "assertion_error": "{error}",
    "url_parsing": "is not a URL ({error})",
    "url_scheme": "must be a URL that begins with {expected_schemes}",
}

S = TypeVar("S", bound="PluginSettings")


def group(name: str, *, default: str = "") -> JsonDict:
    """Say for a field's `json_schema_extra` in which section of the documentation it stands, and in words what a computed default is."""
    return {"group": name, **({"default_words": default} if default else {})}


class SettingsModel(BaseModel):
    """A nested map of a setting; its keys are matched as the settings themselves are."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        loc_by_alias=False,
        use_attribute_docstrings=True,
        validate_by_alias=True,
        validate_by_name=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[S]):
    """Settings, and what is odd about them without being wrong."""

    settings: S
    warnings: list[str] = field(default_factory=list)


class PluginSettings(BaseSettings):
    """Base of every plugin's settings: a field per setting, its docstring the documentation.

    Field types: str, bool, int, float, timedelta, Path, SecretStr, Literal, enums, SettingsModel, lists and maps of them, unions.
    `json_schema_extra=group(...)` puts a field into a section of the documentation.
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        loc_by_alias=False,
        use_attribute_docstrings=True,
        validate_by_alias=True,
        validate_by_name=True,
    )

    meaningless: ClassVar[Mapping[str, str]] = {}
    """Keys that are accepted and ignored, because other plugins have them, each with the sentence of its warning."""

    refuse_unknown: ClassVar[bool] = False
    """Whether an unknown setting stops the plugin: where a misspelt one does what can't be undone. Else it is a warning."""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Loaded[Self]:
        """Read and check the settings; raises one SettingsError with every problem, none of which shows a secret."""
        source = WoodpeckerSource(cls, environ)
        problems: list[str] = []
        settings: Self | None = None
        try:
            settings = cls(_build_sources=((source,), {}))
        except ValidationError as error:
            problems = [
                source.explain(finding) for finding in error.errors(include_url=False, include_input=False) if source.is_news(finding)
            ]
        except SettingsError as error:
            # From a validator of the plugin; what it says of settings that could not even be read is noise.
            problems = [] if source.problems else list(error.problems)
        problems = [*source.problems, *problems]
        if settings is None or problems:
            # A required setting that is missing may be one that was misspelt.
            raise SettingsError(problems, hint="; ".join(source.warnings) or None)
        return Loaded(settings=settings, warnings=source.warnings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let `Settings(registry=...)` mean what it says, whatever the environment holds."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    def secret_values(self) -> frozenset[str]:
        """Every secret value in the settings, nested ones too; not called `secrets`, which is a good name for a setting."""
        return frozenset(secret for secret in _secrets(self) if secret)


class WoodpeckerSource(PydanticBaseSettingsSource):
    """Decodes the PLUGIN_* variables of an environment for one settings class."""

    def __init__(self, settings_cls: type[PluginSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._environ = environ
        self._meaningless = settings_cls.meaningless
        self._refuse_unknown = settings_cls.refuse_unknown
        self._unknown: list[str] = []
        self._decoder = Decoder()
        self.warnings: list[str] = []

    @property
    def problems(self) -> list[str]:
        """What could not be decoded, in the order of the fields."""
        return [*(f"{self._decoder.place(at)}: {problem}" for at, problem in self._decoder.problems), *self._unknown]

    def __call__(self) -> dict[str, Any]:
        """Give the decoded values by field name."""
        given = {normalise(name.removeprefix(PREFIX)): value for name, value in self._environ.items() if name.startswith(PREFIX)}
        settings = settings_of(self.settings_cls)
        values = {}
        for setting in settings.values():
            value = self._given(setting, given)
            if value is not UNSET:
                values[setting.name] = value
        known = [key for setting in settings.values() for key in setting.keys]
        for key in sorted(given):
            reason = self._meaningless.get(key)
            if reason:
                self.warnings.append(f'"{key}" is ignored: {reason}')
            else:
                told = self._unknown if self._refuse_unknown else self.warnings
                told.append(f'unknown setting "{key}"{did_you_mean(key, known)}')
        return values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Refuse: values are decoded together, because two names may stand for one setting."""
        raise NotImplementedError(field_name, field)

    def is_news(self, finding: ErrorDetails) -> bool:
        """Tell whether a finding of pydantic's is more than the echo of a value that could not be decoded."""
        at = self._location(finding["loc"])
        return not any(failed[: len(at)] == at or at[: len(failed)] == failed for failed in self._decoder.failed)

    def explain(self, finding: ErrorDetails) -> str:
        """Say in the user's words what pydantic found."""
        kind = finding["type"]
        if kind in FINDINGS:
            text = FINDINGS[kind].format_map(finding.get("ctx", {}))
        elif kind in get_args(ErrorType):
            text = "can't be used as it is written"
        else:
            text = finding["msg"]  # a PydanticCustomError of the plugin
        place = self._decoder.place(self._location(finding["loc"]))
        return f"{place}: {text}" if place else text

    def _given(self, setting: Setting, given: dict[str, str]) -> object:
        """Take a setting's own variables out of `given`; what is left over in the end is unknown."""
        at: Location = (setting.name,)
        names = [name for key in setting.keys for name in (key, key + FILE_SUFFIX) if name in given and not self._is_other(name, setting)]
        texts = {name: given.pop(name) for name in names}
        used = [name for name in names if texts[name] != ""]
        if not used:
            return UNSET
        name = used[0]
        self._decoder.labels[at] = name
        if len(used) > 1:
            self._fail(at, f"also given as {', '.join(used[1:])}; write one of them")
            return UNSET
        text: str | None = texts[name]
        if name not in setting.keys:
            text = self._read(Path(texts[name]), setting, at)
        return UNSET if text is None else self._decoder.decode(setting.shape, text, at)

    def _is_other(self, name: str, setting: Setting) -> bool:
        """Tell whether `bake_file` is a setting of its own and not the file of a setting `bake`."""
        return any(name in other.keys for other in settings_of(self.settings_cls).values() if other.name != setting.name)

    def _fail(self, at: Location, problem: str) -> None:
        self._decoder.problems.append((at, problem))
        self._decoder.failed.append(at)

    def _read(self, path: Path, setting: Setting, at: Location) -> str | None:
        # Somebody may have put the password itself where its file belongs.
        shown = "the file" if setting.shape.kind is Kind.SECRET and not path.is_absolute() else path
        try:
            return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except OSError as error:
            self._fail(at, f"can't read {shown}: {error.strerror}")
        except ValueError:
            self._fail(at, f"can't read {shown}: it is not UTF-8 text")
        return None

    def _location(self, loc: Location) -> Location:
        """Leave out what pydantic puts between the keys: the arms of unions and `[key]`."""
        kept: list[str | int] = []
        shapes: tuple[Shape, ...] = (Shape(kind=Kind.MODEL, model=self.settings_cls),)
        for part in loc:
            inside = tuple(inner for shape in shapes for inner in shape.inside(part))
            if inside:
                kept.append(part)
                shapes = inside
        return tuple(kept)


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _secrets(item)

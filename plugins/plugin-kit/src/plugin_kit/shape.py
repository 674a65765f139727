"""What a setting may hold: its Python annotation as the YAML user sees it.

Decoding, help, docs.md and the JSON Schema all read the same shapes, so that they can't say different things.
"""

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


class Kind(StrEnum):
    """The kinds of values; what is none of them is left to pydantic."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105  the name of a kind
    FLAG = "bool"
    INTEGER = "whole number"
    DECIMAL = "number"
    DURATION = "duration"
    CHOICE = "choice"
    LIST = "list"
    MAP = "map"
    MODEL = "map of fixed keys"
    EITHER = "either"
    OTHER = "value"


STRUCTURED = frozenset({Kind.LIST, Kind.MAP, Kind.MODEL, Kind.OTHER})
TEXTUAL = frozenset({Kind.TEXT, Kind.SECRET, Kind.OTHER})
# What may be shown in an error: these can't hold a password unless it stands in the wrong setting.
SHOWABLE = frozenset({Kind.FLAG, Kind.INTEGER, Kind.DECIMAL, Kind.DURATION, Kind.CHOICE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One annotation; `item` is what a list or map holds, `arms` the alternatives of a union."""

    kind: Kind
    item: "Shape | None" = None
    model: type[BaseModel] | None = None
    choices: tuple[object, ...] = ()
    arms: tuple["Shape", ...] = ()

    @property
    def words(self) -> str:
        """The shape in a few words, as documentation and errors name it."""
        if self.kind is Kind.CHOICE:
            return " | ".join(word(choice) for choice in self.choices)
        if self.kind is Kind.EITHER:
            return " | ".join(arm.words for arm in self.arms)
        if self.item is not None and self.item.kind is not Kind.TEXT:
            return f"{self.kind} of {self.item._plural}"  # noqa: SLF001  of its own class
        return "map" if self.kind is Kind.MODEL else str(self.kind)

    @property
    def _plural(self) -> str:
        one_word = self.kind not in {Kind.CHOICE, Kind.EITHER, Kind.FLAG} and " of " not in self.words
        return f"{self.words}s" if one_word else self.words

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        """The models with keys of their own that a value of this shape may hold, outermost first."""
        if self.model is not None:
            return (self.model,)
        inner = self.arms if self.item is None else (self.item,)
        return tuple(model for shape in inner for model in shape.models)

    @property
    def all_models(self) -> tuple[type[BaseModel], ...]:
        """The models at any depth, each once."""
        found: dict[type[BaseModel], None] = {}
        waiting = list(self.models)
        while waiting:
            model = waiting.pop(0)
            if model not in found:
                found[model] = None
                waiting += [inner for setting in settings_of(model).values() for inner in setting.shape.models]
        return tuple(found)

    def inside(self, part: str | int) -> tuple["Shape", ...]:
        """Give the possible shapes of the element at an index or key; nothing where there can be none."""
        if self.kind is Kind.EITHER:
            return tuple(found for arm in self.arms for found in arm.inside(part))
        if self.model is not None:
            setting = settings_of(self.model).get(str(part))
            return () if setting is None else (setting.shape,)
        fits = self.item is not None and isinstance(part, int) == (self.kind is Kind.LIST) and part != "[key]"
        return (self.item,) if fits and self.item is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key that the YAML user may write, at the top or in a nested map."""

    name: str
    keys: tuple[str, ...]
    shape: Shape
    info: FieldInfo

    @property
    def group(self) -> str:
        """The section of the documentation; from `json_schema_extra={"group": ...}`."""
        return str(self.extra.get("group", ""))

    @property
    def extra(self) -> Mapping[str, object]:
        """The free facts of the field, empty where it has none."""
        return self.info.json_schema_extra if isinstance(self.info.json_schema_extra, dict) else {}

    @property
    def required(self) -> bool:
        """True where a run is refused without this setting."""
        return self.info.is_required()

    @property
    def description(self) -> str:
        """The attribute docstring on one line."""
        return " ".join((self.info.description or "").split())

    @property
    def default(self) -> str:
        """The default as it would be written in YAML; empty where there is none to show."""
        if "default_words" in self.extra:
            return str(self.extra["default_words"])
        value = self.info.get_default(call_default_factory=True, validated_data={})
        if value is None or value is PydanticUndefined or value in ("", (), [], {}):
            return ""
        return ", ".join(word(item) for item in value) if isinstance(value, list | tuple) else word(value)


def normalise(key: str) -> str:
    """Give the name under which Woodpecker makes keys equal: case, `-` and `.` don't matter."""
    return re.sub(r"[-.]", "_", key).lower()


@cache
def settings_of(model: type[BaseModel]) -> Mapping[str, Setting]:
    """List the keys of a model by field name, in the order of its fields."""
    found = {}
    for name, info in model.model_fields.items():
        alias = info.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        names = [name, *(choice for choice in choices if isinstance(choice, str))]
        keys = tuple(dict.fromkeys(normalise(each) for each in names))
        found[name] = Setting(name=name, keys=keys, shape=shape_of(info.annotation), info=info)
    return found


SCALARS: Mapping[object, Kind] = {
    str: Kind.TEXT,
    Path: Kind.TEXT,
    SecretStr: Kind.SECRET,
    bool: Kind.FLAG,
    int: Kind.INTEGER,
    float: Kind.DECIMAL,
    timedelta: Kind.DURATION,
}


def shape_of(annotation: object) -> Shape:
    """Read an annotation; `X | None` has the shape of X, since a setting that isn't there is not decoded at all."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None:
        return _plain_shape(annotation)
    if origin in {Union, types.UnionType}:
        arms = tuple(shape_of(argument) for argument in arguments if argument is not type(None))
        return arms[0] if len(arms) == 1 else Shape(kind=Kind.EITHER, arms=arms)
    if origin in {list, tuple, set, frozenset, Sequence}:
        return Shape(kind=Kind.LIST, item=shape_of(arguments[0]))
    if origin in {dict, Mapping}:
        return Shape(kind=Kind.MAP, item=shape_of(arguments[1]))
    if origin is Literal:
        return Shape(kind=Kind.CHOICE, choices=arguments)
    return shape_of(arguments[0]) if origin is Annotated else Shape(kind=Kind.OTHER)


def _plain_shape(annotation: object) -> Shape:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Shape(kind=Kind.CHOICE, choices=tuple(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Shape(kind=Kind.MODEL, model=annotation)
    return Shape(kind=SCALARS.get(annotation, Kind.OTHER))


def word(value: object) -> str:
    """Write one plain value as YAML would have it."""
    match value:
        case Enum():
            return word(value.value)
        case bool():
            return "true" if value else "false"
        case timedelta():
            return _duration(value)
        case _:
            return str(value)


def _duration(value: timedelta) -> str:
    seconds = value.total_seconds()
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"

"""What every map of `platform.yaml` has in common."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator
from pydantic.config import JsonDict

# YAML has numbers and booleans of its own; a text that looks like one is a mistake, not a spelling.
Flag: TypeAlias = Annotated[bool, Strict()]
Whole: TypeAlias = Annotated[int, Strict()]
Count: TypeAlias = Annotated[int, Strict(), Field(ge=1)]


class Section(BaseModel):
    """A map of fixed keys. What its keys mean stands in the docstring below each field."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)

    leaf: ClassVar[bool] = False
    """Whether `bootstrap init` shows a map of this kind on one line, because only one of its keys is ever written."""

    elsewhere: ClassVar[Mapping[str, str]] = {}
    """What another file calls some of these keys: it is suggested to whoever has written the other name."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Let a key that only gets another default keep its meaning."""
        for name, field in cls.model_fields.items():
            for base in cls.__mro__[1:]:
                if field.description is None and issubclass(base, Section) and name in base.model_fields:
                    field.description = base.model_fields[name].description

    @model_validator(mode="before")
    @classmethod
    def _prepare(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        # `key:` with nothing behind it, as in a file whose values are all commented out, is a key that isn't there.
        return cls.complete({key: value for key, value in data.items() if value is not None or cls._keeps_none(key)})

    @classmethod
    def _keeps_none(cls, key: str) -> bool:
        """Tell whether null is a value of its own for this key, or the key is unknown and must be told."""
        field = cls.model_fields.get(key)
        return field is None or type(None) in get_args(field.annotation)

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Fill in the keys whose default is made of other keys; `data` is as it was written and may still be wrong."""
        return data


def computed(words: str) -> JsonDict:
    """Say for a field's `json_schema_extra` what its default is made of; `complete` of its section or of one around it fills it in."""
    return {"default_words": words}


def within(data: dict[str, Any], key: str) -> dict[str, Any] | None:
    """Return a copy of the map below a key, empty where nothing is written; None where something else than a map is written."""
    value = data.get(key)
    if value is None:
        return {}
    return dict(value) if isinstance(value, Mapping) else None

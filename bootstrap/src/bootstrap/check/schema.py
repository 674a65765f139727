"""JSON Schema, and the schemas of CRDs: where data does not fit, in words for whoever wrote it.

No message shows a value: it may be a secret.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft7Validator, ValidationError

from bootstrap.check.source import mapping
from bootstrap.platform.document import Place

_NOUNS = {
    "object": "a map",
    "array": "a list",
    "string": "a text (in quotes, where it looks like a number)",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_KEPT = ("type", "enum", "required", "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum")
_PRESERVED = "x-kubernetes-preserve-unknown-fields"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A place of the data, and what is wrong there."""

    place: Place
    text: str


class Schema:
    """A schema that data is held against."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = Draft7Validator(dict(schema))

    @classmethod
    def of_crd(cls, schema: Mapping[str, Any]) -> "Schema":
        """Take the `openAPIV3Schema` of a CRD. Fields that it does not name are wrong: the API server would silently drop them."""
        closed = _closed(schema)
        closed["properties"] = {
            **closed.get("properties", {}),
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {},
        }
        return cls(closed)

    def misfits(self, data: object) -> Iterator[Misfit]:
        """Yield everything that does not fit."""
        for error in self._validator.iter_errors(data):
            yield from _told(error)


def did_you_mean(wrong: str, known: Sequence[str]) -> str:
    """Write the end of a sentence about an unknown key."""
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def noun(kind: str) -> str:
    """Name a type of JSON Schema for a person."""
    return _NOUNS.get(kind, kind)


def _told(error: ValidationError) -> Iterator[Misfit]:
    place = tuple(error.absolute_path)
    rule: Any = error.validator_value
    schema: Any = error.schema
    if error.validator in {"anyOf", "oneOf"} and error.context:
        yield from _of_branches(error, place)
    elif error.validator in {"allOf", "if"} and error.context:
        for inner in error.context:
            yield from _told(inner)
    elif error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        properties = schema.get("properties", {})
        for key in error.instance.keys() - properties.keys():
            yield Misfit(place=(*place, key), text=f"`{key}` is no key here{did_you_mean(str(key), list(properties))}")
    elif error.validator == "required":
        missing = [key for key in rule if key not in mapping(error.instance)]
        # One error for each key that is missing, and each of them names the whole list.
        yield from (Misfit(place=place, text=f"`{key}` is missing") for key in missing)
    else:
        yield Misfit(place=place, text=_sentence(error))


def _sentence(error: ValidationError) -> str:
    value: Any = error.validator_value
    match error.validator:
        case "type":
            return f"must be {' or '.join(noun(each) for each in ([value] if isinstance(value, str) else value))}"
        case "enum":
            return f"must be one of {', '.join(str(each) or '(nothing)' for each in value)}"
        case "const":
            return f"must be {value}"
        case "minItems" | "minLength" | "minProperties":
            return f"needs at least {value} of what it holds" if value > 1 else "must not be empty"
        case "pattern":
            return f"must match {value}"
        case _:
            return f"breaks the rule {error.validator}: {value}"


def _of_branches(error: ValidationError, place: Place) -> Iterator[Misfit]:
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = {key: errors for key, errors in branches.items() if not any(_is_other_type(each, place) for each in errors)}
    if not fitting:
        kinds = [kind for errors in branches.values() for each in errors if _is_other_type(each, place) for kind in _types(each)]
        yield Misfit(place=place, text=f"must be {' or '.join(noun(kind) for kind in dict.fromkeys(kinds))}")
        return
    # What somebody meant is the form with the least that is wrong, and of these the one in which it lies deepest.
    best = min(fitting.values(), key=lambda errors: (len(errors), -max(len(each.absolute_path) for each in errors)))
    for inner in best:
        yield from _told(inner)


def _is_other_type(error: ValidationError, place: Place) -> bool:
    return error.validator == "type" and tuple(error.absolute_path) == place


def _types(error: ValidationError) -> list[str]:
    value: Any = error.validator_value
    return [value] if isinstance(value, str) else list(value)


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Make a JSON Schema of a CRD's, in which unknown fields are wrong and null is what nobody wrote."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string", "null"]}
    closed: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if isinstance(closed.get("type"), str):
        closed["type"] = [closed["type"], "null"]
    if "enum" in closed:
        closed["enum"] = [*closed["enum"], None]
    if "properties" in schema:
        closed["properties"] = {key: _closed(inner) for key, inner in schema["properties"].items()}
        if not schema.get(_PRESERVED) and schema.get("additionalProperties") is None:
            closed["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), Mapping):
        closed["additionalProperties"] = _closed(schema["additionalProperties"])
    if isinstance(schema.get("items"), Mapping):
        closed["items"] = _closed(schema["items"])
    return closed

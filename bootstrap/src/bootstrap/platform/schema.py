"""The JSON Schema (draft 2020-12) of `platform.yaml`, so that an editor explains its keys and sees mistakes while they are made."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from bootstrap.platform.platform import Platform
from plugin_kit.shape import Kind, Shape, settings_of, word

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "platform.yaml"
_NULL = {"type": "null"}


def schema() -> dict[str, Any]:
    """Make the schema. It does not know what only the whole file shows, such as two stages of one name."""
    found = Platform.model_json_schema(schema_generator=_Schema)
    definitions = found.pop("$defs")
    for model in Shape(kind=Kind.MODEL, model=Platform).all_models:
        _finish(found if model is Platform else definitions[model.__name__], model)
    definitions = {name: _for_people(definition) for name, definition in sorted(definitions.items())}
    for name in ("SecretRef", "RecordedSecretRef"):
        plain = {"type": "string", "deprecated": True, "description": "The secret itself; refused without --allow-plain-secrets."}
        definitions[name] = {"anyOf": [definitions[name], plain]}
    return {"$schema": DIALECT, **_for_people(found), "title": TITLE, "$defs": definitions}


def schema_text() -> str:
    """Write the schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


class _Schema(GenerateJsonSchema):
    schema_dialect = DIALECT


def _finish(node: dict[str, Any], model: type[BaseModel]) -> None:
    """Leave out of `required` what is filled in, allow a key with nothing behind it, and write defaults as YAML has them."""
    settings = settings_of(model)
    required = [name for name, setting in settings.items() if setting.required and not _is_filled_in(setting.extra, setting.shape)]
    node.pop("required", None)
    if required:
        node["required"] = required
    for name, setting in settings.items():
        about = node["properties"][name]
        about.pop("default", None)
        about["description"] = setting.description
        if "default_words" in setting.extra:
            about["description"] += f" Default: {setting.extra['default_words']}."
        elif not setting.required and setting.shape.model is None and setting.default:
            value = setting.info.get_default(call_default_factory=True, validated_data={})
            about["default"] = (
                value if isinstance(value, str | int | bool) else word(value) if setting.shape.kind is Kind.DURATION else _plain(value)
            )
        if name not in required:
            node["properties"][name] = _or_null(about)


def _is_filled_in(extra: object, shape: Shape) -> bool:
    # A map whose keys may all be missing may be missing itself.
    if isinstance(extra, dict) and "default_words" in extra:
        return True
    model = shape.model
    return model is not None and all(
        not setting.required or _is_filled_in(setting.extra, setting.shape) for setting in settings_of(model).values()
    )


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _or_null(node: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {key: node.pop(key) for key in ("description", "default") if key in node}
    arms = node.pop("anyOf", None) or [node]
    return {**about, "anyOf": [*(arm for arm in arms if arm != _NULL), _NULL]}


def _for_people(node: Any) -> Any:  # noqa: ANN401  any JSON
    """Take away pydantic's titles, which repeat the names, and what only other code reads; join the lines of descriptions."""
    if isinstance(node, list):
        return [_for_people(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if key in {"title", "default_words", "writeOnly"} and not isinstance(value, dict):
            continue
        kept[key] = " ".join(value.split()) if key == "description" and isinstance(value, str) else _for_people(value)
    return kept

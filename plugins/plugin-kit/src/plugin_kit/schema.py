"""The JSON Schema (draft 2020-12) of a plugin's settings as they stand in YAML, so that an editor can check `settings:`."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from plugin_kit.settings import PluginSettings
from plugin_kit.shape import Kind, Setting, Shape, settings_of, word

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FROM_SECRET = {
    "type": "object",
    "description": "Woodpecker puts the secret of this name here",
    "properties": {"from_secret": {"type": "string"}},
    "required": ["from_secret"],
    "additionalProperties": False,
}
LENIENT_BOOL = {"enum": ["yes", "no", "on", "off", "true", "false"]}


class _SettingsSchema(GenerateJsonSchema):
    """Accepts what the decoder accepts, as far as a person would write it."""

    schema_dialect = DIALECT

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        # Woodpecker's YAML knows true and false only; yes and no are texts to it.
        return {"anyOf": [super().bool_schema(schema), LENIENT_BOOL]}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        # To a person `prune: true` and `prune: "true"` are the same, and to Woodpecker, too.
        booleans = [word == "true" for word in schema["expected"] if word in {"true", "false"}]
        return {"enum": [*schema["expected"], *booleans]} if booleans else super().literal_schema(schema)

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        return {**super().str_schema(schema), "type": ["string", "number", "boolean"]}

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        del schema
        return {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "examples": ["30s", "10m", "1h30m"]}]}

    def list_schema(self, schema: core_schema.ListSchema) -> JsonSchemaValue:
        found = super().list_schema(schema)
        # A list of maps can't be joined with commas.
        return found if "$ref" in found.get("items", {}) else {"anyOf": [found, {"type": "string"}]}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        found = super().dict_schema(schema)
        if "$ref" in found.get("additionalProperties", {}):
            return found
        pairs = {"type": "array", "items": {"type": "string", "pattern": "^[^=]+="}}
        return {"anyOf": [found, pairs, {"type": "string", "pattern": "^[^=]+="}]}

    def encode_default(self, dft: object) -> Any:  # noqa: ANN401  as the base class has it
        return word(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def schema(model: type[PluginSettings], *, title: str) -> dict[str, Any]:
    """Make the schema of what may stand under `settings:`."""
    found = _for_yaml(model.model_json_schema(by_alias=False, schema_generator=_SettingsSchema))
    definitions = found.pop("$defs", {})
    for nested in Shape(kind=Kind.MODEL, model=model).all_models:
        if nested is not model:
            _open_names(definitions[nested.__name__], settings_of(nested).values(), at=f"#/$defs/{nested.__name__}", suffixes=[""])
    _open_names(found, settings_of(model).values(), at="#", suffixes=["", "_file"])
    found["properties"] |= {key: {"deprecated": True, "description": f"Ignored: {reason}"} for key, reason in model.meaningless.items()}
    return {"$schema": DIALECT, **found, "title": title, "$defs": {**definitions, "from_secret": FROM_SECRET}}


def _for_yaml(node: Any) -> Any:  # noqa: ANN401  any JSON
    """Take away pydantic's titles, which repeat the names, and its nulls; let a secret stand for any value."""
    if isinstance(node, list):
        return [_for_yaml(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if key in {"title", "group", "default_words"}:
            continue
        if key in {"properties", "$defs"}:
            kept[key] = {name: _or_secret(_for_yaml(each)) if key == "properties" else _for_yaml(each) for name, each in value.items()}
        elif key in {"items", "additionalProperties"} and isinstance(value, dict):
            kept[key] = _or_secret(_for_yaml(value))
        else:
            kept[key] = value if key == "default" else _for_yaml(value)
    return kept


def _or_secret(node: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {key: node.pop(key) for key in ("description", "default") if key in node}
    if about.get("default", "") is None:
        del about["default"]
    return {**about, "anyOf": [*(each for each in _alternatives(node) if each != {"type": "null"}), {"$ref": "#/$defs/from_secret"}]}


def _alternatives(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [inner for each in node["anyOf"] for inner in _alternatives(each)] if set(node) == {"anyOf"} else [node]


def _open_names(node: dict[str, Any], settings: Iterable[Setting], *, at: str, suffixes: list[str]) -> None:
    """Let names be written as Woodpecker and the decoder take them: with `-` or `.` for `_`, by their other names, and as `_file`."""
    node["additionalProperties"] = False
    node.pop("required", None)
    patterns, required = {}, []
    for setting in settings:
        any_key = "|".join(key.replace("_", "[-_.]") for key in setting.keys)
        if any_key != setting.name:
            patterns[f"^({any_key})$"] = {"$ref": f"{at}/properties/{setting.name}"}
        if "_file" in suffixes:
            patterns[f"^({any_key})[-_.]file$"] = {"type": "string"}
        if setting.required:
            names = {key.replace("_", dash) + suffix for key in setting.keys for dash in "_-" for suffix in suffixes}
            required.append({"anyOf": [{"required": [name]} for name in sorted(names)]})
    if patterns:
        node["patternProperties"] = patterns
    if required:
        node["allOf"] = required

"""The commented `platform.yaml` that `bootstrap init` writes: every key, its meaning and its default, made from the model.

Prose begins with `# `. A key that has a default is commented out as `#key: default`; without its `#` it changes nothing.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping

import yaml
from pydantic import BaseModel

from bootstrap.platform.platform import Platform
from bootstrap.platform.section import Section
from plugin_kit.shape import Kind, Setting, settings_of, word

_WIDTH = 110
_INDENT = "  "
_HEAD = """\
The platform: what is installed once, and the projects that use it.

Fill in what has nothing behind its colon. What is commented out shows its default: to change it, take the `#`
away, and that of the keys around it. Sizes are 5Gi or 10G, durations 30s or 10m, paths are relative to this file.

A secret never stands here. Where one is asked for, write where it comes from:
    {env: NAME}                                          an environment variable of this command
    {file: path}                                         a file
    {secret: {namespace: ..., name: ..., key: ...}}      an existing Secret of the cluster
    {generate: true}                                     made once and kept in the cluster; not everywhere possible
"""


def example(*, schema: str | None = None) -> str:
    """Write the file; `schema` is the address of the JSON Schema that editors are told."""
    lines = [f"# yaml-language-server: $schema={schema}"] if schema else []
    lines += [f"# {line}".rstrip() for line in _HEAD.splitlines()]
    lines += _Writer().keys(Platform, "", is_live=True)
    return "\n".join(lines) + "\n"


class _Writer:
    """Writes each explanation once: charts share most of theirs."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def keys(self, model: type[BaseModel], indent: str, *, is_live: bool) -> list[str]:
        """Write the keys of a map; `is_live` where the map itself is not commented out."""
        lines: list[str] = []
        was_long = not indent
        for setting in settings_of(model).values():
            block = list(self._setting(setting, indent, is_live=is_live))
            # Short keys stay together.
            is_long = not indent or len(block) > 2  # noqa: PLR2004  a line of explanation and one of YAML
            lines += ["", *block] if was_long or (is_long and lines) else block
            was_long = is_long
        return lines

    def _setting(self, setting: Setting, indent: str, *, is_live: bool) -> Iterator[str]:
        yield from self._about(setting, indent)
        shape, models = setting.shape, setting.shape.models
        model = models[0] if models else None
        if model is None or (issubclass(model, Section) and model.leaf):
            is_asked = is_live and setting.required and "default_words" not in setting.extra
            yield f"{indent}{_hash(is_live=is_asked)}{setting.name}:{_default(setting)}"
            return
        is_live = is_live and (setting.required or setting.default == "" or shape.kind is Kind.MODEL) and not _is_optional(setting)
        yield f"{indent}{_hash(is_live=is_live)}{setting.name}:"
        inner = self.keys(model, indent + _INDENT * (1 if shape.kind is Kind.MODEL else 2), is_live=is_live)
        if shape.kind is Kind.LIST:
            yield from _as_element(inner, indent + _INDENT)
        elif shape.kind is Kind.MAP:
            yield f"{indent}{_INDENT}{_hash(is_live=is_live)}name:"
            yield from inner
        else:
            yield from inner

    def _about(self, setting: Setting, indent: str) -> Iterator[str]:
        text = setting.description
        if setting.shape.choices and setting.required:
            text += f" One of: {', '.join(word(choice) for choice in setting.shape.choices)}."
        if "default_words" in setting.extra:
            text += f" Default: {setting.extra['default_words']}."
        if not text or text in self._told:
            return
        self._told.add(text)
        yield from (f"{indent}# {line}" for line in _wrapped(text, _WIDTH - len(indent)))


def _is_optional(setting: Setting) -> bool:
    """Tell whether the map as a whole is left out by default."""
    value = setting.info.default
    return not setting.required and (value is None or (setting.shape.kind is Kind.MAP and not value))


def _as_element(lines: list[str], indent: str) -> list[str]:
    """Put the dash of a list's element before its first key; what explains that key stays above."""
    first = next(number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("# "))
    return [
        f"{indent}{line.lstrip()}" if number < first and line else line if number != first else f"{indent}- {line.lstrip()}"
        for number, line in enumerate(lines)
    ]


def _default(setting: Setting) -> str:
    if setting.required:
        return ""
    value = setting.info.get_default(call_default_factory=True, validated_data={})
    text = _yaml(value, setting)
    return f" {text}" if text else ""


def _yaml(value: object, setting: Setting) -> str:
    """Write a default on one line."""
    match value:
        case None:
            return ""
        case BaseModel():
            given = {key: each for key, each in value.model_dump(exclude_defaults=True).items() if each is not None}
            return _yaml(given, setting)
        case Mapping():
            return f"{{{', '.join(f'{key}: {_yaml(each, setting)}' for key, each in value.items())}}}"
        case tuple() | list():
            return f"[{', '.join(_yaml(each, setting) for each in value)}]"
        case str():
            return _scalar(value)
        case _:
            return word(value)


def _scalar(text: str) -> str:
    """Quote a text that YAML would take for something else, also inside brackets."""
    try:
        is_plain = yaml.safe_load(f"[{text}]") == [text]
    except yaml.YAMLError:
        is_plain = False
    return text if is_plain else json.dumps(text)


def _hash(*, is_live: bool) -> str:
    return "" if is_live else "#"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)

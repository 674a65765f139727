"""What a plugin says of itself: `--help`, and docs.md in the form of Woodpecker's plugin index."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from plugin_kit.options import COMMON, Option, known
from plugin_kit.shape import Kind, Setting, Shape, settings_of

if TYPE_CHECKING:
    from plugin_kit.cli import Plugin

WIDTH = 100
EXAMPLE = "<!-- example -->"
INDENT = "  "
# The widest that name, type and default may get before they are wrapped; the description has the rest.
WIDEST = (24, 16, 16)


def help_text(plugin: "Plugin", model: type[BaseModel], *, version: str) -> str:
    """Make the text of `--help`: options, every setting by group, and an example; at most 100 columns."""
    options = known(plugin.actions)
    option_width = max(len(option.shown) for option in options)
    lines = [
        *_wrapped(f"{plugin.name} {version}: {plugin.summary}"),
        "",
        *_wrapped(f"Usage: {plugin.name} [{' | '.join(_usages(plugin))}]"),
        "",
        "Options:",
        *(f"{INDENT}{option.shown.ljust(option_width)}{INDENT}{option.meaning}{_default(option)}" for option in options),
        "",
        *_wrapped(
            "Settings stand under `settings:` in the pipeline. Without Woodpecker, give each as a variable: `dry_run` as PLUGIN_DRY_RUN,"
            " lists joined with commas or as JSON, maps as JSON. <NAME>_FILE reads a value from a file. (*) is required."
        ),
    ]
    lines += _columns(settings_of(model).values(), "Settings")
    for path, nested in _nested(model):
        lines += _columns(settings_of(nested).values(), f"Keys of `{path}`")
    if plugin.example:
        lines += ["", "Example:", "", *(f"{INDENT}{line}".rstrip() for line in plugin.example.strip().splitlines())]
    return "\n".join(lines)


def _usages(plugin: "Plugin") -> list[str]:
    actions = [" ".join([action.option.shown, *(f"[{option.shown}]" for option in action.options)]) for action in plugin.actions]
    return [option.shown for option in COMMON] + actions


def _default(option: Option) -> str:
    return f" (default {option.default})" if option.default else ""


def docs_md(plugin: "Plugin", model: type[BaseModel], *, intro: str = "") -> str:
    """Make docs.md: front matter of the plugin index, the plugin's own introduction (Markdown), an example, every setting.

    The example stands where the introduction has a line with EXAMPLE, else after it.
    """
    facts: Mapping[str, str | Sequence[str]] = {
        "name": plugin.name,
        "icon": plugin.icon,
        "author": plugin.author,
        "description": plugin.summary,
        "tags": plugin.tags,
        "containerImage": plugin.container_image,
        "containerImageUrl": plugin.container_image_url,
        "url": plugin.url,
    }
    front = [f"{name}: {_yaml(value)}" for name, value in facts.items() if value]
    example = f"```yaml\n{plugin.example.strip()}\n```" if plugin.example else ""
    before, _, after = (intro.strip() or plugin.summary).partition(EXAMPLE)
    parts = ["\n".join(["---", *front, "---"]), f"# {plugin.name}", before.strip(), example, after.strip()]
    parts += ["## Settings", *_tables(settings_of(model).values(), "###")]
    for path, nested in _nested(model):
        parts += [f"### Keys of `{path}`", *_tables(settings_of(nested).values(), "####")]
    return "\n\n".join(part for part in parts if part) + "\n"


def _nested(model: type[BaseModel]) -> list[tuple[str, type[BaseModel]]]:
    """List the nested models, each once, by the first setting that leads to it: `images[].secrets`."""
    found: dict[type[BaseModel], str] = {}
    waiting = [("", setting) for setting in settings_of(model).values()]
    while waiting:
        prefix, setting = waiting.pop(0)
        path = f"{prefix}{setting.name}{'[]' if _holds_list(setting.shape) else ''}"
        for inner in setting.shape.models:
            if inner not in found:
                found[inner] = path
                waiting += [(f"{path}.", each) for each in settings_of(inner).values()]
    return [(path, inner) for inner, path in found.items()]


def _holds_list(shape: Shape) -> bool:
    return shape.kind is Kind.LIST or any(_holds_list(arm) for arm in shape.arms)


def _groups(settings: Iterable[Setting]) -> Mapping[str, list[Setting]]:
    groups: dict[str, list[Setting]] = {}
    for setting in settings:
        groups.setdefault(setting.group, []).append(setting)
    return groups


def _columns(settings: Iterable[Setting], title: str) -> list[str]:
    lines: list[str] = []
    groups = _groups(settings)
    rows = {name: [_row(setting) for setting in group] for name, group in groups.items()}
    every = [row for group in rows.values() for row in group]
    widths = [min(widest, max((len(row[column]) for row in every), default=1) or 1) for column, widest in enumerate(WIDEST)]
    widths.append(WIDTH - sum(widths) - len(INDENT) * (len(widths) + 1))
    for name, group in rows.items():
        lines += ["", f"{name or title}:"]
        for row in group:
            cells = [_wrapped(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
            for line in range(max(map(len, cells))):
                parts = [(cell[line] if line < len(cell) else "").ljust(width) for cell, width in zip(cells, widths, strict=True)]
                lines.append(f"{INDENT}{INDENT.join(parts)}".rstrip())
    return lines


def _row(setting: Setting) -> tuple[str, str, str, str]:
    return (
        f"{setting.name} (*)" if setting.required else setting.name,
        setting.shape.words,
        "" if setting.required else setting.default,
        f"{setting.description}{_also(setting)}",
    )


def _also(setting: Setting) -> str:
    others = [key for key in setting.keys if key != setting.name]
    return f" Also: {', '.join(others)}." if others else ""


def _tables(settings: Iterable[Setting], heading: str) -> list[str]:
    parts: list[str] = []
    for name, group in _groups(settings).items():
        rows = ["| Setting | Type | Default | Description |", "|---|---|---|---|"]
        for setting in group:
            _, kind, default, description = map(_cell, _row(setting))
            shown = "**required**" if setting.required else f"`{default}`" if default else ""
            rows.append(f"| `{setting.name}` | {kind} | {shown} | {description} |")
        parts += [f"{heading} {name}" if name else "", "\n".join(rows)]
    return [part for part in parts if part]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _wrapped(text: str, width: int = WIDTH) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _yaml(value: str | Sequence[str]) -> str:
    if not isinstance(value, str):
        return f"[{', '.join(_yaml(each) for each in value)}]"
    # Whatever could mean more to YAML than a text is quoted; JSON's quoting is YAML's too.
    return value if re.fullmatch(r"[A-Za-z][\w ./+()-]*(?:://[\w./%+-]+)?", value) else json.dumps(value, ensure_ascii=False)

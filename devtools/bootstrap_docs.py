"""What the pages about bootstrap take from its code: the commands with their options, and every key of platform.yaml."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer
from pydantic import BaseModel

from bootstrap.command_line import app
from bootstrap.platform.platform import Platform
from bootstrap.platform.section import Section
from devtools.errors import DevError
from plugin_kit.shape import Kind, Setting, settings_of, word

# Kinds of maps that stand in several places, by the class that says what their keys mean.
_SHARED = {
    "CaBundle": "CA certificates",
    "SecretRef": "Secret",
    "ObjectKey": "Key of an object",
    "Chart": "Chart",
    "NfsVolume": "Volume on NFS",
}
# What `-h` says of itself needs no line in each table.
_HELP = "--help"


def commands_md(page: str) -> str:
    """Renew the tables of the commands and of their options in a page."""
    return _renewed(_renewed(page, "commands", _table(("Command", "What it does"), _commands())), "options", _options())


def platform_md(page: str) -> str:
    """Renew the chapters with every key of platform.yaml in a page."""
    return _renewed(page, "keys", "\n\n".join(_Chapters().write()))


def _renewed(page: str, name: str, text: str) -> str:
    """Put a text between `<!-- name ... -->` and `<!-- end of name -->`; what stands around them was written by a person."""
    before, begin, rest = page.partition(f"<!-- {name}")
    head, closing, rest = rest.partition("-->")
    _, end, after = rest.partition(f"<!-- end of {name} -->")
    if not (begin and closing and end):
        raise DevError(f"the page has no place for {name}", hint=f"write <!-- {name} --> and <!-- end of {name} --> where it belongs")
    return f"{before}{begin}{head}{closing}\n\n{text}\n\n{end}{after}"


def _commands() -> Iterator[tuple[str, str]]:
    for name, command in _all_commands().items():
        yield f"`bootstrap {name}`", " ".join((command.help or "").split())


def _options() -> str:
    """List each option once, with the commands that take it."""
    everything = tuple(_all_commands())
    found: dict[tuple[str, str], list[str]] = {}
    for name, command in _all_commands().items():
        context = typer.Context(command)
        for parameter in command.params:
            record = parameter.get_help_record(context)
            if record is not None and _HELP not in record[0]:
                found.setdefault(record, []).append(name)
    return _table(
        ("Option", "Of", "What it does"),
        ((f"`{option}`", _of(names, everything), " ".join(meaning.split())) for (option, meaning), names in found.items()),
    )


def _of(names: Sequence[str], everything: Sequence[str]) -> str:
    others = [name for name in everything if name not in names]
    return ", ".join(names) if len(others) * 2 >= len(names) else f"all but {', '.join(others)}" if others else "all"


def _all_commands() -> dict[str, Any]:
    """Return what can be run, by name: of a group of commands those that are in it."""
    # typer's own copy of click has no public name.
    group: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = getattr(command, "commands", {})
        found |= {f"{name} {each}": one for each, one in inner.items()} if inner else {name: command}
    return found


@dataclass(slots=True)
class _Chapters:
    """Writes each kind of map once: what stands in several places, such as a chart, has a chapter of its own at the end."""

    shared: dict[str, list[tuple[str, type[BaseModel]]]] = field(default_factory=dict)

    def write(self) -> Iterator[str]:
        """Yield headings, texts and tables."""
        yield from self._chapter("## At the top", "", settings_of(Platform).values(), "")
        for title, places in self.shared.items():
            # The one that has most keys has those of all.
            model = max((model for _, model in places), key=lambda model: len(model.model_fields))
            differing = _differing(places)
            yield f"## {title}"
            yield _first_words(model)
            yield _keys(settings_of(model).values(), without_default=differing)
            if differing:
                yield _table(("Default of", *differing), (_defaults(path, each, differing) for path, each in places))

    def _chapter(self, heading: str, text: str, settings: Iterable[Setting], around: str) -> Iterator[str]:
        ours, inner = [], []
        for setting in settings:
            title = _title(setting)
            if setting.shape.models and title is None:
                inner.append(setting)
                continue
            ours.append(setting)
            if title is not None:
                self._share(title, _path(setting, around), setting)
        yield heading
        yield from (text,) if text else ()
        yield from (_keys(ours),) if ours else ()
        for setting in inner:
            path = _path(setting, around)
            keys = settings_of(setting.shape.models[0]).values()
            yield from self._chapter(f"{'###' if around else '##'} `{path}`", setting.description, keys, path)

    def _share(self, title: str, path: str, setting: Setting) -> None:
        model = setting.shape.models[0]
        self.shared.setdefault(title, []).append((path, model))
        for each in settings_of(model).values():
            if (inner := _title(each)) is not None:
                self._share(inner, f"{path}.{each.name}", each)


def _path(setting: Setting, around: str) -> str:
    marks = {Kind.LIST: "[]", Kind.MAP: ".<name>"}
    name = f"{setting.name}{marks.get(setting.shape.kind, '')}"
    return f"{around}.{name}" if around else name


def _title(setting: Setting) -> str | None:
    """Name the kind of map that stands in several places; None for one that stands in this place only, or for no map."""
    if not setting.shape.models:
        return None
    model = _root(setting.shape.models[0])
    return _SHARED.get(model.__name__)


def _root(model: type[BaseModel]) -> type[BaseModel]:
    """Return the kind of map that this one gives other defaults, or further keys."""
    classes = [each for each in model.__mro__ if issubclass(each, Section) and each is not Section]
    return classes[-1]


def _first_words(model: type[BaseModel]) -> str:
    return " ".join((_root(model).__doc__ or "").split())


def _differing(places: Iterable[tuple[str, type[BaseModel]]]) -> list[str]:
    """Name the keys whose defaults are others in each place."""
    models = [settings_of(model) for _, model in places]
    common = [name for name in models[0] if all(name in model for model in models)]
    return [name for name in common if len({model[name].default for model in models}) > 1]


def _defaults(path: str, model: type[BaseModel], names: Sequence[str]) -> list[str]:
    found = [settings_of(model)[name].default for name in names]
    return [f"`{path}`", *(f"`{default}`" if default else "" for default in found)]


def _keys(settings: Iterable[Setting], *, without_default: Sequence[str] = ()) -> str:
    rows = []
    for setting in settings:
        default = "see below" if setting.name in without_default else _default(setting)
        rows.append((f"`{setting.name}`", _type(setting), default, setting.description))
    return _table(("Key", "Type", "Default", "What it is"), rows)


def _type(setting: Setting) -> str:
    title = _title(setting)
    return setting.shape.words if title is None else f"[{title}](#{title.lower().replace(' ', '-')})"


def _default(setting: Setting) -> str:
    if "default_words" in setting.extra:
        # Outside of code, <project> would be taken for HTML.
        words = setting.default
        return f"`{words}`" if "<" in words else words
    if setting.required:
        return "**required**"
    value = setting.info.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, Mapping):
        return f"`{{{', '.join(f'{key}: {word(each)}' for key, each in value.items())}}}`" if value else ""
    return f"`{setting.default}`" if setting.default else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join((*lines, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

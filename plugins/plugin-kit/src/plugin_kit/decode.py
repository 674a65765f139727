"""Decodes what Woodpecker makes of a setting: one text per setting, plain or JSON, its YAML type forgotten.

Scalars arrive as Go prints them, lists of scalars joined with commas and without escaping, everything deeper as compact JSON
(woodpecker pipeline/frontend/yaml/compiler/settings/params.go). The annotation of the field says what the text was.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from plugin_kit.scalars import UNSET, Unusable, compact, did_you_mean, load_json, plain, quoted, scalar, split_list, split_maps, unquoted
from plugin_kit.shape import SHOWABLE, STRUCTURED, TEXTUAL, Kind, Shape, normalise, settings_of

Location = tuple[str | int, ...]


@dataclass(slots=True)
class Decoder:
    """Decodes values by shape and keeps every problem with the place where it was found."""

    problems: list[tuple[Location, str]] = field(default_factory=list)
    failed: list[Location] = field(default_factory=list)  # where a value is missing because it could not be decoded
    labels: dict[Location, str] = field(default_factory=dict)

    def decode(self, shape: Shape, value: object, at: Location) -> object:
        """Give the value for pydantic, or UNSET where there is none (`""`, null, or a problem that is now noted)."""
        if value is None or value == "":
            return UNSET
        try:
            return self._value(shape, value, at)
        except Unusable as problem:
            self.problems.append((at, str(problem)))
            self.failed.append(at)
            return UNSET

    def place(self, at: Location) -> str:
        """Name a place in the user's words: `images[3] (query-api): platforms[0]`."""
        text, labelled = "", False
        for index, part in enumerate(at):
            if isinstance(part, int):
                text += f"[{part}]"
                label = self.labels.get(at[: index + 1])
                text += f" ({label})" if label else ""
                labelled = True
            else:
                separator = ": " if labelled else "."
                text, labelled = (f"{text}{separator}{part}" if text else self.labels.get(at[:1], part)), False
        return text

    def _value(self, shape: Shape, value: object, at: Location) -> object:
        match shape.kind:
            case Kind.EITHER:
                return self._either(shape, value, at)
            case Kind.LIST:
                return self._list(shape, value, at)
            case Kind.MAP:
                return self._map(shape, value, at)
            case Kind.MODEL:
                return self._model(shape, value, at)
            case Kind.OTHER:
                return _other(value)
            case _:
                return scalar(shape, value, top=len(at) == 1)

    def _either(self, shape: Shape, value: object, at: Location) -> object:
        structured = isinstance(value, list | dict) or _looks_like_json(value)

        def rank(arm: Shape) -> int:
            if structured and arm.kind in STRUCTURED:
                return 0
            return 3 if arm.kind in TEXTUAL else 2 if arm.kind in STRUCTURED else 1

        arms = sorted(shape.arms, key=rank)
        first: Decoder | None = None
        for arm in arms:
            attempt = Decoder(labels=self.labels)
            decoded = attempt.decode(arm, value, at)
            if not attempt.problems:
                return decoded
            first = first or attempt
        if first and structured and arms[0].kind in STRUCTURED:
            self.problems += first.problems
            self.failed += [at, *first.failed]
            return UNSET
        shown = quoted(value) if all(arm.kind in SHOWABLE for arm in arms) else "the value"
        alternatives = [choice for arm in arms for choice in (("true", "false") if arm.kind is Kind.FLAG else (arm.words,))]
        raise Unusable(f"{shown} is none of {', '.join(alternatives)}")

    def _list(self, shape: Shape, value: object, at: Location) -> object:
        item = shape.item or Shape(kind=Kind.OTHER)
        elements = _elements(item, value)
        decoded: list[object] = []
        failed = False
        for element in elements:
            if element is None or element == "":
                continue
            here = (*at, len(decoded))
            before = len(self.failed)
            if isinstance(element, dict):
                self._label(here, element)
            is_one_text = isinstance(element, str) and _is_flat_map(item)
            # All commas of `type=registry,ref=x` are its own where it is one element of a JSON list.
            maps = split_maps(str(element).replace(",", "\\,")) if is_one_text else [element]
            result = self.decode(item, maps[0] if maps else {}, here)
            # Keeps the numbering of the elements behind a failed one; pydantic's own findings on it are dropped later.
            decoded.append({} if result is UNSET and item.kind is Kind.MODEL else result)
            failed = failed or (len(self.failed) > before and item.kind is not Kind.MODEL)
        return UNSET if failed else decoded

    def _label(self, at: Location, element: Mapping[str, object]) -> None:
        name = element.get("name")
        if isinstance(name, str) and re.fullmatch(r"[\w./:-]{1,80}", name):
            self.labels[at] = name

    def _map(self, shape: Shape, value: object, at: Location) -> object:
        item = shape.item or Shape(kind=Kind.OTHER)
        decoded: dict[str, object] = {}
        failed = False
        for key, element in _entries(item, value).items():
            before = len(self.failed)
            if item.kind in TEXTUAL and element == "":
                # A value here: build argument `DEBUG: ""` is not the same as no build argument.
                decoded[key] = ""
                continue
            nested = item.kind is Kind.TEXT and isinstance(element, list | dict)
            result = self.decode(item, compact(element) if nested else element, (*at, key))
            failed = failed or len(self.failed) > before
            if result is not UNSET:
                decoded[key] = result
        return UNSET if failed else decoded

    def _model(self, shape: Shape, value: object, at: Location) -> object:
        if _looks_like_json(value):
            value = load_json(str(value))
        if shape.model is None or not isinstance(value, dict):
            raise Unusable("must be a map")
        settings = settings_of(shape.model)
        by_key = {key: setting for setting in settings.values() for key in setting.keys}
        decoded: dict[str, object] = {}
        for key, element in value.items():
            setting = by_key.get(normalise(key))
            if setting is None:
                self.problems.append((at, f'unknown key "{key}"{did_you_mean(normalise(key), settings)}'))
            elif setting.name in decoded:
                self.problems.append((at, f'"{setting.name}" is given twice'))
            else:
                result = self.decode(setting.shape, element, (*at, setting.name))
                if result is not UNSET:
                    decoded[setting.name] = result
        return decoded


def _looks_like_json(value: object) -> bool:
    return isinstance(value, str) and value.lstrip().startswith(("[", "{"))


def _is_flat_map(item: Shape) -> bool:
    return item.kind is Kind.MAP and item.item is not None and item.item.kind not in STRUCTURED


def _elements(item: Shape, value: object) -> list[object]:
    comma_joined = item.kind not in STRUCTURED
    if _looks_like_json(value):
        try:
            value = load_json(str(value))
        except Unusable:
            # `[ab]*.txt,c` is a list of globs; where maps are expected it can only be broken JSON.
            if not comma_joined:
                raise
    if isinstance(value, list):
        return value
    if isinstance(value, str) and _is_flat_map(item):
        return list(split_maps(value))
    if comma_joined and isinstance(value, str):
        return list(split_list(value))
    if comma_joined and isinstance(value, bool):
        return [value]
    raise Unusable(f"must be a {Shape(kind=Kind.LIST, item=item).words}")


def _entries(item: Shape, value: object) -> Mapping[str, object]:
    if _looks_like_json(value):
        value = load_json(str(value))
    if isinstance(value, dict):
        return value
    if item.kind in STRUCTURED or not isinstance(value, str | list):
        raise Unusable("must be a map")
    entries: dict[str, object] = {}
    for number, element in enumerate(split_list(value) if isinstance(value, str) else value, start=1):
        if element is None or element == "":
            continue
        key, equals, text = element.partition("=") if isinstance(element, str) else ("", "", "")
        if not equals or not key.strip():
            raise Unusable(
                f'must be a map; read as a list of KEY=value, element {number} has no "KEY=" (write a comma in a value as "\\,")'
            )
        entries[key.strip()] = text
    return entries


def _other(value: object) -> object:
    if _looks_like_json(value):
        try:
            value = load_json(str(value))
        except Unusable:
            return value
    return plain(unquoted(value))

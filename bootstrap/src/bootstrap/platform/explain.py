"""What pydantic found, said in the words of whoever wrote the file, with its line."""

from collections.abc import Iterator
from types import NoneType
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bootstrap.platform.document import Document, Place
from bootstrap.platform.problems import Problem
from bootstrap.platform.secret_ref import SecretRef
from bootstrap.platform.section import Section
from plugin_kit.scalars import did_you_mean, quoted
from plugin_kit.settings import FINDINGS
from plugin_kit.shape import Kind, Shape, settings_of

_BOOLEANS = frozenset({"true", "false", "yes", "no", "on", "off"})


class Explainer:
    """Explains findings about one file and one model."""

    def __init__(self, document: Document, model: type[BaseModel]) -> None:
        self._document = document
        self._model = model

    def problem(self, finding: ErrorDetails) -> Problem | None:
        """Say what is wrong; None for the echo of a value that was only made of a wrong one."""
        place = self.place(finding["loc"])
        kind = finding["type"]
        if (not self._is_written(place) and kind != "missing") or place in self._document.unreadable:
            return None
        if kind == "too_short" and self._is_written((*place, 0)):
            return None  # it has elements, which are wrong themselves
        return Problem(line=self._document.line(place), key=self.key(place), text=self._sentence(finding, place))

    def place(self, loc: tuple[int | str, ...]) -> Place:
        """Leave out what pydantic puts between the keys."""
        kept: list[str | int] = []
        shapes: tuple[Shape, ...] = (Shape(kind=Kind.MODEL, model=self._model),)
        for part in loc:
            inside = tuple(inner for shape in shapes for inner in shape.inside(part))
            if not inside and not self._is_written((*kept, part)):
                continue
            kept.append(part)
            shapes = inside
        return tuple(kept)

    def key(self, place: Place) -> str:
        """Write a place as a person would: `projects[shop].stages[live].namespace`."""
        text = ""
        for length, part in enumerate(place, start=1):
            if isinstance(part, int):
                text += f"[{self._name(place[:length]) or part}]"
            else:
                text += f".{part}" if text else part
        return text

    def shape(self, place: Place) -> Shape | None:
        """Return what may stand at a place."""
        shapes: tuple[Shape, ...] = (Shape(kind=Kind.MODEL, model=self._model),)
        for part in place:
            shapes = tuple(inner for shape in shapes for inner in shape.inside(part))
        return shapes[0] if shapes else None

    def _name(self, place: Place) -> str | None:
        value: Any = self._document.data
        try:
            for part in place:
                value = value[part]
            name = value["name"]
        except (KeyError, IndexError, TypeError):
            return None
        return name if isinstance(name, str) else None

    def _is_written(self, place: Place) -> bool:
        return place in self._document.marks

    def _sentence(self, finding: ErrorDetails, place: Place) -> str:
        kind = finding["type"]
        by_kind = {
            "missing": self._missing,
            "extra_forbidden": self._unknown,
            "literal_error": self._no_choice,
            **dict.fromkeys(("string_type", "bool_type", "int_type", "int_from_float"), self._wrong_scalar),
            **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), self._no_map),
        }
        if kind in by_kind:
            return by_kind[kind](place, finding)
        if kind in {"tuple_type", "list_type"}:
            return "must be a list: each element on a line of its own, with `- ` in front"
        return FINDINGS[kind].format_map(finding.get("ctx", {})) if kind in FINDINGS else finding["msg"]

    def _missing(self, place: Place, _: ErrorDetails) -> str:
        empty = "nothing is written behind it" if self._is_written(place) else "it is missing"
        return f"required, and {empty}{_choices(self.shape(place))}"

    def _no_choice(self, place: Place, finding: ErrorDetails) -> str:
        shape = self.shape(place)
        known = [str(choice) for choice in (shape.choices if shape else ())]
        value = finding["input"]
        hint = did_you_mean(value.lower(), known) if isinstance(value, str) else ""
        return f"{_shown(value)} is none of {', '.join(known)}{hint}"

    def _no_map(self, place: Place, finding: ErrorDetails) -> str:
        shape = self.shape(place)
        keys = [setting.name for model in (shape.models if shape else ()) for setting in settings_of(model).values()]
        named = f" of the keys {', '.join(keys)}" if keys else ""
        return f"must be a map{named}, not {_kind(finding['input'])}"

    def _wrong_scalar(self, place: Place, finding: ErrorDetails) -> str:
        wanted = {"string_type": "a text", "bool_type": "true or false"}.get(finding["type"], "a whole number")
        plain = self._document.plain(place)
        value = finding["input"]
        if wanted != "a text" or plain is None or not isinstance(value, bool | int | float) or self._is_secret(place):
            return f"must be {wanted}, not {_kind(value)}"
        if plain.lower() in _BOOLEANS:
            return f'`{plain}` without quotes is a yes or no to YAML, not a text; write "{plain}"'
        if str(value) != plain:
            return f'`{plain}` without quotes is the number {value} to YAML; write "{plain}"'
        return f'`{plain}` without quotes is a number to YAML, not a text; write "{plain}"'

    def _is_secret(self, place: Place) -> bool:
        # What stands in a secret reference may be the secret itself, in the wrong key.
        shape = self.shape(place[:-1])
        return shape is not None and any(issubclass(model, SecretRef) for model in shape.models)

    def _unknown(self, place: Place, _: ErrorDetails) -> str:
        *around, key = place
        shape = self.shape(tuple(around))
        model = shape.model if shape else None
        if model is None:
            return "unknown key"
        meant = model.elsewhere.get(str(key)) if issubclass(model, Section) else None
        near = did_you_mean(meant or str(key), [setting.name for setting in settings_of(model).values()])
        if near:
            return f"unknown key{near}"
        inside = list(_paths_to(str(key), model, self.key(tuple(around))))
        anywhere = list(_paths_to(str(key), self._model, ""))
        found = inside or (anywhere if len(anywhere) == 1 else [])
        return f"unknown key; there is one of this name at `{found[0]}`" if found else "unknown key"


def _paths_to(name: str, root: type[BaseModel], at: str) -> Iterator[str]:
    """Yield where a key of this name stands in a model, the nearest first."""
    waiting = [(at, root)]
    seen: set[type[BaseModel]] = set()
    while waiting:
        path, current = waiting.pop(0)
        if current in seen:
            continue
        seen.add(current)
        for setting in settings_of(current).values():
            inner = f"{path}.{setting.name}" if path else setting.name
            if setting.name == name:
                yield inner
            listed = "[]" if setting.shape.kind is Kind.LIST else ""
            waiting += [(f"{inner}{listed}", each) for each in setting.shape.models]


def _choices(shape: Shape | None) -> str:
    return f": one of {', '.join(str(choice) for choice in shape.choices)}" if shape and shape.choices else ""


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str | int | float | bool) else _kind(value)


def _kind(value: object) -> str:
    names = {str: "a text", bool: "true or false", int: "a number", float: "a number", dict: "a map", list: "a list", NoneType: "nothing"}
    return names.get(type(value), "this")


def is_required(place: Place, model: type[BaseModel]) -> bool:
    """Tell whether the last key of a place must be there."""
    shapes: tuple[Shape, ...] = (Shape(kind=Kind.MODEL, model=model),)
    for part in place[:-1]:
        shapes = tuple(inner for shape in shapes for inner in shape.inside(part))
    owner = shapes[0].model if shapes else None
    setting = settings_of(owner).get(str(place[-1])) if owner else None
    return setting is not None and setting.required and "default_words" not in setting.extra

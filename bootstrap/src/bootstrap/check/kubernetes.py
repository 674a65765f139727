"""The kinds of Kubernetes itself, by the models of lightkube: unknown fields, missing ones, and values of the wrong type."""

import base64
import binascii
import importlib
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Union, get_args, get_origin

import msgspec

from bootstrap.check.schema import Misfit, did_you_mean, noun
from bootstrap.platform.document import Place

# What the models are called after, and the group's newest version, for manifests that are older than the cluster.
_GROUPS: Mapping[str, tuple[str, str]] = {
    "": ("core", "v1"),
    "apps": ("apps", "v1"),
    "batch": ("batch", "v1"),
    "autoscaling": ("autoscaling", "v2"),
    "policy": ("policy", "v1"),
    "networking.k8s.io": ("networking", "v1"),
    "rbac.authorization.k8s.io": ("rbac", "v1"),
    "storage.k8s.io": ("storage", "v1"),
    "admissionregistration.k8s.io": ("admissionregistration", "v1"),
    "coordination.k8s.io": ("coordination", "v1"),
    "scheduling.k8s.io": ("scheduling", "v1"),
    "discovery.k8s.io": ("discovery", "v1"),
    # Gone since Kubernetes 1.22: its kinds have moved.
    "extensions": ("", "networking.k8s.io/v1 or apps/v1"),
}
# Maps of texts, which the models call maps of anything.
_TEXT_MAPS = frozenset({"annotations", "labels", "matchLabels", "nodeSelector", "data", "stringData", "binaryData"})
_QUANTITY_MAPS = frozenset({"limits", "requests", "capacity", "hard"})
# Where `bootstrap render` leaves out a secret; the script puts it in, encoded.
_PLACEHOLDER = re.compile(r"\$\{\w+\}")
_SIMPLE: Mapping[object, tuple[str, tuple[type, ...]]] = {
    str: ("string", (str,)),
    int: ("integer", (int,)),
    float: ("number", (int, float)),
    bool: ("boolean", (bool,)),
    datetime: ("string", (str,)),
    dict: ("object", (dict,)),
}


def is_known(api_version: str) -> bool:
    """Tell whether the group is one of Kubernetes itself."""
    return api_version.rpartition("/")[0] in _GROUPS


def misfits(data: Mapping[str, object]) -> Iterator[Misfit]:
    """Yield what is wrong with an object of a group that `is_known`."""
    api_version, kind = str(data.get("apiVersion")), str(data.get("kind"))
    group, _, version = api_version.rpartition("/")
    name, newest = _GROUPS[group]
    module = _module(f"{name}_{version}") if name else None
    if module is None:
        instead = f"{group}/{newest}" if group and name else newest
        yield Misfit(place=("apiVersion",), text=f"Kubernetes has no {api_version} (any more); write {instead}")
        return
    model = getattr(module, kind, None)
    if kind.endswith("List") or kind == "List":
        return
    if not (isinstance(model, type) and "metadata" in _hints(model)):
        kinds = [each for each in dir(module) if isinstance(getattr(module, each), type)]
        yield Misfit(place=("kind",), text=f"{api_version} has no kind {kind}{did_you_mean(kind, kinds)}")
        return
    yield from _object(data, model, ())
    if kind == "Secret":
        yield from _secret(data)


def _module(name: str) -> types.ModuleType | None:
    try:
        return importlib.import_module(f"lightkube.models.{name}")
    except ModuleNotFoundError:
        return None


@dataclass(frozen=True, slots=True)
class _Field:
    hint: object
    is_required: bool
    is_quantity: bool


@cache
def _hints(model: type) -> Mapping[str, _Field]:
    """Return the fields of a model by the names that manifests have for them; empty for what is no model."""
    if not issubclass(model, msgspec.Struct):
        return {}
    written = model.__annotations__
    return {
        each.encode_name: _Field(hint=each.type, is_required=each.required, is_quantity="Quantity" in str(written.get(each.name)))
        for each in msgspec.structs.fields(model)
    }


def _object(data: Mapping[str, object], model: type, place: Place) -> Iterator[Misfit]:
    fields = _hints(model)
    for key, value in data.items():
        if key not in fields:
            yield Misfit(place=(*place, key), text=f"{model.__name__} has no field `{key}`{did_you_mean(key, list(fields))}")
        elif value is not None:
            yield from _field(value, fields[key], (*place, key))
    for key, known in fields.items():
        if known.is_required and data.get(key) is None:
            yield Misfit(place=place, text=f"`{key}` is missing")


def _field(value: object, known: _Field, place: Place) -> Iterator[Misfit]:
    if known.is_quantity:
        yield from _value(value, Union[int, float, str], place)  # noqa: UP007  as the models write it
    else:
        yield from _value(value, known.hint, place)


def _value(value: object, hint: object, place: Place) -> Iterator[Misfit]:
    origin, arguments = get_origin(hint), [each for each in get_args(hint) if each is not type(None)]
    if origin in {Union, types.UnionType}:
        if len(arguments) == 1:
            yield from _value(value, arguments[0], place)
        elif not any(not list(_value(value, each, place)) for each in arguments):
            yield Misfit(place=place, text=f"must be {' or '.join(noun(_SIMPLE[each][0]) for each in arguments if each in _SIMPLE)}")
    elif origin is list:
        yield from _list(value, arguments[0], place)
    elif hint in _SIMPLE:
        yield from _simple(value, hint, place)
    elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        if isinstance(value, Mapping):
            yield from _object(value, hint, place)
        else:
            yield Misfit(place=place, text=f"must be {noun('object')}")


def _list(value: object, hint: object, place: Place) -> Iterator[Misfit]:
    if not isinstance(value, list):
        yield Misfit(place=place, text=f"must be {noun('array')}")
        return
    for index, item in enumerate(value):
        yield from _value(item, hint, (*place, index))


def _simple(value: object, hint: object, place: Place) -> Iterator[Misfit]:
    kind, accepted = _SIMPLE[hint]
    # In Python true is a number, too.
    if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
        yield Misfit(place=place, text=f"must be {noun(kind)}")
    elif isinstance(value, Mapping):
        yield from _map(value, place)


def _map(value: Mapping[str, object], place: Place) -> Iterator[Misfit]:
    name = place[-1]
    accepted = (str,) if name in _TEXT_MAPS else (str, int, float) if name in _QUANTITY_MAPS else None
    for key, item in value.items():
        if accepted and item is not None and (not isinstance(item, accepted) or isinstance(item, bool)):
            yield Misfit(place=(*place, key), text=f"must be {noun('string')}")


def _secret(data: Mapping[str, object]) -> Iterator[Misfit]:
    values = data.get("data")
    for key, value in values.items() if isinstance(values, Mapping) else ():
        if isinstance(value, str) and not _PLACEHOLDER.fullmatch(value) and not _is_base64(value):
            yield Misfit(place=("data", key), text="is not base64; a text in clear belongs into `stringData`")


def _is_base64(text: str, decode: Callable[..., Any] = base64.b64decode) -> bool:
    try:
        decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True

"""What differs between an object as it is and as it would be: pure, field by field."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.core.change import HIDDEN, FieldChange

# What the API server keeps for itself. The last one is a copy of the whole object that old kubectl versions leave, secrets included.
_BOOKKEEPING = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink", "deletionTimestamp")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# By which items of a list are told apart: the merge keys of Kubernetes' own types, most telling first.
_MERGE_KEYS: Sequence[tuple[str, ...]] = (
    ("name",),
    ("mountPath",),
    ("containerPort",),
    ("containerPort", "protocol"),
    ("port",),
    ("port", "protocol"),
    ("ip",),
    ("topologyKey",),
    ("type",),
    ("key",),
    ("host",),
    ("path",),
)
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def fields(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Return what differs between the object as it is and the API server's answer to a dry-run; Secret data without values."""
    is_secret = wanted.get("kind") == "Secret"
    changes = _differences((), _clean(live), _clean(wanted))
    return tuple(
        FieldChange(path=written(path), before=_masked(before), after=_masked(after), secret=True)
        if is_secret and path[0] in {"data", "stringData"}
        else FieldChange(path=written(path), before=before, after=after)
        for path, before, after in changes
    )


def declared(live: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Return where an object is not what the manifest says; what the manifest does not mention does not count."""
    return tuple(each for each in fields(live, manifest) if each.after is not None)


def written(path: Sequence[str]) -> str:
    """Write a path as people do: `spec.containers[name=api].image`, `metadata.annotations["example.com/a"]`."""
    text = ""
    for part in path:
        if part.startswith("["):
            text += part
        elif part and set(part) <= _PLAIN:
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part)}]"
    return text


def _clean(manifest: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = {key: value for key, value in manifest.items() if key not in {"status", "apiVersion", "kind"}}
    metadata = {key: value for key, value in (manifest.get("metadata") or {}).items() if key not in _BOOKKEEPING}
    if isinstance(annotations := metadata.get("annotations"), Mapping):
        metadata["annotations"] = {key: value for key, value in annotations.items() if key != _LAST_APPLIED}
    cleaned["metadata"] = metadata
    return cleaned


_Difference = tuple[tuple[str, ...], Any, Any]


def _differences(path: tuple[str, ...], before: Any, after: Any) -> Iterator[_Difference]:  # noqa: ANN401  any JSON
    if before == after or (_is_empty(before) and _is_empty(after)):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _differences((*path, str(key)), before.get(key), after.get(key))
    elif isinstance(before, Mapping) and after is None:
        for key in before:
            yield from _differences((*path, str(key)), before[key], None)
    elif isinstance(after, Mapping) and before is None:
        for key in after:
            yield from _differences((*path, str(key)), None, after[key])
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_differences(path, before, after)
    else:
        yield path, before, after


def _is_empty(value: object) -> bool:
    # An absent map and an empty one mean the same to the API server, and some of its answers have one and some the other.
    return value is None or value in ({}, [])


def _list_differences(path: tuple[str, ...], before: list[Any], after: list[Any]) -> Iterator[_Difference]:
    keys = _merge_keys(before, after)
    if keys:
        old, new = _by_keys(before, keys), _by_keys(after, keys)
        found = False
        for name in [*old, *(name for name in new if name not in old)]:
            for difference in _differences((*path, f"[{name}]"), old.get(name), new.get(name)):
                found = True
                yield difference
        if not found:
            yield (*path, "[order]"), list(old), list(new)
    elif len(before) == len(after) and all(isinstance(item, Mapping) for item in (*before, *after)):
        for number, (old_item, new_item) in enumerate(zip(before, after, strict=True)):
            yield from _differences((*path, f"[{number}]"), old_item, new_item)
    else:
        yield path, before, after


def _merge_keys(before: list[Any], after: list[Any]) -> tuple[str, ...] | None:
    items = (*before, *after)
    if not items or not all(isinstance(item, Mapping) for item in items):
        return None
    for keys in _MERGE_KEYS:
        if all(_identifies(keys, each) for each in (before, after)):
            return keys
    return None


def _identifies(keys: tuple[str, ...], items: Sequence[Mapping[str, Any]]) -> bool:
    values = [tuple(item.get(key) for key in keys) for item in items]
    return all(isinstance(value[0], str | int) for value in values) and len(set(map(repr, values))) == len(values)


def _by_keys(items: Sequence[Mapping[str, Any]], keys: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
    return {",".join(f"{key}={item[key]}" for key in keys if key in item): item for item in items}


def _masked(value: object) -> str | None:
    return None if value is None else HIDDEN

"""Which values a chart knows: those of its own values file, which lies beside the repository where it lies at all."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.paths import ROOT

SPECS = ROOT.parent / "shared/specs"
Place = tuple[str, ...]


def unknown(values: Mapping[str, Any], file: str, *, free: Collection[Place] = ()) -> list[str]:
    """Return the keys that the chart does not have; below an empty map, an empty list or nothing it takes any.

    `free` are maps in which it takes any key beside those that it names.
    """
    known = yaml.safe_load(values_file(file).read_text(encoding="utf-8"))
    return [".".join(path) for path in _unknown(values, known, ()) if path[:-1] not in free]


def values_file(file: str) -> Path:
    """Return the values file of a chart, or skip the test."""
    found = SPECS / file
    if not found.exists():
        pytest.skip(f"the chart's own values file is not at {found}")
    return found


def _unknown(values: Mapping[str, Any], known: Mapping[str, Any], path: Place) -> Iterator[Place]:
    for key, value in values.items():
        if key not in known:
            yield (*path, key)
        elif isinstance(value, Mapping) and isinstance(known[key], Mapping) and known[key]:
            yield from _unknown(value, known[key], (*path, key))
        elif isinstance(known[key], Mapping) and known[key] and not isinstance(value, Mapping):
            # A map that is replaced by something else.
            yield (*path, key)

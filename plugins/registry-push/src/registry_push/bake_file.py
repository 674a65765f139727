"""A bake file that the user wrote: resolved by buildx itself, so that variables, groups and inheritance mean what they mean there."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from plugin_kit.errors import BuildError
from plugin_kit.process import run
from registry_push import buildx

# Decided by the plan, or carried by fields of their own.
_OURS = frozenset(
    {"context", "dockerfile", "target", "args", "contexts", "platforms", "labels", "tags", "output", "annotations", "attest", "name"}
)


def resolve(path: Path, targets: Sequence[str], workspace: Path) -> tuple[dict[str, dict[str, Any]], frozenset[str]]:
    """Return the targets of a bake file by name, and the names of those that were asked for: the others are only what these are built from.

    Raises BuildError with buildx' own words.
    """
    # The variables of a bake file are set by the step's environment.
    argv = [*buildx.command(), "bake", "--file", str(path), "--print", *targets]
    result = run(argv, cwd=workspace, env=buildx.without_settings(os.environ), timeout=60, check=False)
    if result.returncode:
        raise BuildError(
            f"bake_file: {path.name} can't be used",
            details=[line for line in result.stderr.splitlines() if line.strip()][-6:],
            hint="`docker buildx bake --print` shows the same on your machine",
        )
    document = json.loads(result.stdout)
    resolved: dict[str, dict[str, Any]] = document.get("target") or {}
    groups = {name: group.get("targets") or [] for name, group in (document.get("group") or {}).items()}
    wanted = set(_flat(groups, "default")) if "default" in groups else set(resolved)
    return resolved, frozenset(wanted & resolved.keys())


def _flat(groups: Mapping[str, Sequence[str]], name: str) -> Iterator[str]:
    """Yield the targets of a group, those of groups in it included; a group may be called like one of its targets."""
    for member in groups[name]:
        yield member
        if member in groups and member != name:
            yield from _flat(groups, member)


def kept(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a target that are passed on as they are, such as `ssh`, `secret` and `no-cache-filter`."""
    return {key: value for key, value in target.items() if key not in _OURS}

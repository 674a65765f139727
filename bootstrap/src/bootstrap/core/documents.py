"""YAML as Helm writes it: many documents one behind the other, of which often only some are wanted, or only the beginning."""

import re
from collections.abc import Collection, Iterator
from typing import Any

import yaml

from bootstrap.core.objects import Manifest

# LibYAML is ten times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TOP_LEVEL = re.compile(r"[A-Za-z]\w*:")
# Each begins with a newline and no anchor: searched for as a text, in megabytes. Where a line begins with these, not even a text in quotes
# or a block goes on.
_BETWEEN = re.compile(r"\n---(?=\s|\Z)")
_KIND = re.compile(r"\nkind:\s*[\"']?(\w+)")
_SPEC = re.compile(r"\nspec:[^\S\n]*(?=\n)")
_DEFINITION = "CustomResourceDefinition"


def objects(text: str, *, only: Collection[str] = (), heads: bool = False) -> list[Manifest]:
    """Return the objects of a text, those of lists one by one: all, or those of some kinds.

    With `heads`, a CRD may come without its `spec`: schemas are most of what some charts consist of.
    """
    found: list[Manifest] = []
    *parts, last = _BETWEEN.split(f"\n{text}")
    # The line that ends a block belongs to its text.
    for part in (*(f"{part}\n" for part in parts), last):
        kind = _KIND.search(part)
        if only and kind and kind[1] not in {*only, "List"}:
            continue
        for document in _documents(part, heads=heads and kind is not None and kind[1] == _DEFINITION):
            found += (document.get("items") or ()) if document.get("kind") == "List" else [document]
    return [each for each in found if each.get("kind") and (not only or each["kind"] in only)]


def apart(text: str) -> str:
    """Put files apart that `helm show crds` writes one behind the other: where a key of the top level comes again, the next one begins."""
    lines: list[str] = []
    keys: set[str] = set()
    # Not `splitlines`: it knows ends of lines that YAML does not.
    for line in text.split("\n"):
        key = _TOP_LEVEL.match(line)
        if line.startswith("---"):
            keys.clear()
        elif key and key[0] in keys:
            lines.append("---")
            keys = {key[0]}
        elif key:
            keys.add(key[0])
        lines.append(line)
    return "\n".join(lines)


def _documents(part: str, *, heads: bool) -> Iterator[Manifest]:
    if heads:
        documents = list(yaml.load_all(_SPEC.split(part, maxsplit=1)[0], Loader=_LOADER))
        if len(documents) == 1 and isinstance(documents[0], dict) and documents[0].keys() >= {"apiVersion", "kind", "metadata"}:
            yield documents[0]
            return
    # Comments between documents make empty ones.
    yield from (each for each in yaml.load_all(part, Loader=_LOADER) if isinstance(each, dict))

"""Records of break-glass in a restore: they come back as an archive that says what it is, never as records; pure.

A record proves who has broken glass because the API server has checked it against who was asking, at that moment. A restored one would
claim the same for whoever restores (and the policy refuses it for good reason: another operator, a time in the past). So the texts of the
records, with the uid and time of the cluster that has checked them, become an immutable ConfigMap that the gate does not look at.
"""

import hashlib
from collections.abc import Iterator, Sequence

from bootstrap.backup.kinds import BREAK_GLASS_ARCHIVE
from bootstrap.backup.saved import Saved
from bootstrap.backup.scope import Part
from bootstrap.break_glass.record import LABEL
from bootstrap.core.objects import Manifest

# Of the 1 MiB that a ConfigMap may hold.
_LARGEST = 900_000
_NAME_LENGTH = 12
ORIGIN = "local-cicd.dev/restored-from"


def is_record(saved: Saved) -> bool:
    """Tell whether this is a record of break-glass."""
    return saved.part is Part.BREAK_GLASS and LABEL in (saved.manifest["metadata"].get("labels") or {})


def unarchived(records: Sequence[Saved], archived: Sequence[Manifest]) -> Sequence[Saved]:
    """Return the records that no archive holds word for word; the name of a key proves nothing."""
    texts = {text for each in archived for text in (each.get("data") or {}).values()}
    return [record for record in records if record.text() not in texts]


def archives(records: Sequence[Saved], *, namespace: str, origin: str) -> Iterator[Saved]:
    """Make the ConfigMaps; the same records give the same ones."""
    data: dict[str, str] = {}
    for record in sorted(records, key=_key):
        text = record.text()
        if data and sum(map(len, data.values())) + len(text) > _LARGEST:
            yield _archive(data, namespace, origin)
            data = {}
        data[_key(record)] = text
    if data:
        yield _archive(data, namespace, origin)


def _key(record: Saved) -> str:
    metadata = record.manifest["metadata"]
    return f"{metadata['name']}.{metadata.get('uid', 'unknown')}.yaml"


def _archive(data: dict[str, str], namespace: str, origin: str) -> Saved:
    name = hashlib.sha256("\n".join(f"{key}\n{text}" for key, text in data.items()).encode()).hexdigest()[:_NAME_LENGTH]
    metadata = {
        "name": f"break-glass-archive-{name}",
        "namespace": namespace,
        "labels": {BREAK_GLASS_ARCHIVE: "true"},
        "annotations": {ORIGIN: origin},
    }
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": True, "data": data}
    return Saved(part=Part.BREAK_GLASS, manifest=manifest)

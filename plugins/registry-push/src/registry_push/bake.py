"""The bake file that a plan becomes: JSON for `docker-buildx bake`. No I/O.

Keys: buildx docs/bake-reference.md; exporter and cache attributes: buildkit README ("Output", "Cache").
"""

import csv
import io
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from plugin_kit.manifest import CREATED, PIPELINE, REVISION, SOURCE, VERSION
from registry_push.plan import CACHE_TAG, Plan, Target

if TYPE_CHECKING:
    from registry_push.settings import Settings

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a bake file needs beside plan and settings: the time of all images, secret files by target and id, the plain-http hosts."""

    created: datetime
    secret_files: Mapping[str, Mapping[str, str]]
    plain_hosts: Collection[str] = ()


def document(plan: Plan, settings: "Settings", build: Collection[str], extras: Extras) -> dict[str, Any]:
    """Write the bake file for the targets whose ids are in `build`, and for those that they are built from."""
    needed = _closure(plan, build)
    targets = {target.id: _target(plan, settings, target, target.id in build, extras) for target in plan.targets if target.id in needed}
    return {"target": targets}


def rfc3339(moment: datetime) -> str:
    """Write a time as the image specification wants it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamps(plan: Plan, created: datetime) -> dict[str, str]:
    """Return the labels and annotations that order releases; the same for all images of the run."""
    known = {CREATED: rfc3339(created), REVISION: plan.revision, SOURCE: plan.source, VERSION: plan.version}
    return {key: value for key, value in known.items() if value}


def _closure(plan: Plan, build: Collection[str]) -> set[str]:
    by_id = {target.id: target for target in plan.targets}
    needed: set[str] = set()
    waiting = list(build)
    while waiting:
        current = waiting.pop()
        if current in needed:
            continue
        needed.add(current)
        contexts = by_id[current].contexts.values()
        waiting += [value.removeprefix("target:") for value in contexts if value.startswith("target:")]
    return needed


def _target(plan: Plan, settings: "Settings", target: Target, wanted: bool, extras: Extras) -> dict[str, Any]:
    source = target.source
    pushed = wanted and target.repository is not None and plan.push
    entry: dict[str, Any] = {
        **source.bake,
        "context": source.context,
        "args": {**_proxy_args(), **_environment_args(settings), **settings.build_args, **source.build_args},
        "labels": {**settings.labels, **source.labels, **stamps(plan, extras.created)},
        "output": [_image(plan, settings, target, extras) if pushed else "type=cacheonly"],
        "pull": settings.pull_image,
    }
    optional = {
        "dockerfile": source.dockerfile,
        "target": source.target,
        "contexts": dict(target.contexts),
        "platforms": list(target.platforms),
        "no-cache": settings.no_cache,
        "extra-hosts": dict(entry.split(":", 1) for entry in settings.add_host),
        "attest": list(_attestations(settings)) if pushed else [],
        "cache-from": list(_cache_from(plan, settings, target, extras)),
        "cache-to": list(_cache_to(plan, settings, target, extras)) if pushed else [],
        "secret": [*source.bake.get("secret", ()), *_secrets(extras.secret_files.get(target.id, {}))],
    }
    return {**entry, **{key: value for key, value in optional.items() if value}}


def _image(plan: Plan, settings: "Settings", target: Target, extras: Extras) -> str:
    notes = stamps(plan, extras.created)
    if plan.pipeline is not None:
        notes[PIPELINE] = str(plan.pipeline)
    # BuildKit refuses annotations of an index where the export has none.
    levels = ["annotation", "annotation-index"] if len(target.platforms) > 1 or any(_attestations(settings)) else ["annotation"]
    host = target.repository.host if target.repository else ""
    attributes = {
        "type": "image",
        "name": str(target.repository),
        "push": "true",
        # Every image is in the registry before any tag points to one.
        "push-by-digest": "true",
        "name-canonical": "true",
        "oci-mediatypes": "true",
        **({"registry.insecure": "true"} if host in extras.plain_hosts else {}),
        **{f"{level}.{key}": value for level in levels for key, value in notes.items()},
    }
    return _csv(attributes)


def _attestations(settings: "Settings") -> Iterator[str]:
    wanted = settings.provenance.strip().lower()
    if wanted not in {"", "false"}:
        yield "type=provenance" if wanted == "true" else f"type=provenance,{settings.provenance.strip()}"
    if settings.sbom:
        yield "type=sbom"


def _cache_from(plan: Plan, settings: "Settings", target: Target, extras: Extras) -> Iterator[str]:
    if settings.cache_from or settings.cache_images:
        yield from (_csv(_with_registry(entry, extras)) for entry in settings.cache_from)
        yield from (_csv(_with_registry({"type": "registry", "ref": ref}, extras)) for ref in settings.cache_images)
    elif plan.export_cache and target.repository is not None:
        yield _csv(_with_registry({"type": "registry", "ref": f"{target.repository}:{CACHE_TAG}"}, extras))


def _cache_to(plan: Plan, settings: "Settings", target: Target, extras: Extras) -> Iterator[str]:
    # A cache that can't be written is slow next time, and no reason to fail a release.
    common = {"mode": "max", "image-manifest": "true", "oci-mediatypes": "true", "ignore-error": "true"}
    if settings.cache_to or settings.cache_images:
        yield from (_csv(_with_registry(entry, extras)) for entry in settings.cache_to)
        yield from (_csv(_with_registry({"type": "registry", "ref": ref, **common}, extras)) for ref in settings.cache_images)
    elif plan.export_cache and target.repository is not None and not settings.cache_from:
        yield _csv(_with_registry({"type": "registry", "ref": f"{target.repository}:{CACHE_TAG}", **common}, extras))


def _with_registry(entry: Mapping[str, str], extras: Extras) -> dict[str, str]:
    # A bare reference arrives without a key; buildx takes it for a registry's, too.
    whole = {"type": "registry", "ref": entry[""]} if "" in entry else dict(entry)
    plain = whole["type"] == "registry" and whole.get("ref", "").split("/", 1)[0] in extras.plain_hosts
    return {**whole, **({"registry.insecure": "true"} if plain else {})}


def _secrets(files: Mapping[str, str]) -> Iterator[str]:
    yield from (_csv({"id": key, "src": path}) for key, path in sorted(files.items()))


def _environment_args(settings: "Settings") -> dict[str, str]:
    return {name: os.environ[name] for name in settings.build_args_from_env if name in os.environ}


def _proxy_args() -> dict[str, str]:
    # Predefined arguments of the Dockerfile frontend: they are in no image and in no cache key.
    both = (name for upper in _PROXIES for name in (upper, upper.lower()))
    return {name: os.environ[name] for name in both if os.environ.get(name)}


def _csv(attributes: Mapping[str, str]) -> str:
    """Write attributes as buildx reads them, with Go's encoding/csv: a field with a comma or a quote is quoted."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([f"{key}={value}" for key, value in attributes.items()])
    return line.getvalue()

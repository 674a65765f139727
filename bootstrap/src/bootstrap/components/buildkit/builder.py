"""The builders: one, or one for each platform."""

from collections.abc import Sequence
from dataclasses import dataclass

from bootstrap.platform.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """One StatefulSet and its Service."""

    name: str
    namespace: str
    architecture: str | None


def builders(platform: Platform) -> Sequence[Builder]:
    """Return the builders of a platform, none where it has none."""
    wanted = platform.buildkit
    if not wanted.enabled:
        return ()
    return tuple(Builder(name=name, namespace=wanted.namespace, architecture=each) for name, each in wanted.builders.items())


def server_names(platform: Platform) -> list[str]:
    """Return every name that a builder is reached by."""
    suffixes = (
        "",
        f".{platform.buildkit.namespace}",
        f".{platform.buildkit.namespace}.svc",
        f".{platform.buildkit.namespace}.svc.cluster.local",
    )
    return ["localhost", *(f"{each.name}{suffix}" for each in builders(platform) for suffix in suffixes)]

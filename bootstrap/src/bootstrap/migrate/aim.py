"""Where everything goes: which images on GHCR are the project's, their names in the platform's registry, and its address in Gitea."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bootstrap.components.forge import git_url
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project

GHCR = "ghcr.io"
_GITHUB = re.compile(
    r"(?:https?://(?:[^/@\s]*@)?(?:www\.)?github\.com/|ssh://git@github\.com(?::\d+)?/|git@github\.com:)([\w.-]+)/([\w.-]+?)(?:\.git)?/?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Prefix:
    """The beginning of paths on GHCR, in lower case, and the path in the platform's registry that takes its place.

    Below an `owner` only single names are meant: what has a folder of its own belongs to another repository of that owner.
    """

    path: str
    images: str
    is_owner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a migration aims at; `given` are the paths on GHCR that a person has named as the project's."""

    project: str
    registry: str
    images: str
    watched_image: str
    asks_for_login: bool
    prefixes: tuple[Prefix, ...] = ()
    given: frozenset[str] = frozenset()
    repositories: Mapping[str, str] = field(default_factory=dict)
    applications: Mapping[str, str] = field(default_factory=dict)
    kargo_namespace: str = ""
    arc_namespace: str = ""
    arc_objects: frozenset[str] = frozenset()

    def path(self, path: str, *, is_prefix: bool = False) -> str | None:
        """Return the path of an image (or with `is_prefix` of a group of them) in the platform's registry; None where it is not ours."""
        lower = path.lower()
        for prefix in self.prefixes:
            if lower == prefix.path:
                if is_prefix:
                    return prefix.images
                return None if prefix.is_owner else f"{prefix.images}/{lower.rpartition('/')[2]}"
            rest = lower.removeprefix(f"{prefix.path}/")
            if rest != lower:
                return None if prefix.is_owner and ("/" in rest or is_prefix) else f"{prefix.images}/{rest}"
        return None

    def is_ours(self, path: str) -> bool:
        """Tell whether a path on GHCR, also the beginning of one, is the project's."""
        return self.path(path) is not None or self.path(path, is_prefix=True) is not None

    def repository(self, url: str) -> str | None:
        """Return the address in Gitea of a repository on GitHub; None for one that the platform does not have."""
        name = on_github(url)
        return self.repositories.get(name.lower()) if name else None


def on_github(url: str) -> str | None:
    """Return `owner/name` of an address of a repository on GitHub, None for any other text."""
    found = _GITHUB.fullmatch(url.strip())
    return f"{found[1]}/{found[2]}" if found else None


def aim(platform: Platform, project: Project, *, owners: Iterable[str], given: Iterable[str] = ()) -> Aim:
    """Aim at a project of a platform.

    `owners` are the accounts on GitHub that its repository has been under; `given` are paths on GHCR that a person has named.
    """
    known = tuple(dict.fromkeys(owner.lower() for owner in owners))
    prefixes: dict[str, Prefix] = {}
    repositories: dict[str, str] = {}
    # The project that is meant comes first: what two of them claim is its own.
    for each in (project, *(other for other in platform.projects if other is not project)):
        for owner in known:
            for name in (each.repository.name, each.name, each.registry_project):
                prefixes.setdefault(f"{owner}/{name.lower()}", Prefix(path=f"{owner}/{name.lower()}", images=each.registry_project))
            for name in (each.repository.name, each.name):
                repositories.setdefault(f"{owner}/{name.lower()}", git_url(platform, each))
        if each.mirror is not None and (mirrored := on_github(each.mirror.remote)):
            repositories.setdefault(mirrored.lower(), git_url(platform, each))
    bare = frozenset(path.removeprefix("https://").removeprefix(f"{GHCR}/").strip("/").lower() for path in given)
    prefixes |= {path: Prefix(path=path, images=project.registry_project) for path in bare}
    for owner in known:
        prefixes.setdefault(owner, Prefix(path=owner, images=project.registry_project, is_owner=True))
    return Aim(
        project=project.name,
        registry=platform.registry.host,
        images=project.registry_project,
        watched_image=project.watched_image,
        asks_for_login=platform.registry.login is not None,
        prefixes=tuple(sorted(prefixes.values(), key=lambda prefix: (-len(prefix.path), prefix.path))),
        given=bare,
        repositories=repositories,
        applications={stage.application: stage.branch for stage in project.stages},
        kargo_namespace=project.kargo.namespace,
        arc_namespace=platform.arc.namespace if platform.arc else "",
        arc_objects=frozenset((*platform.arc.persistent_volumes, *platform.arc.cluster_role_bindings) if platform.arc else ()),
    )

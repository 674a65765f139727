"""What can't work together: checks over the whole platform. Each yields findings; `findings` is all of them."""

from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from bootstrap.platform.backup_checks import check_backup
from bootstrap.platform.document import Place
from bootstrap.platform.finding import Finding
from bootstrap.platform.gate_checks import check_gate
from bootstrap.platform.namespaces import check_namespaces
from bootstrap.platform.pipeline_secret import OWN_SECRETS
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project
from bootstrap.platform.quantity import size_in_bytes
from bootstrap.platform.secret_ref import SecretRef
from bootstrap.platform.section import Section

RELEASES = "releases"


def findings(platform: Platform) -> Iterator[Finding]:
    """Yield everything that is wrong or odd, in the order of the sections."""
    twice = [finding for index, project in enumerate(platform.projects) for finding in _stage_names(project, ("projects", index))]
    yield from twice
    # What is made of a name clashes where the name does.
    named = {place[:-1] for finding in twice for place in (finding.at, finding.other) if place is not None}
    for finding in _findings(platform):
        if not any(place[: len(stage)] == stage for place in (finding.at, finding.other) if place is not None for stage in named):
            yield finding


def _findings(platform: Platform) -> Iterator[Finding]:
    for check in (
        _plain_secrets,
        _hosts,
        check_namespaces,
        _storage,
        _registry,
        _server_storage,
        _woodpecker,
        _service_accounts,
        _uniqueness,
        check_gate,
        check_backup,
    ):
        yield from check(platform)
    for index, project in enumerate(platform.projects):
        at: Place = ("projects", index)
        yield from _stages(project, at)
        yield from _project(project, at)


def _plain_secrets(platform: Platform) -> Iterator[Finding]:
    for at, ref in _secret_refs(platform, ()):
        if ref.plain is not None:
            yield Finding(at=at, text="stands here in plain text: whoever reads this file has it", is_warning=True)


def _secret_refs(value: object, at: Place) -> Iterator[tuple[Place, SecretRef]]:
    if isinstance(value, SecretRef):
        yield at, value
    elif isinstance(value, Section):
        for name in type(value).model_fields:
            yield from _secret_refs(getattr(value, name), (*at, name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _secret_refs(item, (*at, key))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _secret_refs(item, (*at, index))


def _hosts(platform: Platform) -> Iterator[Finding]:
    hosts: list[tuple[str, Place]] = [
        (platform.woodpecker.host, ("woodpecker", "host")),
        (platform.argo_cd.host, ("argo_cd", "host")),
        (platform.kargo.host, ("kargo", "host")),
    ]
    if platform.market_gate.host is not None:
        hosts.append((platform.market_gate.host, ("market_gate", "host")))
    if platform.registry.mode == "install":
        hosts.append((platform.registry.hostname, ("registry", "host")))
    if platform.gitea.mode == "install":
        hosts.append((urlsplit(platform.gitea.endpoint.public_url).hostname or "", ("gitea", "endpoint", "public_url")))
    yield from _twice(hosts, "{0} already leads to another part of the platform; each needs a host name of its own")


def _storage(platform: Platform) -> Iterator[Finding]:
    if platform.storage is None:
        return
    volumes = platform.storage.volumes()
    yield from _twice(
        [(volume.persistent_volume, ("storage", key, "persistent_volume")) for key, volume in volumes.items()],
        "there are two PersistentVolumes {0}",
    )
    for (key, volume), (other_key, other) in combinations(volumes.items(), 2):
        inner, outer = PurePosixPath(other.path), PurePosixPath(volume.path)
        if inner.is_relative_to(outer) or outer.is_relative_to(inner):
            same = "the same folder as" if inner == outer else "inside of, or around, the folder of"
            yield Finding(
                at=("storage", other_key, "path"),
                text=f"{other.path} is {same} another volume: they would overwrite each other",
                other=("storage", key, "path"),
            )


def _registry(platform: Platform) -> Iterator[Finding]:
    registry = platform.registry
    if registry.plain_http and registry.is_named:
        text = (
            f"Kargo speaks only https to a name like {registry.hostname} and would never find an image; give the registry a certificate,"
            " or name it by its IP address"
        )
        yield Finding(at=("registry", "plain_http"), text=text, is_warning=True)
    if registry.plain_http and registry.mode == "install":
        yield Finding(at=("registry", "plain_http"), text="a registry that is installed here speaks https; leave this out")


def _server_storage(platform: Platform) -> Iterator[Finding]:
    woodpecker, volume = platform.woodpecker, platform.storage.woodpecker if platform.storage else None
    if (woodpecker.database.driver == "postgres") != (woodpecker.database.datasource is not None):
        text = "postgres needs a `datasource`" if woodpecker.database.datasource is None else "sqlite3 has no `datasource`; it is a file"
        yield Finding(at=("woodpecker", "database"), text=text)
    if woodpecker.storage.kind != "nfs":
        return
    if woodpecker.database.driver == "sqlite3":
        text = (
            'SQLite on NFS locks badly: "database is locked", and files that break; use `database.driver: postgres`,'
            " or `storage.kind: block`"
        )
        yield Finding(at=("woodpecker", "storage", "kind"), text=text, is_warning=True)
    if volume is None:
        text = "there is no volume on NFS for it; write `storage.woodpecker` with its path, or `kind: block`"
        yield Finding(at=("woodpecker", "storage", "kind"), text=text, other=("storage",))
        return
    if size_in_bytes(woodpecker.storage.size) > size_in_bytes(volume.size):
        text = f"the claim of {woodpecker.storage.size} is bigger than its volume of {volume.size} and would wait for ever"
        yield Finding(at=("woodpecker", "storage", "size"), text=text, other=("storage", "woodpecker", "size"))
    if volume.claim != woodpecker.server_claim:
        text = f"the volume waits for a claim {volume.claim}, but the chart's is called {woodpecker.server_claim}"
        yield Finding(at=("storage", "woodpecker", "claim"), text=text, other=("woodpecker", "chart", "release"))


def _woodpecker(platform: Platform) -> Iterator[Finding]:
    woodpecker = platform.woodpecker
    if woodpecker.workspace.rwx and woodpecker.workspace.storage_class is None:
        text = (
            "without `storage_class` the volumes are of the cluster's default class; if several nodes can't write that (k3s' local-path),"
            " all pipelines hang in Pending; name a class that can do it, or write `rwx: false`"
        )
        yield Finding(at=("woodpecker", "workspace", "rwx"), text=text, is_warning=True)
    if woodpecker.agents.rbac == "cluster-admin":
        yield Finding(
            at=("woodpecker", "agents", "rbac"),
            text="the agents may do everything on the cluster, and no step gets anything from it: steps run as another ServiceAccount",
            is_warning=True,
        )
    for index, image in enumerate(woodpecker.privileged_plugins):
        text = f"every step that runs {image} is root on its node; the image-building plugin of this project needs no such right"
        yield Finding(at=("woodpecker", "privileged_plugins", index), text=text, is_warning=True)
    for name, value in woodpecker.environment.items():
        if "," in value or ":" in name or "," in name:
            yield Finding(
                at=("woodpecker", "environment", name), text="Woodpecker takes these as one comma list: no comma in it, no : in a name"
            )


def _service_accounts(platform: Platform) -> Iterator[Finding]:
    woodpecker = platform.woodpecker
    if woodpecker.workspace.namespace != woodpecker.chart.namespace or not any(each.integration_tests for each in platform.projects):
        return
    # With WOODPECKER_BACKEND_K8S_SERVICE_ACCOUNT_NAME_ALLOW_FROM_STEP, which integration tests need, a step names any account beside it;
    # who may start pods, as the agents may, can mount every Secret of the namespace.
    text = (
        f"since a project has integration tests, every step may run as any ServiceAccount in {woodpecker.workspace.namespace}, those of"
        " Woodpecker's own server and agents too, and get at their Secrets; give the steps a namespace of their own"
    )
    at: Place = ("woodpecker", "workspace", "namespace")
    yield Finding(at=at, text=text, other=("woodpecker", "chart", "namespace"), is_warning=True)


def _uniqueness(platform: Platform) -> Iterator[Finding]:
    projects = list(enumerate(platform.projects))

    def each(*keys: str) -> list[tuple[str, Place]]:
        found: list[tuple[str, Place]] = []
        for index, project in projects:
            value: object = project
            for key in keys:
                value = getattr(value, key)
            found.append((str(value).lower(), ("projects", index, *keys)))
        return found

    yield from _twice(each("name"), "there are two projects {0}")
    repositories = [(p.repository.full_name.lower(), ("projects", i, "repository")) for i, p in projects]
    yield from _twice(repositories, "two projects have the repository {0}")
    yield from _twice(each("registry_project"), "two projects have their images in {0}: one would set the tags of the other")
    for index, project in projects:
        if project.registry_project == platform.images.project:
            yield Finding(
                at=("projects", index, "registry_project"),
                text=f"{project.registry_project} holds the platform's own images",
                other=("images", "project"),
            )
    applications = [
        (stage.application, ("projects", i, "stages", j, "application")) for i, p in projects for j, stage in enumerate(p.stages)
    ]
    yield from _twice(applications, "two stages have the Application {0}")


def _stage_names(project: Project, at: Place) -> Iterator[Finding]:
    names = [(stage.name, (*at, "stages", index, "name")) for index, stage in enumerate(project.stages)]
    yield from _twice(names, "there are two stages {0}")


def _stages(project: Project, at: Place) -> Iterator[Finding]:
    names = [stage.name for stage in project.stages]
    after = {stage.name: stage.after for stage in project.stages}
    for index, stage in enumerate(project.stages):
        here: Place = (*at, "stages", index)
        if stage.after is not None and stage.after not in names:
            yield Finding(at=(*here, "after"), text=f"there is no stage {stage.after} in this project; there are {', '.join(names)}")
        elif _is_circle(stage.name, after):
            yield Finding(at=(*here, "after"), text=f"{stage.name} comes after itself: no commit could ever reach it")
        if stage.promotion == "auto" and stage.promoters:
            yield Finding(at=(*here, "promoters"), text="the stage promotes by itself; promoters are for `promotion: manual`")
        if stage.promotion == "manual" and not stage.promoters:
            yield Finding(
                at=(*here, "promotion"),
                text=f"nobody may promote to {stage.name} but Kargo's own administrator; name them in `promoters`",
                is_warning=True,
            )


def _is_circle(name: str, after: dict[str, str | None]) -> bool:
    current, steps = after.get(name), 0
    while current is not None and steps <= len(after):
        if current == name:
            return True
        current, steps = after.get(current), steps + 1
    return False


def _project(project: Project, at: Place) -> Iterator[Finding]:
    for name in sorted(project.secrets.keys() & OWN_SECRETS):
        yield Finding(at=(*at, "secrets", name), text="is made by the platform itself; take another name")
    if project.watched_image == RELEASES:
        yield Finding(at=(*at, "watched_image"), text="releases holds the release records and is no image of the application")
    tests = project.integration_tests
    if tests is None:
        return
    if tests.rbac == "scoped" and not tests.namespaces:
        text = "tests with `rbac: scoped` may do nothing anywhere; name a namespace for them in `namespaces`"
        yield Finding(at=(*at, "integration_tests"), text=text)
    if tests.rbac == "cluster-admin":
        text = (
            "whoever can push to a repository of this Woodpecker can do everything on the cluster;"
            " `scoped` with `namespaces` is enough for most tests"
        )
        yield Finding(at=(*at, "integration_tests", "rbac"), text=text, is_warning=True)


def _twice(found: Iterable[tuple[str, Place]], text: str) -> Iterator[Finding]:
    first: dict[str, Place] = {}
    for value, at in found:
        if value in first:
            yield Finding(at=at, text=text.format(value), other=first[value])
        first.setdefault(value, at)

"""Each project in Woodpecker."""

from collections.abc import Iterator, Sequence

from bootstrap.components.absent import Absent
from bootstrap.components.given import require, secret_value
from bootstrap.components.project_woodpecker.registry_login import RegistryLoginResource
from bootstrap.components.project_woodpecker.repository import RepositoryResource
from bootstrap.components.project_woodpecker.secret import PREFIX, FormerSecret, SecretResource, label
from bootstrap.components.project_woodpecker.snapshot import Snapshot
from bootstrap.components.project_woodpecker.sources import Source, sources, written
from bootstrap.core.context import Context
from bootstrap.core.objects import Ref, load_manifest
from bootstrap.core.resource import Awaited, ObjectResource, Resource, objects
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project
from bootstrap.woodpecker.registry import WantedRegistry


class ProjectWoodpecker:
    """What Woodpecker knows of the projects. It shares nothing between two of them."""

    name = "project-woodpecker"
    title = "Projects in Woodpecker"
    needs: tuple[str, ...] = ("woodpecker", "project-repository", "project-kargo")

    def enabled(self, platform: Platform) -> bool:
        """Tell whether there are projects."""
        return bool(platform.projects)

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return what each project consists of."""
        projects = context.platform.projects
        require(context, [each for project in projects for each in written(project)])
        return [resource for project in projects for resource in _resources(context, project)]


def _resources(context: Context, project: Project) -> Iterator[Resource]:
    snapshot = Snapshot(context, project)
    yield from integration_tests(context.platform, project)
    yield RepositoryResource(project=project, snapshot=snapshot)
    login = context.platform.registry.login
    if login is not None:
        password = secret_value(context, login.password, what="the password of the registry")
        wanted = WantedRegistry(address=context.platform.registry.host, username=login.username, password=password)
        yield RegistryLoginResource(project=project, wanted=wanted, snapshot=snapshot)
    yield from _secrets(project, list(sources(context, project)), snapshot)


def _secrets(project: Project, found: Sequence[Source], snapshot: Snapshot) -> Iterator[Resource]:
    known = {source.name for source in found}
    written = [key.removeprefix(PREFIX) for key, mark in snapshot.marks.items() if key.startswith(PREFIX) and mark]
    for name in sorted(set(written) - known):
        yield FormerSecret(project=project, name=name, snapshot=snapshot)
    # Those whose value is not known yet hold up all that comes behind them.
    for source in sorted(found, key=lambda each: each.value is None):
        wanted = source.wanted()
        if wanted is None:
            yield Awaited(label=label(project, source.name), reason=source.reason)
        else:
            yield SecretResource(project=project, wanted=wanted, snapshot=snapshot)


def integration_tests(platform: Platform, project: Project) -> Iterator[Resource]:
    """Return the ServiceAccount of a project's integration tests and its rights."""
    tests = project.integration_tests
    if tests is None:
        return
    namespace = platform.woodpecker.workspace.namespace
    account = {"service_account": tests.service_account}
    yield from objects(load_manifest(__package__, "service-account.yaml", {**account, "namespace": namespace}))
    for name in tests.namespaces:
        for manifest in load_manifest(__package__, "tests-scoped.yaml", {**account, "namespace": name, "account_namespace": namespace}):
            yield ObjectResource(manifest=manifest, replaceable=manifest["kind"] == "RoleBinding")
    binding = f"{tests.service_account}-cluster-admin"
    if tests.rbac == "cluster-admin":
        values = {**account, "binding": binding, "account_namespace": namespace}
        for manifest in load_manifest(__package__, "tests-cluster-admin.yaml", values):
            yield ObjectResource(manifest=manifest, replaceable=True)
    else:
        ref = Ref(api_version="rbac.authorization.k8s.io/v1", kind="ClusterRoleBinding", name=binding)
        yield Absent(ref=ref, reason="the integration tests are `rbac: scoped`")

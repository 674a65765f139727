"""Gitea and the repositories of projects, on a real API server and with Gitea's stand-in: up, again, with lost answers, another project."""

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.components.forge import PASSWORD as PASSWORD_KEY
from bootstrap.components.forge import RECORD
from bootstrap.components.gitea.component import Forge
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.project_repository.component import ProjectRepository
from bootstrap.core.cluster import Cluster
from bootstrap.core.component import Component
from bootstrap.core.context import Options
from bootstrap.core.errors import BootstrapError, PlanError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from devtools.gitea.server import ADMIN, PASSWORD, StandIn, stand_in
from devtools.gitea.world import Settings
from devtools.platform import prerequisites
from devtools.platform.run import Run
from tests.support.bootstrap_run import Runner, a_platform
from tests.support.cluster_objects import namespace_of, there
from tests.support.projects import shop

PREFIX = "forge-test"
NAMESPACE = f"{PREFIX}-gitea"
PUBLIC = "https://gitea.example.lan"
WORKLOAD = Ref(api_version="apps/v1", kind="Deployment", name="gitea", namespace=NAMESPACE)
NUMBERS = itertools.count(1)
CHANGING = ("POST", "PATCH", "PUT", "DELETE")
VARIABLE = "PASSWORD_OF_GITEA"
GIVEN = {"password": {"env": VARIABLE}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A cluster and a Gitea."""

    plane: ControlPlane
    gitea: StandIn
    namespace: str

    def platform(self, *projects: dict[str, Any], **gitea: Any) -> Platform:  # noqa: ANN401  keys of `gitea`
        """Write a platform whose Gitea is the stand-in."""
        parts = {key: {"chart": {"namespace": f"{PREFIX}-{key.replace('_', '-')}"}} for key in ("argo_cd", "kargo", "argo_rollouts")}
        endpoint = {"public_url": PUBLIC, "cluster_url": self.gitea.url, "bootstrap_url": self.gitea.url}
        forge = {"mode": "external", "endpoint": endpoint, "namespace": NAMESPACE, **gitea}
        woodpecker = {"chart": {"namespace": f"{PREFIX}-woodpecker"}}
        named = [{**each, "kargo": {"namespace": f"{PREFIX}-{each['name']}-cd"}} for each in projects]
        return a_platform(self.namespace, **parts, gitea=forge, woodpecker=woodpecker, buildkit={"enabled": False}, projects=named)

    def run(self, platform: Platform, *components: Component, options: Options | None = None) -> AbstractContextManager[Run]:
        """Start a run."""
        return Runner(plane=self.plane, platform=platform).engine(*(components or PARTS), options=options)

    def up(self, platform: Platform, options: Options | None = None) -> str:
        """Bring everything up and return what was printed."""
        with self.run(platform, options=options) as run:
            run.engine.up()
            return run.printed

    def nothing_to_do(self, platform: Platform) -> None:
        """See that another run changes neither the cluster nor Gitea."""
        before = self.changes
        with self.run(platform) as run:
            assert run.engine.up().exit_code == 0
            assert run.cluster.mutations == 0
        assert self.changes == before

    @property
    def changes(self) -> int:
        """How many calls so far were of the kind that changes something; what git asks for before it fetches is none."""
        return sum(self.gitea.count(method, "^(?!.*git-upload-pack)") for method in CHANGING)

    def heads(self, name: str) -> dict[str, str]:
        """Return the branches of a repository."""
        refs = self.gitea.world.repositories[name].bare.refs()
        return {ref.removeprefix("refs/heads/"): commit for ref, commit in refs.items() if ref.startswith("refs/heads/")}


PARTS: tuple[Component, ...] = (Namespaces(), Forge(), ProjectRepository())


@pytest.fixture(autouse=True)
def own_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the machine's own settings for git out, and give the administrator's password."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv(VARIABLE, PASSWORD)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.lan")


@pytest.fixture
def platform_namespace() -> str:
    """Name a namespace for the records of one test."""
    return f"{PREFIX}-{next(NUMBERS)}"


@pytest.fixture
def scene(cluster: ControlPlane, platform_namespace: str) -> Iterator[Scene]:
    """Run a Gitea that is installed."""
    with stand_in() as gitea:
        gitea.public_url = PUBLIC
        yield Scene(plane=cluster, gitea=gitea, namespace=platform_namespace)


@pytest.fixture
def fresh(cluster: ControlPlane, platform_namespace: str) -> Iterator[Scene]:
    """Run a Gitea whose installation page is open."""
    with stand_in(Settings(installed=False)) as gitea:
        gitea.public_url = PUBLIC
        yield Scene(plane=cluster, gitea=gitea, namespace=platform_namespace)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a clone with a commit and a tag."""
    path = tmp_path / "shop"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    git(path, "commit", "--quiet", "--allow-empty", "--message=first")
    git(path, "tag", "v1")
    return path


@pytest.fixture
def workload(cluster: ControlPlane) -> Iterator[None]:
    """Make the Deployment of a Gitea that somebody has installed."""
    labels = {"app": "gitea"}
    container = {"name": "gitea", "image": "docker.gitea.com/gitea:1.25.5", "env": [{"name": "GITEA__server__HTTP_PORT", "value": "3000"}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "proxy", "image": "proxy:1"}, container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    with Runner(plane=cluster).engine() as run:
        if run.cluster.get(Ref(api_version="v1", kind="Namespace", name=NAMESPACE)) is None:
            run.cluster.create(namespace_of(NAMESPACE))
        metadata = {"name": WORKLOAD.name, "namespace": NAMESPACE}
        run.cluster.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
        yield
        run.cluster.delete(WORKLOAD)


def git(path: Path, *arguments: str) -> str:
    """Run git in a folder."""
    return subprocess.run(["git", *arguments], cwd=path, capture_output=True, text=True, check=True).stdout.strip()


def environment(cluster: Cluster) -> dict[str, str]:
    """Return the variables of Gitea's container."""
    containers: list[Manifest] = there(cluster, WORKLOAD)["spec"]["template"]["spec"]["containers"]
    (gitea,) = [each for each in containers if each["name"] == "gitea"]
    return {each["name"]: each["value"] for each in gitea["env"]}


def failure(scene: Scene, platform: Platform) -> BootstrapError | None:
    """Bring everything up and return what has kept it from that."""
    try:
        scene.up(platform)
    except BootstrapError as error:
        return error
    return None


def test_an_open_installation_page_ends_with_a_repository_and_its_stage_branches(fresh: Scene, folder: Path) -> None:
    """One run: password on record, page filled in, organisation, repository, clone pushed, branches; the second has nothing to do."""
    platform = fresh.platform(shop(repository={"owner": "traders", "import_from": str(folder)}))
    printed = fresh.up(platform)
    with fresh.run(platform) as run:
        password = run.context.records.read(RECORD)[PASSWORD_KEY]
    user = fresh.gitea.world.user(ADMIN)
    assert user is not None
    assert (user.password, user.admin) == (password, True)
    assert password not in printed
    head = git(folder, "rev-parse", "HEAD")
    assert fresh.heads("traders/shop") == dict.fromkeys(("main", "stage/beta", "stage/paper", "stage/live"), head)
    assert "refs/tags/v1" in fresh.gitea.world.repositories["traders/shop"].bare.refs()
    assert git(folder, "remote", "get-url", "gitea") == f"{PUBLIC}/traders/shop.git"
    fresh.nothing_to_do(platform)


def test_answers_that_were_lost_leave_one_of_everything(fresh: Scene, folder: Path) -> None:
    """Whatever Gitea had done when the line broke, the next run goes on from there, with the same password."""
    platform = fresh.platform(shop(repository={"import_from": str(folder)}))
    for pattern in ("POST /$", "POST /api/v1/user/repos", "POST .*git-receive-pack", "POST .*/branches"):
        fresh.gitea.world.faults.lose(pattern)
    # Each of them ends a run at most, and then has to say what to do.
    for _ in range(6):
        error = failure(fresh, platform)
        if error is None:
            break
        assert error.hint
    assert set(fresh.heads("platform/shop")) == {"main", "stage/beta", "stage/paper", "stage/live"}
    assert list(fresh.gitea.world.users) == [ADMIN]
    fresh.nothing_to_do(platform)


def test_a_second_project_changes_nothing_of_the_first(scene: Scene, folder: Path) -> None:
    """No call of a kind that changes something names it."""
    first = shop(repository={"import_from": str(folder)})
    scene.up(scene.platform(first, admin=GIVEN))
    before, heads = len(scene.gitea.asked), scene.heads("platform/shop")
    platform = scene.platform(first, shop("books"), admin=GIVEN)
    # Lines are broken where they get too long.
    printed = " ".join(scene.up(platform).split())
    asked = [each for each in scene.gitea.asked[before:] if each[0] in CHANGING and not each[1].endswith("git-upload-pack")]
    assert asked == [("POST", "/api/v1/user/repos")]
    assert scene.heads("platform/shop") == heads
    assert "Gitea repository platform/books is empty: push into it (git push https://gitea.example.lan/platform/books.git main)" in printed
    # It is told once, however often a run looks.
    assert printed.count("is empty: push into it") == 1
    scene.nothing_to_do(platform)
    scene.gitea.world.repositories["platform/books"].bare.add_commit("main", "first")
    scene.up(platform)
    assert set(scene.heads("platform/books")) == {"main", "stage/beta", "stage/paper", "stage/live"}
    scene.nothing_to_do(platform)


def test_stage_branches_stay_where_kargo_has_moved_them(scene: Scene, folder: Path) -> None:
    """And what somebody has committed since the import is pushed only when that is asked for."""
    platform = scene.platform(shop(repository={"import_from": str(folder)}), admin=GIVEN)
    scene.up(platform)
    promoted = scene.gitea.world.repositories["platform/shop"].bare.add_commit("stage/beta", "promotion")
    imported = git(folder, "rev-parse", "HEAD")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=second")
    scene.nothing_to_do(platform)
    assert scene.heads("platform/shop")["main"] == imported
    scene.up(platform, Options(import_clones=True))
    heads = scene.heads("platform/shop")
    assert (heads["stage/beta"], heads["main"]) == (promoted, git(folder, "rev-parse", "HEAD"))
    scene.nothing_to_do(platform)


def test_a_repository_that_was_made_public_is_private_again(scene: Scene) -> None:
    """What is managed here is put right, and nothing else."""
    platform = scene.platform(shop(), admin=GIVEN)
    scene.up(platform)
    repository = scene.gitea.world.repositories["platform/shop"]
    repository.private = False
    assert "private: false -> true" in scene.up(platform)
    assert repository.private


def test_missing_variables_are_named_and_nothing_is_changed(scene: Scene, workload: None) -> None:
    """Without `manage_env`: the lines, once, with the command."""
    del workload
    printed = scene.up(scene.platform(admin=GIVEN))
    (warning,) = [line for line in printed.splitlines() if "may not send webhooks" in line]
    assert f"woodpecker-server.{PREFIX}-woodpecker.svc:80" in warning
    assert "GITEA__webhook__ALLOWED_HOST_LIST=external,private" in printed
    with scene.run(scene.platform(admin=GIVEN)) as run:
        assert list(environment(run.cluster)) == ["GITEA__server__HTTP_PORT"]


def test_missing_variables_are_set_where_that_is_wanted(scene: Scene, workload: None) -> None:
    """With `manage_env`: shown one by one before, waited for, and then left alone."""
    del workload
    platform = scene.platform(manage_env=True, admin=GIVEN)
    with scene.run(platform) as run:
        (change,) = [each for each in run.engine.plan().changes if each.resource == f"Environment of {WORKLOAD.label}"]
        assert [str(each) for each in change.fields] == [
            "GITEA__webhook__ALLOWED_HOST_LIST: (none) -> external,private",
            "GITEA__security__ALLOWED_HOST_LIST: (none) -> private",
        ]
    scene.up(platform)
    with scene.run(platform) as run:
        assert environment(run.cluster) == {
            "GITEA__server__HTTP_PORT": "3000",
            "GITEA__webhook__ALLOWED_HOST_LIST": "external,private",
            "GITEA__security__ALLOWED_HOST_LIST": "private",
        }
        assert len(there(run.cluster, WORKLOAD)["spec"]["template"]["spec"]["containers"]) == 2
    scene.nothing_to_do(platform)


def test_down_leaves_gitea_and_the_repositories(scene: Scene) -> None:
    """Also with a Gitea that does not answer."""
    platform = scene.platform(shop(), admin=GIVEN)
    scene.up(platform)
    before = scene.changes
    scene.gitea.stop()
    with scene.run(platform) as run:
        teardown = run.engine.down()
    kept = {each.resource: each.kept for each in teardown.removals}["Gitea repository platform/shop"]
    assert kept == "if it is there, which Gitea does not tell: it holds the code and its history"
    scene.gitea.start()
    assert scene.changes == before


def test_a_gitea_that_is_down_stops_before_anything_is_changed(scene: Scene) -> None:
    """With one problem and not one for each repository."""
    scene.gitea.stop()
    with scene.run(scene.platform(shop(), admin=GIVEN)) as run:
        with pytest.raises(PlanError, match="1 problem"):
            run.engine.up()
        assert run.cluster.mutations == 0
        assert "Gitea is not up" in run.printed
        assert "gitea.endpoint.bootstrap_url" in run.printed


def test_one_that_is_installed_here(scene: Scene) -> None:
    """Volume, pod, Service, ingress, and the administrator that the pod has made; again nothing; `down` leaves it."""
    prerequisites.local_volumes(scene.plane, PREFIX, 1)
    scene.plane.apply(prerequisites.crds())
    scene.plane.apply(yaml.safe_dump_all(prerequisites.CLASSES))
    platform = scene.platform(shop(), mode="install", admin=GIVEN, install={"size": "1Gi", "storage_class": "local-path"})
    with prerequisites.signing(scene.plane):
        scene.up(platform)
        scene.nothing_to_do(platform)
        with scene.run(platform) as run:
            teardown = run.engine.down(confirm=lambda _: False)
            labels = {each.resource for each in teardown.removals if each.kept == "it holds the repositories"}
            secret = Ref(api_version="v1", kind="Secret", name="gitea-administrator", namespace=NAMESPACE)
            assert labels >= {WORKLOAD.label, secret.label, f"PersistentVolumeClaim {NAMESPACE}/gitea", f"Service {NAMESPACE}/gitea"}
            assert PASSWORD not in str(there(run.cluster, WORKLOAD))
            for label in (WORKLOAD, secret):
                run.cluster.delete(label)

"""Woodpecker and a project in it, on a real API server and with the stand-ins of Gitea and Woodpecker: up, again, by hand, down, up."""

import base64
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.components import rotation
from bootstrap.components.forge import PASSWORD as PASSWORD_KEY
from bootstrap.components.forge import RECORD as ADMIN_RECORD
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.project_kargo.token import record_name, token_resources
from bootstrap.components.project_woodpecker.component import ProjectWoodpecker
from bootstrap.components.woodpecker import access
from bootstrap.components.woodpecker.component import Woodpecker
from bootstrap.core.component import Component
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.record import RecordResource
from bootstrap.platform.platform import Platform
from devtools.controlplane import ControlPlane
from devtools.gitea.server import ADMIN, PASSWORD
from devtools.gitea.server import StandIn as GiteaStandIn
from devtools.gitea.server import stand_in as gitea_stand_in
from devtools.platform import charts
from devtools.platform.forge_of_pods import ForgeOfPods
from devtools.platform.run import Run
from devtools.woodpecker.server import StandIn, stand_in
from tests.support.bootstrap_run import Parts, Runner, a_platform
from tests.support.cluster_objects import there
from tests.support.projects import shop

PREFIX = "ci-test"
NAMESPACE = f"{PREFIX}-woodpecker"
CI = "https://ci.example.lan"
FORGE = "https://gitea.example.lan"
WEBHOOKS = f"http://woodpecker-server.{NAMESPACE}.svc"
RIGHTS = "rbac.authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A cluster, a Gitea with an empty repository, and the Woodpecker that would run in the pods."""

    runner: Runner
    gitea: GiteaStandIn
    woodpecker: StandIn

    def components(self) -> list[Component]:
        """Return the parts in their order; Gitea's and Kargo's do no more than what the others count on."""
        admin = RecordResource(name=ADMIN_RECORD, given={PASSWORD_KEY: PASSWORD})
        token = Parts(parts=lambda context: token_resources(context, context.platform.projects[0]), name="project-kargo")
        parts: list[Component] = [Namespaces(), Parts(parts=[admin], name="gitea"), Woodpecker()]
        return [*parts, Parts(parts=[], name="project-repository"), token, ProjectWoodpecker()]

    def run(self, *components: Component) -> AbstractContextManager[Run]:
        """Start a run."""
        return self.runner.engine(*components)

    def up(self) -> str:
        """Bring everything up and return what was printed."""
        with self.run(*self.components()) as run:
            run.engine.up()
            return run.printed

    def changes(self) -> int:
        """Count what was changed in both servers so far."""
        changing = ("POST", "PATCH", "PUT", "DELETE")
        return sum(each.count(method, ".") for each in (self.gitea, self.woodpecker) for method in changing)

    @property
    def hooks(self) -> list[str]:
        """Where the repository's webhooks go."""
        return [hook.url.partition("?")[0] for hook in self.gitea.world.repositories["platform/shop"].hooks]


def platform(gitea: str, woodpecker: str, chart: Path) -> Platform:
    """Write a platform whose servers are the stand-ins."""
    charts = {key: {"chart": {"namespace": f"{PREFIX}-{key.replace('_', '-')}"}} for key in ("argo_cd", "kargo", "argo_rollouts")}
    endpoint = {"public_url": FORGE, "cluster_url": gitea, "bootstrap_url": gitea}
    tests = {"namespaces": [f"{PREFIX}-inttest"]}
    stages = [{"name": "beta", "promotion": "auto", "namespace": f"{PREFIX}-beta"}]
    project = shop(stages=stages, integration_tests=tests, kargo={"namespace": f"{PREFIX}-shop-cd"})
    return a_platform(
        f"{PREFIX}-platform",
        **charts,
        gitea={"mode": "external", "endpoint": endpoint, "namespace": f"{PREFIX}-gitea"},
        buildkit={"enabled": False},
        woodpecker={
            "chart": {"source": str(chart), "namespace": NAMESPACE},
            "bootstrap_url": woodpecker,
            "agents": {"replicas": 2},
        },
        projects=[project],
    )


@pytest.fixture
def scene(cluster: ControlPlane, tmp_path: Path) -> Iterator[Scene]:
    """Run the stand-ins; the cluster is empty the first time, and what an earlier test left the next."""
    chart = charts.small(tmp_path, "woodpecker", "3.6.5").write()
    with gitea_stand_in() as gitea:
        gitea.public_url = FORGE
        gitea.world.add_repository(ADMIN, "shop")
        starting = stand_in(gitea=gitea.url, client_id="", client_secret="", host=CI, oauth_host=FORGE, webhook_host=WEBHOOKS)
        with starting as woodpecker:
            runner = Runner(plane=cluster, platform=platform(gitea.url, woodpecker.url, chart))
            woodpecker.world.forge = ForgeOfPods(gitea.url, cluster, NAMESPACE)
            woodpecker.world.connect("woodpecker-agent-0", "woodpecker-agent-1")
            yield Scene(runner=runner, gitea=gitea, woodpecker=woodpecker)


def environment(run: Run, name: str) -> dict[str, str]:
    """Return the variables that a pod takes from a Secret."""
    data = there(run.cluster, Ref(api_version="v1", kind="Secret", name=name, namespace=NAMESPACE))["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def server(run: Run) -> Manifest:
    """Return the server's StatefulSet."""
    return there(run.cluster, Ref(api_version="apps/v1", kind="StatefulSet", name="woodpecker-server", namespace=NAMESPACE))


def token_of_record(scene: Scene) -> str:
    """Return the token of kargo-notify that is recorded."""
    with scene.run() as run:
        return str(run.context.records.value(record_name(scene.runner.platform.projects[0]), "kargo_token"))


def test_one_run_ends_with_a_repository_that_a_push_builds(scene: Scene) -> None:
    """And the second has nothing to do: no object, no call that changes something in either server."""
    printed = scene.up()
    world = scene.woodpecker.world
    assert world.by_name("platform/shop")
    assert scene.hooks == [f"{WEBHOOKS}/api/hook"]
    assert world.values[1, "kargo_token"] == token_of_record(scene)
    assert len(scene.gitea.world.applications) == 1
    with scene.runner.engine() as run:
        agents, servers = environment(run, "woodpecker-agent"), environment(run, "woodpecker-server")
        assert set(agents) == {"WOODPECKER_AGENT_SECRET"}
        assert agents["WOODPECKER_AGENT_SECRET"] == servers["WOODPECKER_AGENT_SECRET"]
        record = run.context.records.read(access.RECORD)
    for secret in (*servers.values(), record[access.TOKEN], PASSWORD, "a-token-of-kargo"):
        assert secret not in printed
    before = scene.changes()
    with scene.run(*scene.components()) as run:
        assert run.engine.up().exit_code == 0
        assert run.cluster.mutations == 0
    assert scene.changes() == before


@pytest.mark.parametrize(("name", "variable"), [("agent-secret", "AGENT_SECRET"), ("oauth-client", "GITEA_SECRET")])
def test_a_secret_that_was_taken_away_is_made_anew_by_one_run(scene: Scene, name: str, variable: str) -> None:
    """The pods get another one, and nothing else that was recorded changes."""
    scene.up()
    with scene.run(*scene.components()) as run:
        before, records = environment(run, "woodpecker-server"), run.context.records.read(access.RECORD)
        wanted = rotation.find(run.context.platform, name)
        rotation.rotate(run.context, wanted)
        assert wanted.changed(run.context) == ""
        with pytest.raises(BootstrapError, match=f"there is no value of {name}"):
            rotation.rotate(run.context, wanted)
        run.engine.up()
        after, recorded = environment(run, "woodpecker-server"), run.context.records.read(access.RECORD)
        assert run.engine.plan().exit_code == 0
    assert {key for key in before if before[key] != after[key]} == {f"WOODPECKER_{variable}"}
    login = {access.TOKEN, access.TOKEN_FOR}
    assert {key for key in records if records[key] != recorded[key]} - login == {wanted.key}


def test_one_run_brings_a_new_token_of_kargo_to_the_pipelines(scene: Scene) -> None:
    """The plan announces it, though the record still holds the old one; no second run is needed."""
    scene.up()
    first = scene.woodpecker.world.values[1, "kargo_token"]
    project = scene.runner.platform.projects[0]
    with scene.run(*scene.components()) as run:
        rotation.rotate(run.context, rotation.find(run.context.platform, record_name(project)))
        plan = run.engine.up()
    label, record = "Woodpecker secret platform/shop/kargo_token", f"Secret of record {record_name(project)}"
    assert {later.resource: later.reason for later in plan.later}[label] == f"{record} is up to date"
    second = scene.woodpecker.world.values[1, "kargo_token"]
    assert second == token_of_record(scene)
    assert second != first
    with scene.run(*scene.components()) as run:
        assert run.engine.plan().exit_code == 0


def test_what_people_changed_by_hand_is_put_right(scene: Scene) -> None:
    """A webhook that is gone, one to a former address, events of a secret, a secret that was deleted, a repository switched off."""
    scene.up()
    world, repo = scene.woodpecker.world, scene.gitea.world.repositories["platform/shop"]
    repo.hooks[0].url = repo.hooks[0].url.replace(WEBHOOKS, CI)
    world.secrets[1]["kargo_token"]["events"] = ["push"]
    printed = scene.up()
    assert scene.hooks == [f"{WEBHOOKS}/api/hook"]
    assert "tag" in world.secrets[1]["kargo_token"]["events"]
    assert "one goes to https://ci.example.lan" in printed
    repo.hooks.clear()
    del world.secrets[1]["kargo_token"]
    scene.up()
    assert scene.hooks == [f"{WEBHOOKS}/api/hook"]
    assert "kargo_token" in world.secrets[1]
    world.repositories[1]["active"] = False
    repo.hooks.clear()
    scene.up()
    assert world.repositories[1]["active"]
    assert scene.hooks == [f"{WEBHOOKS}/api/hook"]


def test_a_token_that_was_taken_back_is_renewed(scene: Scene) -> None:
    """By another login, which is a line of the plan."""
    scene.up()
    scene.woodpecker.world.accounts[0].hash = "another"
    assert "logs in again" in scene.up()
    with scene.runner.engine() as run:
        assert scene.woodpecker.world.whose(run.context.records.read(access.RECORD)[access.TOKEN], "user")


def test_another_client_secret_restarts_the_server_and_logs_in_again(scene: Scene) -> None:
    """The plan names all of it before, and one run does it: Secret, release, token; the agent's secret stays."""
    scene.up()
    with scene.runner.engine() as run:
        before, annotations = environment(run, "woodpecker-server"), server(run)["spec"]["template"]["metadata"]["annotations"]
    scene.gitea.world.applications.clear()
    printed = scene.up()
    with scene.runner.engine() as run:
        after = environment(run, "woodpecker-server")
        assert server(run)["spec"]["template"]["metadata"]["annotations"] != annotations
    assert after["WOODPECKER_GITEA_CLIENT"] != before["WOODPECKER_GITEA_CLIENT"]
    assert after["WOODPECKER_AGENT_SECRET"] == before["WOODPECKER_AGENT_SECRET"]
    assert "logs in again" in printed
    assert len(scene.gitea.world.applications) == 1


def test_an_answer_that_was_lost_leaves_one_of_everything(scene: Scene) -> None:
    """A run dies after Gitea has made the application, the next after Woodpecker has made the secret; the third ends as it should."""
    scene.gitea.world.faults.lose("POST /api/v1/user/applications/oauth2")
    for _ in range(2):
        scene.woodpecker.world.faults.lost["secrets"] = 1
        with pytest.raises(Exception, match="can't be reached"):
            scene.up()
    scene.up()
    assert len(scene.gitea.world.applications) == 1
    assert list(scene.woodpecker.world.secrets[1]) == ["kargo_token"]
    assert scene.hooks == [f"{WEBHOOKS}/api/hook"]


def test_rights_of_agents_and_tests_are_those_of_platform_yaml(scene: Scene) -> None:
    """A ClusterRoleBinding that was made by hand for the agents goes; tests may do everything in their namespace."""
    binding = {
        "apiVersion": RIGHTS,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "woodpecker-agent-inttest"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "woodpecker-agent", "namespace": NAMESPACE}],
    }
    with scene.runner.engine() as run:
        run.cluster.create(binding)
    assert "no step needs that" in scene.up()
    with scene.runner.engine() as run:
        assert run.cluster.get(Ref(api_version=RIGHTS, kind="ClusterRoleBinding", name="woodpecker-agent-inttest")) is None
        found = there(run.cluster, Ref(api_version=RIGHTS, kind="RoleBinding", name="shop-inttest", namespace=f"{PREFIX}-inttest"))
    assert found["subjects"] == [{"kind": "ServiceAccount", "name": "shop-inttest", "namespace": NAMESPACE}]


def test_down_takes_the_webhook_away_and_up_brings_everything_back(scene: Scene) -> None:
    """Records stay: no second application, and the same secrets."""
    scene.up()
    with scene.runner.engine() as run:
        before = run.context.records.read(access.RECORD)
    with scene.run(*scene.components()) as run:
        run.engine.down()
        assert scene.hooks == []
    scene.up()
    assert scene.hooks == [f"{WEBHOOKS}/api/hook"]
    with scene.runner.engine() as run:
        assert run.context.records.read(access.RECORD) == before
    assert len(scene.gitea.world.applications) == 1


def test_down_may_go_on_without_a_woodpecker_that_answers(scene: Scene) -> None:
    """What can't be asked is kept, and said."""
    scene.up()
    scene.woodpecker.world.faults.web_page = True
    with scene.run(*scene.components()) as run:
        teardown = run.engine.down(confirm=lambda _: False)
    (kept,) = [each.kept for each in teardown.removals if each.resource == "Woodpecker repository platform/shop"]
    assert "Woodpecker does not answer" in kept

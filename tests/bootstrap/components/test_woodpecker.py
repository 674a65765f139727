"""What Woodpecker and the projects in it are made of."""

import base64
from pathlib import Path
from typing import Any

import pytest

from bootstrap.components.absent import Absent
from bootstrap.components.authority import new_authority
from bootstrap.components.project_woodpecker.component import ProjectWoodpecker
from bootstrap.components.project_woodpecker.secret import FormerSecret, SecretResource
from bootstrap.components.woodpecker.component import Woodpecker, environments
from bootstrap.components.woodpecker.former_binding import FormerBinding
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest
from bootstrap.core.resource import Awaited, Resource
from bootstrap.platform.pipeline_secret import TRUSTED_EVENTS
from bootstrap.platform.platform import Platform
from tests.support.bootstrap_run import a_platform
from tests.support.projects import GITEA, shop
from tests.support.still_cluster import StillCluster, manifest_of, record

POLICY = "NetworkPolicy woodpecker/woodpecker-server"
RECORDED = {"agent-secret": "a", "grpc-secret": "g", "fingerprint-key": "f", "client-id": "i", "client-secret": "s"}


def platform(**more: Any) -> Platform:  # noqa: ANN401  keys of platform.yaml
    """Write a platform."""
    return a_platform(**{"gitea": GITEA, "buildkit": {"enabled": False}, **more})


def of_woodpecker(wanted: Platform, *objects: Manifest) -> list[Resource]:
    """Return what Woodpecker is made of."""
    return list(Woodpecker().resources(StillCluster(*objects).context(wanted)))


def of_projects(wanted: Platform, *objects: Manifest, folder: Path | None = None) -> list[Resource]:
    """Return what the projects are made of."""
    return list(ProjectWoodpecker().resources(StillCluster(*objects).context(wanted, folder)))


def secrets(found: list[Resource]) -> dict[str, Resource]:
    """Return Woodpecker's secrets by name."""
    return {each.label.rpartition("/")[2]: each for each in found if each.label.startswith("Woodpecker secret ")}


def test_on_an_empty_cluster_everything_is_announced() -> None:
    """What hangs on the application's secret comes later, under its own name."""
    found = of_woodpecker(platform())
    assert [each.label for each in found if isinstance(each, Awaited)] == [
        "Secret woodpecker/woodpecker-server",
        "Secret woodpecker/woodpecker-agent",
        "Helm release woodpecker/woodpecker",
        "Woodpecker token of platform",
    ]


def test_the_policy_names_ports_of_the_pod() -> None:
    """8000 for browsers and webhooks, where the Service has 80; 9000 for the agents."""
    spec = manifest_of(of_woodpecker(platform()), POLICY)["spec"]
    assert spec["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "server"
    assert [rule["ports"][0]["port"] for rule in spec["ingress"]] == [8000, 8000, 9000]
    controller, gitea, agents = (rule["from"][0] for rule in spec["ingress"])
    assert controller["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kube-system"}
    assert controller["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "traefik"}
    assert gitea["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "gitea"}
    assert agents["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "agent", "app.kubernetes.io/instance": "woodpecker"}


def test_agents_are_cluster_admin_only_by_choice() -> None:
    """The seed's binding is what the choice makes, and what goes without it."""
    scoped = of_woodpecker(platform())
    assert [each.name for each in scoped if isinstance(each, FormerBinding)] == ["woodpecker-agent-inttest"]
    chosen = of_woodpecker(platform(woodpecker={"agents": {"rbac": "cluster-admin"}}))
    binding = manifest_of(chosen, "ClusterRoleBinding woodpecker-agent-inttest")
    assert binding["roleRef"]["name"] == "cluster-admin"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "woodpecker-agent", "namespace": "woodpecker"}]


@pytest.mark.parametrize(
    "subjects",
    [
        [{"kind": "ServiceAccount", "name": "somebody", "namespace": "woodpecker"}],
        [
            {"kind": "ServiceAccount", "name": "woodpecker-agent", "namespace": "woodpecker"},
            {"kind": "User", "name": "ann"},
        ],
    ],
)
def test_a_binding_that_is_for_others_is_left_alone(subjects: list[dict[str, str]]) -> None:
    """Though it has the name."""
    live = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "woodpecker-agent-inttest"},
        "roleRef": {"name": "cluster-admin"},
        "subjects": subjects,
    }
    former = FormerBinding(name="woodpecker-agent-inttest", service_account="woodpecker-agent", namespace="woodpecker")
    assert former.observe(StillCluster(live).context(platform())).change is None


def test_a_ca_that_is_made_here_is_waited_for() -> None:
    """The server must trust Gitea's certificate from its first start."""
    own = platform(prerequisites={"cert_manager": {"mode": "install"}})
    labels = [each.label for each in of_woodpecker(own) if isinstance(each, Awaited)]
    assert labels[0] == "ConfigMap woodpecker/woodpecker-ca"


def test_a_pipeline_gets_both_cas_or_waits_for_the_second(tmp_path: Path) -> None:
    """With the one alone it could not clone from a Gitea of the platform's own."""
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    own = platform(prerequisites={"cert_manager": {"mode": "install"}}, ca={"file": "ca.pem"}, projects=[shop()])
    assert isinstance(secrets(of_projects(own, folder=tmp_path))["platform_ca"], Awaited)
    made = secrets(of_projects(own, record(own, "ca", authority__pem=new_authority("shop CA")), folder=tmp_path))["platform_ca"]
    assert isinstance(made, SecretResource)
    assert made.wanted.value.count("BEGIN CERTIFICATE") == 2


def test_a_database_that_can_not_be_had_is_told_on_an_empty_cluster() -> None:
    """And not when half of the platform stands."""
    wanted = platform(woodpecker={"database": {"driver": "postgres", "datasource": {"env": "DATASOURCE"}}})
    with pytest.raises(BootstrapError, match=r"the address of Woodpecker's database .*DATASOURCE"):
        of_woodpecker(wanted)


def test_agents_see_nothing_but_their_own_secret() -> None:
    """Neither Gitea's nor the database's login."""
    server, agents = environments(RECORDED, "postgres://u:p@db/woodpecker")
    assert agents == {"WOODPECKER_AGENT_SECRET": "a"}
    assert server["WOODPECKER_DATABASE_DATASOURCE"] == "postgres://u:p@db/woodpecker"
    assert set(server) - {"WOODPECKER_DATABASE_DATASOURCE"} == {
        "WOODPECKER_AGENT_SECRET",
        "WOODPECKER_GITEA_CLIENT",
        "WOODPECKER_GITEA_SECRET",
        "WOODPECKER_GRPC_SECRET",
    }


def test_a_project_gets_the_secrets_that_the_platform_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And its own; those of which nothing is known yet are announced, behind the others."""
    monkeypatch.setenv("KEY", "a deploy key")
    monkeypatch.setenv("PASSWORD", "a password")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    project = shop(
        mirror={"remote": "git@github.com:o/r.git", "deploy_key": {"env": "KEY"}},
        secrets={"broker": {"value": {"env": "PASSWORD"}, "events": ["push"], "images": ["docker.io/a/b:1"]}},
    )
    login = {"mode": "external", "login": {"username": "ci", "password": {"env": "PASSWORD"}}}
    wanted = platform(projects=[project], registry=login, ca={"file": "ca.pem"}, buildkit={"enabled": True})
    found = secrets(of_projects(wanted, folder=tmp_path))
    assert list(found) == [
        "platform_ca",
        "registry_username",
        "registry_password",
        "github_deploy_key",
        "broker",
        "kargo_token",
        "builder_ca",
        "builder_cert",
        "builder_key",
    ]
    assert [name for name, each in found.items() if isinstance(each, Awaited)] == [
        "kargo_token",
        "builder_ca",
        "builder_cert",
        "builder_key",
    ]
    broker, authority, key = found["broker"], found["platform_ca"], found["github_deploy_key"]
    assert isinstance(broker, SecretResource)
    assert (broker.wanted.events, broker.wanted.images) == (("push",), ("docker.io/a/b:1",))
    assert isinstance(key, SecretResource)
    assert key.wanted.events == TRUSTED_EVENTS
    assert isinstance(authority, SecretResource)
    # No secret, and a pull request that may not have it would not run at all.
    assert "pull_request" in authority.wanted.events


@pytest.mark.parametrize(("token", "known"), [("same", True), ("other", False), (None, False)])
def test_the_token_of_kargo_is_known_when_its_record_is_up_to_date(token: str | None, *, known: bool) -> None:
    """The record follows Kubernetes in the same run, and what is old by then must not be taken for settled."""
    wanted = platform(projects=[shop()])
    metadata = {"name": "kargo-notify", "namespace": "shop-cd"}
    data = {"token": base64.b64encode(token.encode()).decode()} if token else {}
    of_kubernetes = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    recorded = record(wanted, "kargo-token-shop", kargo_token="same")
    found = secrets(of_projects(wanted, recorded, of_kubernetes))["kargo_token"]
    assert isinstance(found, SecretResource if known else Awaited)


def test_a_secret_that_platform_yaml_no_longer_has_goes() -> None:
    """Known by the mark that was kept when it was written."""
    wanted = platform(projects=[shop()])
    marks = record(wanted, "woodpecker-shop", secret__old="3:abc", secret__gone="", secret__kargo_token="1:def")
    found = secrets(of_projects(wanted, marks))
    assert [name for name, each in found.items() if isinstance(each, FormerSecret)] == ["old"]


def test_a_second_project_changes_nothing_of_the_first() -> None:
    """Not one resource of it."""
    one, two = of_projects(platform(projects=[shop()])), of_projects(platform(projects=[shop(), shop("blog")]))
    assert [each.label for each in one] == [each.label for each in two][: len(one)]
    assert all("blog" in each.label for each in two[len(one) :])


def test_integration_tests_may_do_everything_in_their_namespace() -> None:
    """As a ServiceAccount in the namespace of the steps; a former binding to cluster-admin goes."""
    found = of_projects(platform(projects=[shop(integration_tests={"namespaces": ["shop-inttest"]})]))
    assert manifest_of(found, "ServiceAccount woodpecker/shop-inttest")
    assert manifest_of(found, "Role shop-inttest/shop-inttest")["rules"] == [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    subjects = manifest_of(found, "RoleBinding shop-inttest/shop-inttest")["subjects"]
    assert subjects == [{"kind": "ServiceAccount", "name": "shop-inttest", "namespace": "woodpecker"}]
    assert [each.label for each in found if isinstance(each, Absent)] == ["ClusterRoleBinding shop-inttest-cluster-admin"]


def test_integration_tests_are_cluster_admin_by_choice() -> None:
    """For those that make namespaces of their own."""
    found = of_projects(platform(projects=[shop(integration_tests={"rbac": "cluster-admin"})]))
    binding = manifest_of(found, "ClusterRoleBinding shop-inttest-cluster-admin")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "shop-inttest", "namespace": "woodpecker"}]


def test_no_resource_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their texts stand in tracebacks."""
    monkeypatch.setenv("PASSWORD", "a password")
    login = {"mode": "external", "login": {"username": "ci", "password": {"env": "PASSWORD"}}}
    wanted = platform(projects=[shop()], registry=login)
    assert "a password" not in repr(of_projects(wanted))
    assert base64.b64encode(b"a password").decode() not in repr(of_projects(wanted))


def test_all_secrets_that_are_missing_are_told_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of all projects, each with what to do; one alone is the error itself."""
    mirror = {"remote": "git@github.com:acme/shop.git", "deploy_key": {"env": "NO_DEPLOY_KEY"}}
    wanted = platform(projects=[shop(mirror=mirror, secrets={"npm": {"value": {"file": "./nokey"}}})])
    with pytest.raises(BootstrapError, match=r"2 secrets that platform\.yaml refers to") as caught:
        of_projects(wanted, folder=tmp_path)
    assert caught.value.details == (
        "the deploy key of the mirror of shop is missing: the environment variable NO_DEPLOY_KEY is not set",
        "  export NO_DEPLOY_KEY=...",
        f"the secret npm of shop can't be read from {tmp_path}/nokey: No such file or directory",
        "  the path is relative to platform.yaml",
    )
    monkeypatch.setenv("NO_DEPLOY_KEY", "key")
    with pytest.raises(BootstrapError, match="the secret npm of shop can't be read") as caught:
        of_projects(wanted, folder=tmp_path)
    assert caught.value.hint == "the path is relative to platform.yaml"

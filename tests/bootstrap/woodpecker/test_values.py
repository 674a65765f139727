"""The values of Woodpecker's chart."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.components.woodpecker.values import chart_values
from bootstrap.platform.load import parse
from bootstrap.platform.platform import Platform
from devtools.paths import ROOT

SPECS = ROOT.parent / "shared" / "specs"
CHART_VALUES = SPECS / "woodpecker" / "chart-values-3.6.5.yaml"
RENDERED = SPECS / "charts-rendered" / "woodpecker-3.6.5.yaml"
needs_specs = pytest.mark.skipif(not CHART_VALUES.is_file(), reason="compares with the chart's own files, which lie beside this checkout")

STONKS = ROOT / "examples" / "stonks-oracle" / "platform.yaml"
# Maps whose keys are the user's: variables, annotations.
FREE = {"env", "podAnnotations", "annotations"}
# Keys of the chart inside the chart (charts/agent/templates/statefulset.yaml), which the outer one does not repeat.
INNER = {"agent.mapAgentSecret"}


def platform(text: str = "", *, more: str = "") -> Platform:
    """Read a small platform.yaml, with this below `woodpecker`."""
    whole = f"""
domain: example.lan
prerequisites: {{cert_manager: {{mode: external}}, storage_class: fast}}
gitea: {{mode: external, endpoint: {{public_url: "https://gitea.example.lan", cluster_url: "http://gitea.gitea.svc:3000"}}}}
registry: {{mode: external, host: "registry.example.lan:5000"}}
woodpecker: {{{text}}}
{more}
"""
    return parse(whole, Path("platform.yaml")).platform


def variables(found: Mapping[str, Any], part: str = "server") -> Mapping[str, str]:
    """Return the environment."""
    env: Mapping[str, str] = found[part]["env"]
    return env


def keys(values: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Yield every key that is set, with dots; of lists those of their items."""
    for key, value in values.items():
        yield f"{at}{key}"
        if key in FREE:
            continue
        if isinstance(value, Mapping):
            yield from keys(value, f"{at}{key}.")
        if isinstance(value, list):
            for item in value:
                if isinstance(item, Mapping) and key in {"hosts", "paths", "tls"}:
                    yield from keys(item, f"{at}{key}[].")


@needs_specs
@pytest.mark.parametrize("text", ["", "storage: {kind: nfs}", "database: {driver: postgres, datasource: {env: DATASOURCE}}"])
def test_every_key_is_one_of_the_charts(text: str) -> None:
    """The chart has no schema: a misspelt key would pass in silence."""
    known = set(keys(yaml.safe_load(CHART_VALUES.read_text(encoding="utf-8")))) | INNER
    # An example in a comment of the chart's file.
    known |= {"server.ingress.tls[].secretName", "server.ingress.tls[].hosts"}
    wanted = chart_values(platform(text, more="storage: {server: nas, woodpecker: {path: /x}}"), checksum="c", with_ca=True)
    assert set(keys(wanted)) - known == set()


@needs_specs
def test_names_are_those_that_the_chart_renders() -> None:
    """Release `woodpecker`: Service, ServiceAccount, claim, labels and ports that other parts of the platform count on."""
    documents = [each for each in yaml.safe_load_all(RENDERED.read_text(encoding="utf-8")) if each]
    rendered = {(each["kind"], each["metadata"]["name"]): each for each in documents}
    stonks = parse(STONKS.read_text(encoding="utf-8"), STONKS).platform
    wanted = chart_values(stonks)
    service = rendered["Service", "woodpecker-server"]
    assert stonks.woodpecker.cluster_url == "http://woodpecker-server.woodpecker.svc"
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == {"http": 80, "grpc": 9000}
    assert variables(wanted, "agent")["WOODPECKER_SERVER"] == "woodpecker-server:9000"
    server = rendered["StatefulSet", "woodpecker-server"]["spec"]
    (claim,) = server["volumeClaimTemplates"]
    assert stonks.woodpecker.server_claim == f"{claim['metadata']['name']}-woodpecker-server-0"
    assert claim["spec"]["storageClassName"] == ""
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert ("ServiceAccount", "woodpecker-agent") in rendered
    ingress = rendered["Ingress", "woodpecker-server"]["spec"]
    assert ingress["tls"][0]["secretName"] == wanted["server"]["ingress"]["tls"][0]["secretName"]
    assert ingress["rules"][0]["host"] == wanted["server"]["ingress"]["hosts"][0]["host"]
    # What the release would be when its Secret is changed and its pods are not: the chart puts no checksum in by itself.
    assert "annotations" not in server["template"]["metadata"]


def test_the_agents_secret_comes_from_a_secret_of_ours() -> None:
    """The chart's own would be another one at each rendering."""
    found = chart_values(platform())
    assert found["server"]["createAgentSecret"] is False
    assert found["agent"]["mapAgentSecret"] is False
    assert (found["server"]["extraSecretNamesForEnvFrom"], found["agent"]["extraSecretNamesForEnvFrom"]) == (
        ["woodpecker-server"],
        ["woodpecker-agent"],
    )


def test_no_value_is_a_secret() -> None:
    """Helm keeps values in a Secret that many may read, and shows them with `helm get values`."""
    text = yaml.safe_dump(chart_values(platform("database: {driver: postgres, datasource: {env: DATASOURCE}}")))
    for name in ("GITEA_CLIENT", "GITEA_SECRET", "AGENT_SECRET", "DATASOURCE", "GRPC_SECRET"):
        assert f"WOODPECKER_{name}" not in text


def test_browsers_pods_and_webhooks_each_get_an_address_that_they_can_reach() -> None:
    """The seed sent browsers to the name of a Service."""
    env = variables(chart_values(platform()))
    assert env["WOODPECKER_HOST"] == "https://ci.example.lan"
    assert env["WOODPECKER_GITEA_URL"] == "http://gitea.gitea.svc:3000"
    assert env["WOODPECKER_EXPERT_FORGE_OAUTH_HOST"] == "https://gitea.example.lan"
    assert env["WOODPECKER_EXPERT_WEBHOOK_HOST"] == "http://woodpecker-server.woodpecker.svc"


def test_every_variable_is_a_text() -> None:
    """The chart writes a number or a boolean into the server's environment as nothing at all."""
    found = chart_values(platform("workspace: {rwx: true, storage_class: nfs}"), with_ca=True)
    assert {type(value) for part in ("server", "agent") for value in variables(found, part).values()} == {str}
    assert variables(found, "agent")["WOODPECKER_BACKEND_K8S_STORAGE_RWX"] == "true"


def test_a_claim_on_nfs_has_no_class() -> None:
    """In the chart's words `-`: an empty text would be the default class."""
    nfs = chart_values(platform("storage: {kind: nfs}", more="storage: {server: nas, woodpecker: {path: /x}}"))
    assert nfs["server"]["persistentVolume"] == {"enabled": True, "size": "5Gi", "storageClass": "-"}
    block = chart_values(platform())
    assert block["server"]["persistentVolume"]["storageClass"] == "fast"
    named = chart_values(platform("storage: {storage_class: slow, size: 9Gi}"))
    assert named["server"]["persistentVolume"] == {"enabled": True, "size": "9Gi", "storageClass": "slow"}


def test_with_postgres_the_server_has_no_volume() -> None:
    """Pipelines, secrets and logs are in the database."""
    found = chart_values(platform("database: {driver: postgres, datasource: {env: DATASOURCE}}"))
    assert found["server"]["persistentVolume"] == {"enabled": False}
    assert variables(found)["WOODPECKER_DATABASE_DRIVER"] == "postgres"


def test_agents_keep_nothing_on_volumes() -> None:
    """The chart would make a claim for each, and without a default class Helm would wait for them in vain."""
    found = chart_values(platform("agents: {replicas: 3}"))
    assert found["agent"]["persistence"] == {"enabled": False}
    assert variables(found, "agent")["WOODPECKER_AGENT_CONFIG_FILE"] == ""
    assert found["agent"]["replicaCount"] == 3


def test_server_and_agents_are_of_one_version() -> None:
    """The chart's own is older than its images, and servers refuse agents of another protocol."""
    found = chart_values(platform("image_tag: v3.18.1"))
    assert found["server"]["image"] == found["agent"]["image"] == {"tag": "v3.18.1"}


def test_trusted_plugins_are_full_names_and_clone_plugins_stay() -> None:
    """The setting takes the place of Woodpecker's own list; a colon without a tag would only match :latest."""
    found = chart_values(platform("trusted_plugins: ['registry.example.lan:5000/tools/release:1.2']"))
    images = variables(found)["WOODPECKER_PLUGINS_TRUSTED_CLONE"].split(",")
    assert images[:2] == ["docker.io/woodpeckerci/plugin-git", "quay.io/woodpeckerci/plugin-git"]
    assert images[2] == "registry.example.lan:5000/tools/release:1.2"
    assert images[3].startswith("registry.example.lan:5000/local-cicd/github-mirror:")


def test_nothing_is_privileged_unless_it_is_named() -> None:
    """BuildKit builds the images."""
    assert variables(chart_values(platform()))["WOODPECKER_PLUGINS_PRIVILEGED"] == ""
    named = chart_values(platform("privileged_plugins: ['docker.io/a/b:1', 'docker.io/c/d:2']"))
    assert variables(named)["WOODPECKER_PLUGINS_PRIVILEGED"] == "docker.io/a/b:1,docker.io/c/d:2"


def test_the_platforms_user_always_administers() -> None:
    """It activates the repositories."""
    assert variables(chart_values(platform("admins: [ann, bob]")))["WOODPECKER_ADMIN"] == "ann,bob,platform"
    assert variables(chart_values(platform()))["WOODPECKER_ADMIN"] == "platform"


def test_the_ingress_has_tls_from_the_issuer() -> None:
    """Without `tls` cert-manager makes nothing; `backend` below a path would be ignored."""
    found = chart_values(platform())["server"]["ingress"]
    assert found["annotations"] == {"cert-manager.io/cluster-issuer": "ca-issuer"}
    assert found["tls"] == [{"secretName": "woodpecker-tls", "hosts": ["ci.example.lan"]}]
    assert found["hosts"] == [{"host": "ci.example.lan", "paths": [{"path": "/"}]}]


def test_a_private_ca_is_mounted_and_named() -> None:
    """For Gitea's certificate."""
    found = chart_values(platform(), with_ca=True)["server"]
    (mount,) = found["extraVolumeMounts"]
    assert found["env"]["SSL_CERT_FILE"] == f"{mount['mountPath']}/ca.crt"
    assert found["extraVolumes"] == [{"name": mount["name"], "configMap": {"name": "woodpecker-ca"}}]
    assert "SSL_CERT_FILE" not in variables(chart_values(platform()))


def test_a_change_of_the_secrets_restarts_server_and_agents() -> None:
    """Pods read their environment when they start."""
    found = chart_values(platform(), checksum="abc")
    assert found["server"]["podAnnotations"] == found["agent"]["podAnnotations"] == {"local-cicd.dev/secrets": "abc"}


def test_steps_may_name_a_service_account_only_where_a_project_needs_it() -> None:
    """Whoever can push could use any of the namespace."""
    name = "WOODPECKER_BACKEND_K8S_SERVICE_ACCOUNT_NAME_ALLOW_FROM_STEP"
    assert name not in variables(chart_values(platform()), "agent")
    stonks = parse(STONKS.read_text(encoding="utf-8"), STONKS).platform
    assert variables(chart_values(stonks), "agent")[name] == "true"


def test_variables_of_the_steps_are_written_as_woodpecker_parts_them() -> None:
    """Name and value at the first colon, one from the next at commas."""
    found = chart_values(platform("environment: {PROXY: 'http://proxy:3128', ZONE: lan}"))
    assert variables(found)["WOODPECKER_ENVIRONMENT"] == "PROXY:http://proxy:3128,ZONE:lan"


def test_the_seeds_values_are_there_with_their_corrections() -> None:
    """Host, issuer, storage and agents of the platform that the project comes from."""
    found = chart_values(parse(STONKS.read_text(encoding="utf-8"), STONKS).platform)
    env = variables(found)
    assert env["WOODPECKER_HOST"] == "https://stonks-ci.celestium.life"
    assert env["WOODPECKER_GITEA_URL"] == "http://gitea-http.git-server.svc.cluster.local:3000"
    assert env["WOODPECKER_ADMIN"] == "platform"
    assert found["server"]["persistentVolume"] == {"enabled": True, "size": "5Gi", "storageClass": "-"}
    agent = variables(found, "agent")
    assert agent["WOODPECKER_BACKEND_K8S_VOLUME_SIZE"] == "10G"
    assert agent["WOODPECKER_BACKEND_K8S_STORAGE_RWX"] == "false"
    assert agent["WOODPECKER_BACKEND_K8S_STORAGE_CLASS"] == "local-path"
    assert found["agent"]["replicaCount"] == 2

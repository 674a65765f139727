"""What the cluster is given for the gate, and what the gate is told."""

from typing import Any

import pytest
import yaml

from bootstrap.components import COMPONENTS
from bootstrap.components.images.component import names
from bootstrap.components.market_gate.address import gate_url
from bootstrap.components.market_gate.component import MarketGate
from bootstrap.components.market_gate.configuration import configuration
from bootstrap.components.prerequisites import api
from bootstrap.components.prerequisites.certificates import issuer_namespaces
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest
from bootstrap.platform.platform import Platform
from market_gate.config import Config
from market_gate.server import gate_of
from tests.support.bootstrap_run import a_platform
from tests.support.projects import GITEA, shop
from tests.support.still_cluster import StillCluster

STAGES = [
    {"name": "beta", "promotion": "auto"},
    {"name": "paper", "promotion": "auto", "gate": "hold", "rollback": "allow"},
    {"name": "live", "promotion": "manual", "gate": "fail"},
]
HERE = "local-cicd/market-gate"


def platform(*projects: dict[str, Any], **more: Any) -> Platform:  # noqa: ANN401  keys of platform.yaml
    """Return a platform whose project has guarded stages."""
    return a_platform(**{"gitea": GITEA, "projects": list(projects or (shop(stages=STAGES),)), **more})


def objects(wanted: Platform, *there: Manifest) -> dict[str, Manifest]:
    """Return all objects by label."""
    found = MarketGate().resources(StillCluster(*there).context(wanted))
    return {each.label: each.manifest for each in found if hasattr(each, "manifest")}


def config(**more: Any) -> Config:  # noqa: ANN401  keys of platform.yaml
    """Read what the gate is told as the gate does."""
    return Config.model_validate(yaml.safe_load(configuration(platform(**more))))


def test_without_a_guarded_stage_there_is_no_gate() -> None:
    """No pods, no image, no rights that would be asked for."""
    wanted = platform(shop())
    assert not MarketGate().enabled(wanted)
    assert "market-gate" not in names(wanted)
    asked = {("create", right.kind) for right in api.GUARDED}
    api.rights(StillCluster(refused=frozenset(asked)).context(wanted))


def test_with_one_there_is_all_of_it() -> None:
    """In the platform's namespace; nothing of it is reached from outside of the cluster."""
    wanted = platform()
    assert MarketGate().enabled(wanted)
    assert "market-gate" in names(wanted)
    assert [*objects(wanted)] == [
        f"{kind} {HERE}"
        for kind in (
            "ServiceAccount",
            "Role",
            "RoleBinding",
            "ConfigMap",
            "NetworkPolicy",
            "Deployment",
            "Service",
            "PodDisruptionBudget",
        )
    ]


def test_it_comes_when_kargo_and_the_rules_of_break_glass_are_there_and_before_the_stages_that_ask() -> None:
    """A gate without the policy would honour what anybody writes, and a stage without a gate would count errors."""
    order = [each.name for each in COMPONENTS]
    places = [order.index(name) for name in ("images", "kargo", "break-glass", "market-gate", "project-kargo")]
    assert places == sorted(places)
    assert set(MarketGate.needs) <= set(order)


def test_rights_that_only_the_gate_takes_are_asked_for_where_there_is_one() -> None:
    """Before anything is changed, each by name."""
    refused = frozenset({("patch", "ValidatingAdmissionPolicy"), ("create", "PodDisruptionBudget")})
    with pytest.raises(BootstrapError) as caught:
        api.rights(StillCluster(refused=refused).context(platform()))
    assert [*caught.value.details] == [
        "may not patch: ValidatingAdmissionPolicy (admissionregistration.k8s.io)",
        "may not create: PodDisruptionBudget (policy)",
    ]


def test_it_may_read_config_maps_of_one_namespace_and_nothing_else() -> None:
    """Of the platform's namespace, where the records are, wherever its pods run."""
    found = objects(platform(market_gate={"namespace": "gate"}))
    assert found["Role local-cicd/market-gate"]["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}]
    (subject,) = found["RoleBinding local-cicd/market-gate"]["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "market-gate", "namespace": "gate"}
    assert found["Deployment gate/market-gate"]["spec"]["template"]["spec"]["serviceAccountName"] == "market-gate"
    assert gate_url(platform(market_gate={"namespace": "gate"})) == "http://market-gate.gate.svc/v1/gate"


def test_the_gate_reads_what_it_is_told() -> None:
    """Every setting of platform.yaml that is about it, in its own words."""
    windows = [
        {"name": "year end", "kind": "blocked", "since": "2026-12-31T12:00", "until": "2027-01-02 12:00:30", "reason": "the books"},
        {"name": "lunch", "kind": "open", "days": ["friday"], "since": "12:00", "until": "17:55"},
        {"name": "abroad", "kind": "blocked", "since": "2026-12-31T12:00+01:00", "until": "2026-12-31T12:00Z"},
    ]
    gate = {"calendar": "XNAS", "margin": "1h30m", "windows": windows, "zones": ["Europe/Berlin"], "namespace": "gate"}
    found = config(market_gate=gate, break_glass={"operators": {"users": ["ada"]}, "max_duration": "90m"})
    assert {name: each.rollback for name, each in found.projects["shop-cd"].stages.items()} == {"paper": "allow", "live": "same"}
    assert (found.calendar, found.namespace, found.records) == ("XNAS", "local-cicd", "cluster")
    assert [length.total_seconds() for length in (found.margin, found.longest_break_glass)] == [5400, 5400]
    assert [zone.key for zone in found.display_zones] == ["Europe/Berlin"]
    assert [(each.name, each.kind.value, each.days, each.reason) for each in found.windows] == [
        ("year end", "blocked", (), "the books"),
        ("lunch", "open", ("friday",), ""),
        ("abroad", "blocked", (), ""),
    ]
    assert [f"{each.from_} {each.until}" for each in found.windows] == [
        "2026-12-31 12:00:00 2027-01-02 12:00:30",
        "12:00:00 17:55:00",
        "2026-12-31 12:00:00+01:00 2026-12-31 12:00:00+00:00",
    ]
    # It starts with it.
    gate_of(found)


def test_without_settings_it_is_told_no_more_than_it_needs() -> None:
    """What it would take anyway need not be read by people."""
    assert set(yaml.safe_load(configuration(platform()))) == {"listen", "namespace", "calendar", "longest_break_glass", "projects"}
    assert config().margin.total_seconds() == 0


def test_the_pods_listen_where_the_service_leads() -> None:
    """Kargo asks port 80."""
    found = objects(platform())
    (container,) = found[f"Deployment {HERE}"]["spec"]["template"]["spec"]["containers"]
    (port,) = found[f"Service {HERE}"]["spec"]["ports"]
    (named,) = container["ports"]
    assert (port["port"], port["targetPort"], named["containerPort"]) == (80, named["name"], config().port)
    assert config().host == "0.0.0.0"
    (mount,) = container["volumeMounts"]
    assert container["env"] == [{"name": "MARKET_GATE_CONFIG", "value": f"{mount['mountPath']}/config.yaml"}]
    assert found[f"ConfigMap {HERE}"]["data"].keys() == {"config.yaml"}


@pytest.mark.parametrize(
    "change",
    [
        {"market_gate": {"margin": "5m"}},
        {"market_gate": {"calendar": "XNAS"}},
        {"break_glass": {"max_duration": "1h"}},
        {"projects": [shop(stages=STAGES[:2])]},
    ],
)
def test_pods_are_new_when_what_they_are_told_is(change: dict[str, Any]) -> None:
    """It is read when they start."""

    def digest(wanted: Platform) -> Any:  # noqa: ANN401  a scalar of YAML
        return objects(wanted)[f"Deployment {HERE}"]["spec"]["template"]["metadata"]["annotations"]["local-cicd.dev/configuration"]

    assert digest(platform()) == digest(platform(labels={"a": "b"}))
    assert digest(platform()) != digest(platform(**change))


def test_there_is_always_somebody_to_ask() -> None:
    """While nodes are emptied, while it is rolled out, and where the API server is away."""
    found = objects(platform(market_gate={"replicas": 3}))
    spec = found[f"Deployment {HERE}"]["spec"]
    assert spec["replicas"] == 3
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert found[f"PodDisruptionBudget {HERE}"]["spec"]["maxUnavailable"] == 1
    pod = spec["template"]["spec"]
    assert pod["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"
    assert pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] < pod["terminationGracePeriodSeconds"]
    assert [probe["httpGet"]["path"] for probe in (pod["containers"][0][f"{kind}Probe"] for kind in ("readiness", "liveness"))] == [
        "/healthz/ready",
        "/healthz/live",
    ]


def test_the_pod_may_do_nothing_on_its_node() -> None:
    """What Kubernetes calls the restricted standard, and a root file system that can't be written."""
    pod = objects(platform())[f"Deployment {HERE}"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"]["memory"] == "120Mi"


def callers(wanted: Platform) -> list[tuple[str | None, dict[str, str]]]:
    """Return who may ask: namespace and labels of pods."""
    (rule,) = objects(wanted)[f"NetworkPolicy {HERE}"]["spec"]["ingress"]
    return [
        (each["namespaceSelector"].get("matchLabels", {}).get("kubernetes.io/metadata.name"), each["podSelector"]["matchLabels"])
        for each in rule["from"]
    ]


def test_only_who_has_to_ask_may() -> None:
    """Kargo's controller; the controller of Argo Rollouts where there are analyses; the ingress where there is one."""
    kargo = ("kargo", {"app.kubernetes.io/component": "controller"})
    rollouts = {"app.kubernetes.io/component": "rollouts-controller"}
    assert callers(platform()) == [kargo]
    own = {"argo_rollouts": {"enabled": True}, "market_gate": {"analysis_template": True}}
    assert callers(platform(**own)) == [kargo, ("argo-rollouts", rollouts)]
    # That of somebody else may be anywhere.
    assert callers(platform(market_gate={"analysis_template": True})) == [kargo, (None, rollouts)]
    ingress = platform().prerequisites.ingress
    assert callers(platform(market_gate={"host": "gate.example.lan"})) == [kargo, (ingress.namespace, dict(ingress.pod_labels))]


def test_it_asks_the_api_server_and_nobody_else() -> None:
    """By the port of its Service and by those behind it, whichever a policy sees."""
    metadata = {"name": "kubernetes", "namespace": "default"}
    behind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, "ports": [{"port": 16443}]}
    spec = objects(platform(), behind)[f"NetworkPolicy {HERE}"]["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for rule in spec["egress"] for port in rule["ports"]] == [443, 6443, 16443, 53, 53]


def test_its_page_has_a_name_and_a_certificate_where_wanted() -> None:
    """Made by the platform's issuer, which is looked for in its namespace."""
    cert_manager = {"mode": "external", "issuer": "lan", "issuer_kind": "Issuer"}
    wanted = platform(market_gate={"host": "gate.example.lan"}, prerequisites={"cert_manager": cert_manager})
    found = objects(wanted)
    certificate, ingress = found["Certificate local-cicd/market-gate-tls"]["spec"], found[f"Ingress {HERE}"]["spec"]
    assert certificate == {
        "secretName": "market-gate-tls",
        "dnsNames": ["gate.example.lan"],
        "issuerRef": {"kind": "Issuer", "name": "lan"},
    }
    assert ingress["tls"] == [{"hosts": ["gate.example.lan"], "secretName": "market-gate-tls"}]
    assert ingress["rules"][0]["http"]["paths"][0]["backend"]["service"] == {"name": "market-gate", "port": {"name": "http"}}
    assert "local-cicd" in issuer_namespaces(wanted)
    assert "local-cicd" not in issuer_namespaces(platform(prerequisites={"cert_manager": cert_manager}))


def test_each_guarded_project_gets_a_check_on_demand() -> None:
    """Of any hour; it asks what the stages ask."""
    found = objects(platform(shop(stages=STAGES), shop("books"), shop("bank", stages=STAGES), market_gate={"analysis_template": True}))
    templates = {label: each["spec"] for label, each in found.items() if label.startswith("AnalysisTemplate")}
    assert templates.keys() == {"AnalysisTemplate shop-cd/market-hours-check", "AnalysisTemplate bank-cd/market-hours-check"}
    spec = templates["AnalysisTemplate shop-cd/market-hours-check"]
    assert spec["args"] == [{"name": "project", "value": "shop-cd"}, {"name": "stage"}, {"name": "at", "value": ""}]
    (metric,) = spec["metrics"]
    assert metric["provider"]["web"]["url"].startswith(f"{gate_url(platform())}?project=")
    assert metric["successCondition"] == "result.would_allow == true"


def test_a_registry_with_a_login_is_pulled_from_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a namespace of the gate's own; in the platform's the login is there already."""
    monkeypatch.setenv("REGISTRY_PASSWORD", "secret")
    registry = {"mode": "external", "login": {"username": "ci", "password": {"env": "REGISTRY_PASSWORD"}}}
    assert "Secret gate/registry-login" in objects(platform(registry=registry, market_gate={"namespace": "gate"}))
    found = objects(platform(registry=registry))
    assert not [label for label in found if label.startswith("Secret")]
    assert found[f"Deployment {HERE}"]["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "registry-login"}]

"""What is asked of the chart of Argo CD."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.components.argo_cd.component import ArgoCd
from bootstrap.components.authority import new_authority
from bootstrap.core.objects import Manifest
from bootstrap.core.release import ReleaseResource
from bootstrap.core.resource import Awaited, ObjectResource, Resource
from tests.support.bootstrap_run import a_platform
from tests.support.chart_values import unknown, values_file
from tests.support.still_cluster import StillCluster, manifest_of, record

CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
HTTPS = {"mode": "external", "endpoint": {"public_url": "https://git.example.lan", "cluster_url": "https://git.example.lan:8443"}}
HTTP = {"mode": "external", "endpoint": {"public_url": "https://git.example.lan", "cluster_url": "http://gitea.git.svc:3000"}}


def resources(folder: Path, *objects: Manifest, **platform: Any) -> list[Resource]:  # noqa: ANN401  keys of platform.yaml
    """Return what a platform has of Argo CD; its CA is in ca.pem."""
    (folder / "ca.pem").write_text(CA)
    return list(ArgoCd().resources(StillCluster(*objects).context(a_platform(**platform), folder)))


def values(folder: Path, **platform: Any) -> Any:  # noqa: ANN401  any YAML
    """Return the values of the release."""
    release = resources(folder, **platform)[0]
    assert isinstance(release, ReleaseResource)
    return release.values


def test_tls_ends_at_the_ingress(tmp_path: Path) -> None:
    """With TLS of its own the server would send browsers in circles; the certificate is made by the platform's issuer."""
    issuer = {"mode": "external", "issuer": "lan-ca", "issuer_kind": "Issuer"}
    found = values(tmp_path, prerequisites={"cert_manager": issuer, "ingress": {"class_name": "nginx"}}, argo_cd={"tls_secret": "cd-tls"})
    assert found["configs"]["params"] == {"server.insecure": True}
    assert found["global"]["domain"] == "argocd.example.lan"
    assert found["server"]["ingress"] == {
        "enabled": True,
        "ingressClassName": "nginx",
        "annotations": {"cert-manager.io/issuer": "lan-ca"},
        "extraTls": [{"hosts": ["argocd.example.lan"], "secretName": "cd-tls"}],
    }


def test_policies_are_chosen_and_not_left_to_the_chart(tmp_path: Path) -> None:
    """Chart 10 has turned them on by itself; a default deny would shut Traefik out."""
    assert values(tmp_path)["global"]["networkPolicy"] == {"create": True, "defaultDenyIngress": False}


def test_what_is_not_needed_is_off(tmp_path: Path) -> None:
    """Each is a pod that somebody would have to look after."""
    found = values(tmp_path)
    assert (found["dex"], found["notifications"]) == ({"enabled": False}, {"enabled": False})


@pytest.mark.parametrize(
    ("gitea", "registry", "hosts"),
    [
        (HTTPS, {}, ["git.example.lan", "registry.example.lan"]),
        (HTTP, {}, ["registry.example.lan"]),
        (HTTP, {"host": "10.1.1.11:30500", "plain_http": True}, None),
        (HTTPS, {"host": "[fd00::1]:5000"}, ["git.example.lan"]),
    ],
)
def test_the_ca_is_trusted_for_hosts_that_speak_tls(
    tmp_path: Path, gitea: dict[str, Any], registry: dict[str, Any], hosts: list[str] | None
) -> None:
    """By host and without port, for they are keys of a ConfigMap."""
    found = values(tmp_path, gitea=gitea, registry={"mode": "external", **registry}, ca={"file": "ca.pem"})
    assert found["configs"]["tls"].get("certificates") == (dict.fromkeys(hosts, CA) if hosts else {})


def test_without_a_ca_the_systems_are_enough(tmp_path: Path) -> None:
    """Then nothing is written."""
    assert values(tmp_path, gitea=HTTPS)["configs"]["tls"] == {}


def test_a_ca_that_is_made_here_is_waited_for(tmp_path: Path) -> None:
    """The plan of an empty cluster says so, and does not install Argo CD twice."""
    install = {"prerequisites": {"cert_manager": {"mode": "install"}}, "gitea": HTTPS}
    (awaited,) = resources(tmp_path, **install)
    assert (type(awaited), awaited.label) == (Awaited, "Helm release argocd/argocd")
    pem = new_authority("shop CA")
    (release,) = resources(tmp_path, record(a_platform(), "ca", authority__pem=pem), **install)
    assert isinstance(release, ReleaseResource)
    assert release.label == awaited.label
    assert "PRIVATE KEY" not in str(release.values)
    assert "git.example.lan" in release.values["configs"]["tls"]["certificates"]


def test_the_chart_knows_every_value(tmp_path: Path) -> None:
    """A misspelt key would be ignored by Helm."""
    found = values(tmp_path, gitea=HTTPS, ca={"file": "ca.pem"})
    # What stands in `params` becomes the ConfigMap argocd-cmd-params-cm, key by key.
    assert unknown(found, "argo-cd/chart-values-10.1.1.yaml", free=[("configs", "params")]) == []


def test_the_server_really_reads_the_parameter() -> None:
    """The values file of the chart does not name it; what the chart renders does."""
    rendered = yaml.safe_load_all(values_file("charts-rendered/argo-cd-10.1.1.yaml").read_text(encoding="utf-8"))
    (found,) = [each["data"] for each in rendered if each and each["metadata"]["name"] == "argocd-cmd-params-cm"]
    assert found["server.insecure"] == "true"


def test_the_persons_own_values_win(tmp_path: Path) -> None:
    """They are merged last; the rest stays."""
    found = values(tmp_path, argo_cd={"chart": {"values": {"dex": {"enabled": True}, "redis": {"enabled": False}}}})
    assert (found["dex"]["enabled"], found["redis"], found["notifications"]["enabled"]) == (True, {"enabled": False}, False)


def test_argo_cds_own_app_project_is_left_to_it(tmp_path: Path) -> None:
    """`default` is there with Argo CD."""
    assert len(resources(tmp_path)) == 1


def test_another_app_project_is_made_once_and_then_left_alone(tmp_path: Path) -> None:
    """It may be somebody's policy."""
    found = resources(tmp_path, argo_cd={"project": "shops"}, gitea=HTTP)
    label = "AppProject argocd/shops"
    assert manifest_of(found, label)["spec"]["sourceRepos"] == ["http://gitea.git.svc:3000/*"]
    (made,) = [each for each in found if each.label == label]
    assert isinstance(made, ObjectResource)
    assert made.create_only

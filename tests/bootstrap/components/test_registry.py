"""A registry of our own, as platform.yaml wants it."""

import base64
from collections.abc import Sequence
from typing import Any

import bcrypt
import pytest

from bootstrap.components.registry.component import ContainerRegistry
from bootstrap.core.errors import BootstrapError
from bootstrap.core.record import RecordResource
from bootstrap.core.resource import ObjectResource, Resource
from bootstrap.platform.platform import Platform
from tests.support.bootstrap_run import a_platform
from tests.support.still_cluster import StillCluster, manifest_of, record

LOGIN = {"username": "ci", "password": {"env": "WORD"}}


def platform_with(**registry: Any) -> Platform:  # noqa: ANN401  keys of platform.yaml
    """Return a platform that installs one."""
    return a_platform(registry={"mode": "install", **registry})


def resources(platform: Platform, cluster: StillCluster | None = None) -> Sequence[Resource]:
    """Return what becomes of it."""
    return ContainerRegistry().resources((cluster or StillCluster()).context(platform))


def container(found: Sequence[Resource]) -> dict[str, Any]:
    """Return the container of the registry."""
    (only,) = manifest_of(found, "Deployment registry/registry")["spec"]["template"]["spec"]["containers"]
    return dict(only)


def test_one_that_is_there_already_is_left_alone() -> None:
    """As in the seed."""
    assert not ContainerRegistry().enabled(a_platform())
    assert ContainerRegistry().enabled(platform_with())


def test_images_can_be_deleted_and_uploads_survive_the_ingress() -> None:
    """Without the first the volume only grows; without the second clients are sent to http."""
    environment = {each["name"]: each["value"] for each in container(resources(platform_with()))["env"]}
    assert environment["REGISTRY_STORAGE_DELETE_ENABLED"] == "true"
    assert environment["REGISTRY_HTTP_RELATIVEURLS"] == "true"


def test_down_keeps_everything_of_it() -> None:
    """It holds the images that run."""
    found = [each for each in resources(platform_with()) if isinstance(each, ObjectResource)]
    assert found
    assert [each.label for each in found if not each.kept] == []


def test_its_certificate_and_ingress_have_the_name_that_images_begin_with() -> None:
    """Nodes, Kargo and pipelines all come by this name, with TLS."""
    platform = platform_with(host="images.example.lan")
    found = resources(platform)
    ingress = manifest_of(found, "Ingress registry/registry")["spec"]
    assert [rule["host"] for rule in ingress["rules"]] == ["images.example.lan"]
    assert ingress["tls"] == [{"hosts": ["images.example.lan"], "secretName": "registry-tls"}]
    certificate = manifest_of(found, "Certificate registry/registry-tls")["spec"]
    assert (certificate["secretName"], certificate["dnsNames"]) == ("registry-tls", ["images.example.lan"])
    assert certificate["issuerRef"] == {"kind": "ClusterIssuer", "name": "ca-issuer"}
    assert platform.image("x").startswith("images.example.lan/")


def test_only_the_ingress_controller_reaches_the_pod() -> None:
    """And the pod reaches nobody."""
    spec = manifest_of(resources(platform_with()), "NetworkPolicy registry/registry")["spec"]
    (rule,) = spec["ingress"]
    (source,) = rule["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kube-system"}
    assert source["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "traefik"}
    assert [port["port"] for port in rule["ports"]] == [container(resources(platform_with()))["ports"][0]["containerPort"]]
    assert (spec["policyTypes"], spec["egress"]) == (["Ingress", "Egress"], [])


def test_without_a_login_nothing_asks_for_one() -> None:
    """An empty REGISTRY_AUTH variable would switch it on."""
    found = resources(platform_with())
    assert not [each["name"] for each in container(found)["env"] if "AUTH" in each["name"]]
    assert not [each.label for each in found if each.label.startswith("Secret")]


def test_a_login_is_checked_against_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry gets the bcrypt hash, and nobody the password."""
    monkeypatch.setenv("WORD", "s3cret")
    found = resources(platform_with(login=LOGIN))
    user, _, line = base64.b64decode(manifest_of(found, "Secret registry/registry-htpasswd")["data"]["htpasswd"]).decode().partition(":")
    assert user == "ci"
    assert bcrypt.checkpw(b"s3cret", line.strip().encode())
    (mount,) = [each for each in container(found)["volumeMounts"] if each["name"] == "login"]
    path = {each["name"]: each["value"] for each in container(found)["env"]}["REGISTRY_AUTH_HTPASSWD_PATH"]
    assert path == f"{mount['mountPath']}/htpasswd"
    assert "s3cret" not in str([each.manifest for each in found if isinstance(each, ObjectResource)])


def test_the_hash_stays_until_user_or_password_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bcrypt hash of a password is another one: without a record of it every plan would show a change."""
    monkeypatch.setenv("WORD", "s3cret")
    platform = platform_with(login=LOGIN)

    def line(found: Sequence[Resource]) -> str:
        (only,) = [each for each in found if isinstance(each, RecordResource)]
        return only.given["htpasswd"]

    first = line(resources(platform))
    there = StillCluster(record(platform, "registry-htpasswd", htpasswd=first))
    assert line(resources(platform, there)) == first
    assert line(resources(platform_with(login={**LOGIN, "username": "builder"}), there)) != first
    monkeypatch.setenv("WORD", "another")
    assert line(resources(platform, there)) != first


def test_another_password_starts_another_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubelet takes a minute to bring a Secret to a pod that runs, and the images are pushed before that."""

    def template() -> object:
        return manifest_of(resources(platform_with(login=LOGIN)), "Deployment registry/registry")["spec"]["template"]["metadata"]

    monkeypatch.setenv("WORD", "one")
    before = template()
    monkeypatch.setenv("WORD", "two")
    assert template() != before


def test_a_port_is_refused() -> None:
    """The ingress in front of it has no other than 443, and images would be named by an address where nobody answers."""
    with pytest.raises(BootstrapError, match=r"registry.lan:5000") as caught:
        resources(platform_with(host="registry.lan:5000"))
    assert caught.value.hint == "write registry.lan"


def test_two_pods_never_share_the_volume() -> None:
    """A volume of one node, and a registry that writes to it without asking others."""
    found = resources(platform_with(install={"size": "300Gi", "storage_class": "fast"}))
    assert manifest_of(found, "Deployment registry/registry")["spec"]["strategy"] == {"type": "Recreate"}
    claim = manifest_of(found, "PersistentVolumeClaim registry/registry")["spec"]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("fast", "300Gi")

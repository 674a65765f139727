"""BuildKit as platform.yaml wants it: certificates, configuration, builders, and who may reach them."""

import base64
import tomllib
from typing import Any

import pytest

from bootstrap.components.buildkit.certificate import CLIENT_SECRET, issued
from bootstrap.components.buildkit.component import BuildKit
from bootstrap.core.objects import Manifest
from bootstrap.core.resource import Awaited, Resource
from bootstrap.platform.platform import Platform
from tests.support.bootstrap_run import a_platform
from tests.support.still_cluster import StillCluster, manifest_of, record

CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
STATEFUL_SET = "StatefulSet buildkit/buildkitd"


def certificate(name: str, text: str = "one", platform: Platform | None = None) -> list[Manifest]:
    """Write a Certificate that is as it is wanted, and what cert-manager makes of it."""
    found = BuildKit().resources(StillCluster().context(platform or a_platform()))
    wanted = manifest_of(list(found), f"Certificate buildkit/{name}")
    data = {key: base64.b64encode(f"{text} {key}".encode()).decode() for key in ("ca.crt", "tls.crt", "tls.key")}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "buildkit"}, "data": data}
    ready = {"type": "Ready", "status": "True", "observedGeneration": 1}
    return [secret, {**wanted, "metadata": {**wanted["metadata"], "generation": 1}, "status": {"conditions": [ready]}}]


def resources(platform: Platform, *objects: Manifest) -> list[Resource]:
    """Return what becomes of it on a cluster with these objects, by default the server's certificate."""
    there = objects or (certificate("buildkitd-tls", platform=platform) if platform.buildkit.mtls else ())
    return list(BuildKit().resources(StillCluster(*there).context(platform)))


def configuration(**more: Any) -> dict[str, Any]:  # noqa: ANN401  keys of platform.yaml
    """Return buildkitd.toml, as a TOML parser sees it."""
    found = resources(a_platform(**more))
    return tomllib.loads(manifest_of(found, "ConfigMap buildkit/buildkitd")["data"]["buildkitd.toml"])


def container(found: list[Resource]) -> dict[str, Any]:
    """Return the container of the builder."""
    (only,) = manifest_of(found, STATEFUL_SET)["spec"]["template"]["spec"]["containers"]
    return dict(only)


def test_whoever_shows_no_certificate_is_not_served() -> None:
    """Server certificate, and the CA that clients must have theirs from."""
    grpc = configuration()["grpc"]
    assert grpc["tls"] == {
        "cert": "/etc/buildkit/tls/tls.crt",
        "key": "/etc/buildkit/tls/tls.key",
        "ca": "/etc/buildkit/tls/ca.crt",
    }
    assert "tcp://0.0.0.0:1234" in grpc["address"]
    mounts = {each["mountPath"] for each in container(resources(a_platform()))["volumeMounts"]}
    assert "/etc/buildkit/tls" in mounts


def test_the_ca_of_the_clients_is_buildkits_own() -> None:
    """With the platform's, every certificate of every ingress would let its holder build."""
    found = resources(a_platform())
    assert manifest_of(found, "Issuer buildkit/buildkit")["spec"] == {"ca": {"secretName": "buildkit-ca"}}
    for name, usage in (("buildkitd-tls", "server auth"), ("buildkit-client", "client auth")):
        spec = manifest_of(found, f"Certificate buildkit/{name}")["spec"]
        assert spec["issuerRef"] == {"kind": "Issuer", "name": "buildkit"}
        assert usage in spec["usages"]
        assert not {"server auth", "client auth"} <= set(spec["usages"])


def test_the_server_is_known_by_the_name_that_pipelines_use() -> None:
    """Else the client refuses it."""
    platform = a_platform()
    names = manifest_of(resources(platform), "Certificate buildkit/buildkitd-tls")["spec"]["dnsNames"]
    (url,) = platform.buildkit.cluster_urls
    assert url == "tcp://buildkitd.buildkit.svc:1234"
    assert url.removeprefix("tcp://").partition(":")[0] in names
    assert manifest_of(resources(platform), "Service buildkit/buildkitd")


def test_builders_wait_for_their_certificate() -> None:
    """cert-manager fills the Secret; until then their inputs are not known."""
    half, *_ = certificate("buildkitd-tls")
    half["data"].pop("ca.crt")
    for there in ([], [half]):
        found = StillCluster(*there).context(a_platform())
        waiting = next(each for each in BuildKit().resources(found) if each.label == STATEFUL_SET)
        later = waiting.observe(found).later
        assert later
        assert later.reason == "cert-manager has filled Secret buildkit/buildkitd-tls"


def test_a_renewed_certificate_and_another_configuration_restart_the_builders() -> None:
    """Buildkitd reads both only when it starts."""

    def digest(*objects: Manifest, **more: Any) -> object:  # noqa: ANN401  keys of platform.yaml
        template = manifest_of(resources(a_platform(**more), *objects), STATEFUL_SET)["spec"]["template"]
        return template["metadata"]["annotations"]["local-cicd.dev/inputs"]

    assert digest() == digest()
    assert digest() != digest(*certificate("buildkitd-tls", "two"))
    assert digest() != digest(buildkit={"mirrors": {"docker.io": ["mirror.lan"]}})


def test_without_mtls_there_are_no_certificates() -> None:
    """Nor is anything of them mounted or waited for."""
    found = resources(a_platform(buildkit={"mtls": False}), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})
    assert not [each.label for each in found if each.label.startswith(("Certificate", "Issuer"))]
    toml = tomllib.loads(manifest_of(found, "ConfigMap buildkit/buildkitd")["data"]["buildkitd.toml"])
    assert "tls" not in toml["grpc"]
    assert "/etc/buildkit/tls" not in {each["mountPath"] for each in container(found)["volumeMounts"]}


def test_the_cache_leaves_room_on_its_volume() -> None:
    """In bytes: percentages are those of the disk, and a volume of local-path is a folder on the node's."""
    oci = configuration(buildkit={"storage": {"size": "50Gi"}})["worker"]["oci"]
    total = 50 * 1024**3
    assert oci["gc"] is True
    assert oci["maxUsedSpace"] == total * 8 // 10
    assert oci["reservedSpace"] < oci["maxUsedSpace"] < total
    assert 0 < oci["minFreeSpace"] < total - oci["maxUsedSpace"] + 1


def test_the_registry_is_trusted_by_the_platforms_ca(tmp_path_factory: pytest.TempPathFactory) -> None:
    """And so are the mirrors; the CA is mounted where the configuration says."""
    folder = tmp_path_factory.mktemp("platform")
    (folder / "ca.pem").write_text(CA)
    mirrors = {"docker.io": ["mirror.lan:5000/hub"]}
    platform = a_platform(ca={"file": "ca.pem"}, registry={"mode": "external", "host": "registry.lan"}, buildkit={"mirrors": mirrors})
    found = list(BuildKit().resources(StillCluster(*certificate("buildkitd-tls")).context(platform, folder)))
    data = manifest_of(found, "ConfigMap buildkit/buildkitd")["data"]
    registries = tomllib.loads(data["buildkitd.toml"])["registry"]
    assert data["ca.pem"] == CA
    assert registries["docker.io"]["mirrors"] == ["mirror.lan:5000/hub"]
    for host in ("registry.lan", "mirror.lan:5000"):
        (file,) = registries[host]["ca"]
        assert file in {each["mountPath"] for each in container(found)["volumeMounts"]}


def test_a_registry_on_plain_http_is_spoken_to_like_that() -> None:
    """BuildKit would else try https and fail."""
    registry = {"mode": "external", "host": "10.0.0.5:5000", "plain_http": True}
    assert configuration(registry=registry)["registry"] == {"10.0.0.5:5000": {"http": True}}


def test_without_a_ca_none_is_mounted() -> None:
    """A mount of a key that is not there becomes a folder, and buildkitd does not start."""
    found = resources(a_platform())
    assert "ca.pem" not in manifest_of(found, "ConfigMap buildkit/buildkitd")["data"]
    assert [each["mountPath"] for each in container(found)["volumeMounts"] if each.get("subPath") == "ca.pem"] == []


def test_on_an_empty_cluster_with_our_own_ca_the_configuration_comes_later() -> None:
    """The CA is made by an earlier component."""
    platform = a_platform(prerequisites={"cert_manager": {"mode": "install"}})
    context = StillCluster(*certificate("buildkitd-tls")).context(platform)
    later = {each.label for each in BuildKit().resources(context) if isinstance(each, Awaited)}
    assert {"ConfigMap buildkit/buildkitd", STATEFUL_SET} <= later
    made = StillCluster(*certificate("buildkitd-tls"), record(platform, "ca", authority__pem=f"KEY\n{CA}")).context(platform)
    assert manifest_of(list(BuildKit().resources(made)), "ConfigMap buildkit/buildkitd")["data"]["ca.pem"] == CA


def test_only_pods_of_the_pipelines_may_connect() -> None:
    """The namespace of the steps, one port, and nothing else."""
    platform = a_platform(woodpecker={"workspace": {"namespace": "pipelines"}})
    spec = manifest_of(resources(platform), "NetworkPolicy buildkit/buildkitd")["spec"]
    assert spec["ingress"] == [
        {
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "pipelines"}}}],
            "ports": [{"protocol": "TCP", "port": 1234}],
        }
    ]
    template = manifest_of(resources(platform), STATEFUL_SET)["spec"]["template"]
    assert spec["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    # What is built fetches from anywhere.
    assert spec["policyTypes"] == ["Ingress"]


def test_a_builder_for_each_platform_runs_on_its_nodes() -> None:
    """Each with a cache, a Service and a certificate's name of its own."""
    platform = a_platform(buildkit={"platforms": ["linux/amd64", "linux/arm64"], "replicas": 2})
    found = resources(platform)
    for name in ("amd64", "arm64"):
        spec = manifest_of(found, f"StatefulSet buildkit/buildkitd-{name}")["spec"]
        assert spec["template"]["spec"]["nodeSelector"] == {"kubernetes.io/arch": name}
        assert spec["replicas"] == 2
        selector = manifest_of(found, f"Service buildkit/buildkitd-{name}")["spec"]["selector"]
        assert selector.items() <= spec["template"]["metadata"]["labels"].items()
    names = manifest_of(found, "Certificate buildkit/buildkitd-tls")["spec"]["dnsNames"]
    assert platform.buildkit.cluster_urls == ("tcp://buildkitd-amd64.buildkit.svc:1234", "tcp://buildkitd-arm64.buildkit.svc:1234")
    assert {"buildkitd-amd64.buildkit.svc", "buildkitd-arm64.buildkit.svc"} <= set(names)


def test_the_cache_is_a_claim_of_the_class_that_is_wanted() -> None:
    """That of BuildKit, else that of the platform, else the cluster's default one."""

    def claim(**more: Any) -> dict[str, Any]:  # noqa: ANN401  keys of platform.yaml
        (template,) = manifest_of(resources(a_platform(**more)), STATEFUL_SET)["spec"]["volumeClaimTemplates"]
        return dict(template["spec"])

    general = {"cert_manager": {"mode": "external"}, "storage_class": "local-path"}
    assert "storageClassName" not in claim()
    assert claim(prerequisites=general)["storageClassName"] == "local-path"
    own = claim(prerequisites=general, buildkit={"storage": {"storage_class": "fast", "size": "200Gi"}})
    assert (own["storageClassName"], own["resources"]["requests"]["storage"]) == ("fast", "200Gi")


def test_privileged_is_the_container_and_nothing_else() -> None:
    """No token of the Kubernetes API, no network of the node."""
    found = resources(a_platform())
    pod = manifest_of(found, STATEFUL_SET)["spec"]["template"]["spec"]
    assert container(found)["securityContext"] == {"privileged": True}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


def test_rootless_needs_no_privileged_container() -> None:
    """Another image, another folder, and a seccomp profile that lets it make namespaces."""
    found = resources(a_platform(buildkit={"privileges": "rootless"}))
    only = container(found)
    assert "privileged" not in only["securityContext"]
    assert only["securityContext"]["runAsUser"] == 1000
    assert only["image"].partition(":")[0].endswith("/buildkit-rootless")
    assert "--oci-worker-no-process-sandbox" in only["args"]
    assert "/home/user/.local/share/buildkit" in {each["mountPath"] for each in only["volumeMounts"]}
    address = tomllib.loads(manifest_of(found, "ConfigMap buildkit/buildkitd")["data"]["buildkitd.toml"])["grpc"]["address"]
    assert only["readinessProbe"]["exec"]["command"][2] == address[0]


def test_a_registry_with_a_login_is_pulled_from_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Secret lies beside the pods, and its value is hidden."""
    monkeypatch.setenv("WORD", "s3cret-of-the-registry")
    registry = {"mode": "external", "login": {"username": "ci", "password": {"env": "WORD"}}}
    found = resources(a_platform(registry=registry))
    pod = manifest_of(found, STATEFUL_SET)["spec"]["template"]["spec"]
    (secret,) = pod["imagePullSecrets"]
    assert manifest_of(found, f"Secret buildkit/{secret['name']}")["type"] == "kubernetes.io/dockerconfigjson"
    assert "imagePullSecrets" not in manifest_of(resources(a_platform()), STATEFUL_SET)["spec"]["template"]["spec"]


def test_pipelines_get_the_clients_certificate() -> None:
    """CA, certificate and key; nothing before cert-manager has made them."""
    there = StillCluster(*certificate("buildkit-client")).context(a_platform())
    assert issued(there, CLIENT_SECRET).parts == {key: f"one {key}" for key in ("ca.crt", "tls.crt", "tls.key")}
    assert "one tls.key" in there.secrecy.known
    assert issued(StillCluster().context(a_platform()), CLIENT_SECRET).parts is None


UNSEEN = {"type": "Ready", "status": "True", "observedGeneration": 0}
REFUSED = {"type": "Ready", "status": "False", "reason": "DoesNotExist"}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"spec": {"secretName": "buildkit-client", "commonName": "somebody"}}, "cert-manager has seen the change of Certificate {}"),
        ({"status": {"conditions": [UNSEEN]}}, "Certificate {} is ready (its controller has not seen the last change yet)"),
        ({"status": {"conditions": [REFUSED]}}, "Certificate {} is ready (Ready=False (DoesNotExist))"),
        ({"metadata": {"name": "other"}}, "cert-manager has seen the change of Certificate {}"),
    ],
)
def test_a_certificate_that_is_going_to_be_another_one_is_not_known_yet(changed: Manifest, reason: str) -> None:
    """The plan announces then what is made of it, and one run is enough."""
    secret, live = certificate("buildkit-client")
    found = issued(StillCluster(secret, {**live, **changed}).context(a_platform()), CLIENT_SECRET)
    assert found.parts is None
    assert found.reason == reason.format("buildkit/buildkit-client")

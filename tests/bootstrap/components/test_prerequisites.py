"""What must be there: each thing that is missing is named, with what to do."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bootstrap.components.prerequisites import inside
from bootstrap.components.prerequisites.component import Prerequisites
from bootstrap.core.change import Action
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest
from bootstrap.core.resource import Check
from bootstrap.platform.platform import Platform
from devtools.platform import probes
from devtools.platform.prerequisites import CLASSES, cluster_objects, issuer
from tests.support.authority import Authority
from tests.support.bootstrap_run import a_platform
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server
from tests.support.still_cluster import StillCluster

RWX = {"workspace": {"rwx": True}}


def checks(platform: Platform) -> dict[str, Check]:
    """Return the checks of a platform by label."""
    found = Prerequisites().resources(StillCluster(*cluster_objects()).context(platform))
    return {each.label: each for each in found if isinstance(each, Check)}


def problem(label: str, cluster: StillCluster, **more: Any) -> BootstrapError:  # noqa: ANN401  keys of platform.yaml
    """Return what a check says of a cluster where something is not as it should be."""
    platform = a_platform(**more)
    with pytest.raises(BootstrapError) as caught:
        checks(platform)[label].observe(cluster.context(platform))
    assert caught.value.hint, "without a remedy it is of no use"
    return caught.value


def without(*kinds: str) -> list[Manifest]:
    """Return the objects of a cluster that has everything, but those of some kinds."""
    return [each for each in cluster_objects() if each["kind"] not in kinds]


def test_a_cluster_that_has_everything_passes() -> None:
    """And nothing is changed."""
    platform = a_platform()
    context = StillCluster(*cluster_objects()).context(platform)
    for label, check in checks(platform).items():
        if not label.startswith(("Registry", "cert-manager")):
            assert check.observe(context).change is None, label


def test_an_old_api_server_is_named_with_its_version() -> None:
    """And so is the oldest one that will do."""
    error = problem("Version of Kubernetes", StillCluster(version=(1, 29)))
    assert "v1.29.0" in error.message
    assert "1.30" in error.message
    checks(a_platform())["Version of Kubernetes"].observe(StillCluster(version=(1, 30)).context(a_platform()))


def test_every_right_that_is_missing_is_named() -> None:
    """Which verb on what: an administrator has to be able to grant just that."""
    refused = frozenset({("patch", "Namespace"), ("delete", "Namespace"), ("escalate", "ClusterRole")})
    error = problem("Rights on the cluster", StillCluster(refused=refused))
    assert error.details == ("may not patch, delete: Namespace", "may not escalate: ClusterRole (rbac.authorization.k8s.io)")


def test_a_missing_ingress_class_is_named_with_those_that_are_there() -> None:
    """The usual reason is another name."""
    error = problem(
        "IngressClass nginx", StillCluster(*cluster_objects()), prerequisites={"ingress": {"class_name": "nginx"}} | _external()
    )
    assert "there is: traefik" in error.details
    assert "there is none at all" in problem("IngressClass traefik", StillCluster(*without("IngressClass"))).details


def test_an_ingress_controller_that_policies_would_lock_out_is_found() -> None:
    """NetworkPolicies let in the pods with these labels; where there are none, every page would be dead."""
    error = problem("IngressClass traefik", StillCluster(*without("Pod")))
    assert "app.kubernetes.io/name=traefik" in error.message
    assert "pod_labels" in str(error.hint)


def test_a_missing_storage_class_says_who_would_wait_for_it() -> None:
    """And which classes there are."""
    platform: dict[str, Any] = {"prerequisites": {"storage_class": "fast"} | _external()}
    error = problem("StorageClass fast", StillCluster(*cluster_objects()), **platform)
    assert error.message == (
        "there is no StorageClass fast, and woodpecker.workspace, buildkit.storage and woodpecker.storage would wait for a volume for ever"
    )
    assert error.details == ("there is: local-path, nfs",)


def test_a_cluster_without_a_default_class_is_found() -> None:
    """Only where somebody wants that one."""
    named = [{**each, "metadata": {"name": each["metadata"]["name"]}} for each in CLASSES]
    cluster = StillCluster(*without("StorageClass"), *named)
    assert "default" in problem("Default StorageClass", cluster).message
    explicit = a_platform(prerequisites={"storage_class": "local-path"} | _external())
    assert "Default StorageClass" not in checks(explicit)
    checks(explicit)["StorageClass local-path"].observe(cluster.context(explicit))


@pytest.mark.parametrize("name", [None, "local-path"])
def test_pipelines_on_several_nodes_need_another_class_than_local_path(name: str | None) -> None:
    """The seed's trap: rwx with the default class, and every pipeline hangs in Pending."""
    classes = {"rwx_storage_class": name} if name else {}
    label = f"StorageClass {name}" if name else "Default StorageClass"
    error = problem(label, StillCluster(*cluster_objects()), woodpecker=RWX, prerequisites=classes | _external())
    assert "rancher.io/local-path" in error.message
    assert "rwx: false" in str(error.hint)
    good = a_platform(woodpecker=RWX, prerequisites={"rwx_storage_class": "nfs"} | _external())
    checks(good)["StorageClass nfs"].observe(StillCluster(*cluster_objects()).context(good))


def test_a_build_cache_on_a_file_server_is_refused() -> None:
    """Overlayfs can't lie there; BuildKit would fall back to copying every layer."""
    error = problem("StorageClass nfs", StillCluster(*cluster_objects()), buildkit={"storage": {"storage_class": "nfs"}})
    assert "overlayfs" in error.message


def test_a_missing_cert_manager_is_found_where_it_is_to_be_there() -> None:
    """Where it is installed here, nobody looks for it."""
    assert "cert-manager is not installed" in problem("cert-manager", StillCluster(*without("Certificate"))).message
    installed = checks(a_platform(prerequisites={"cert_manager": {"mode": "install"}}))
    assert not [label for label in installed if "cert-manager" in label or "Issuer" in label]


def test_a_missing_issuer_is_named_with_those_that_are_there() -> None:
    """The usual reason is another name."""
    cluster = StillCluster(*without("ClusterIssuer"), issuer("letsencrypt"))
    error = problem("ClusterIssuer ca-issuer", cluster)
    assert error.details == ("there is: letsencrypt",)


def test_an_issuer_that_is_not_ready_says_why() -> None:
    """With the words of cert-manager."""
    bad = issuer("ca-issuer", ready="False", message="secret ca-key-pair not found")
    error = problem("ClusterIssuer ca-issuer", StillCluster(*without("ClusterIssuer"), bad))
    assert "secret ca-key-pair not found" in error.message


def test_an_issuer_of_a_namespace_is_looked_for_in_each_that_has_an_ingress() -> None:
    """An `Issuer` serves only its own."""
    platform = a_platform(prerequisites={"cert_manager": {"mode": "external", "issuer_kind": "Issuer"}})
    found = [label for label in checks(platform) if label.startswith("Issuer")]
    assert found == ["Issuer woodpecker/ca-issuer", "Issuer argocd/ca-issuer", "Issuer kargo/ca-issuer"]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Start a registry that answers as a test says."""
    with scripted_server() as running:
        yield running


def registry_problem(host: str, **more: Any) -> BootstrapError:  # noqa: ANN401  keys of `registry`
    """Return what is said of a registry at this address."""
    registry = {"mode": "external", "host": host, **more}
    return problem(f"Registry {host}", StillCluster(), registry=registry, timeouts={"request": "1s"})


def test_a_registry_that_answers_passes(server: ScriptedServer) -> None:
    """At the address for this command."""
    server.on("GET", "^/v2/$", Answer())
    platform = a_platform(registry={"mode": "external", "host": "registry.lan", "bootstrap_url": server.url})
    checks(platform)["Registry registry.lan"].observe(StillCluster().context(platform))


def test_a_registry_that_wants_a_login_says_which_setting_is_missing(server: ScriptedServer) -> None:
    """In the words of platform.yaml, not of a pipeline step."""
    server.on("GET", "^/v2/$", Answer(status=401, headers={"WWW-Authenticate": 'Basic realm="registry"'}))
    assert "`registry.login`" in str(registry_problem("registry.lan", bootstrap_url=server.url).hint)


def test_a_registry_that_is_not_there_says_so() -> None:
    """And where to write another address for this machine."""
    assert "registry.bootstrap_url" in str(registry_problem("registry.lan", bootstrap_url="http://127.0.0.1:1").hint)


def test_a_registry_with_a_certificate_of_an_unknown_ca_names_the_setting(tmp_path: Path) -> None:
    """And with that CA it is trusted."""
    authority = Authority(tmp_path / "ca")
    certificate = authority.server("registry")
    with scripted_server(_tls(certificate.cert, certificate.key)) as server:
        server.on("GET", "^/v2/$", Answer())
        url = f"https://{server.host}"
        assert "`ca`" in str(registry_problem("registry.lan", bootstrap_url=url).hint)
        platform = a_platform(registry={"mode": "external", "host": "registry.lan", "bootstrap_url": url}, ca={"file": str(authority.file)})
        checks(platform)["Registry registry.lan"].observe(StillCluster().context(platform))


def test_a_registry_on_plain_http_is_told_from_one_with_tls(server: ScriptedServer) -> None:
    """Kargo never finds one under a name."""
    error = registry_problem("registry.lan", bootstrap_url=f"https://{server.host}")
    assert "speaks plain http" in error.message
    assert "plain_http" in str(error.hint)


def _tls(cert: Path, key: Path) -> Any:  # noqa: ANN401  ssl.SSLContext
    import ssl  # noqa: PLC0415  for two tests

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def _external() -> dict[str, Any]:
    return {"cert_manager": {"mode": "external"}}


# What busybox 1.35 printed for `timeout 15 wget -S -O /dev/null URL` (its lines about TLS as its source has them), and what becomes of it.
WGET = [
    ("Connecting to registry.lan (10.0.0.5:443)\n  HTTP/1.1 200 OK\n  Content-Length: 2", "ok", "HTTP 200"),
    (
        (
            "Connecting to registry.lan (10.0.0.5:443)\nwget: note: TLS certificate validation not implemented\n"
            "  HTTP/1.1 401 Unauthorized\nwget: server returned error: HTTP/1.1 401 Unauthorized"
        ),
        "ok",
        "HTTP 401",
    ),
    ("  HTTP/1.1 302 Found\n  Location: /login\n  HTTP/1.1 200 OK\nsaving to '/dev/null'", "ok", "HTTP 200"),
    ("  HTTP/1.1 503 Service Unavailable\nwget: server returned error: HTTP/1.1 503 Service Unavailable", "failed", "HTTP 503"),
    ("wget: bad address 'registry.lan'", "failed", "wget: bad address 'registry.lan'"),
    (
        "Connecting to registry.lan (10.0.0.5:443)\nwget: can't connect to remote host (10.0.0.5): Connection refused",
        "failed",
        "wget: can't connect to remote host (10.0.0.5): Connection refused",
    ),
    ("Connecting to registry.lan (10.0.0.5:443)\nTerminated", "failed", "no answer within 15 seconds"),
    (
        "Connecting to registry.lan (10.0.0.5:443)\nwget: TLS error from peer (alert code 40): handshake failure",
        "ok",
        "wget: TLS error from peer (alert code 40): handshake failure",
    ),
]


@pytest.mark.parametrize(("printed", "state", "text"), WGET)
def test_the_probe_reads_what_wget_says(printed: str, state: str, text: str, tmp_path: Path) -> None:
    """The script of the pod, with a wget that prints what busybox' own does."""
    wget = tmp_path / "wget"
    wget.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{printed}\nEND\nexit 1\n")
    wget.chmod(0o755)
    probe = inside.network_probe(a_platform(), [inside.Target(name="registry", url="https://registry.lan/v2/", setting="registry.host")])
    (container,) = probe.manifest["spec"]["containers"]
    said = tmp_path / "said"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **{each["name"]: each["value"] for each in container["env"]}}
    command = [*container["command"], container["args"][0].replace("/dev/termination-log", str(said))]
    subprocess.run(command, check=True, env=environment, timeout=30)
    assert said.read_text() == f"registry\t{state}\t{text}\n"


def judged(message: str, platform: Platform | None = None) -> Any:  # noqa: ANN401  what is raised, or None
    """Return what a network probe with these last words is taken for."""
    platform = platform or a_platform()
    probe = inside.network_probe(platform, inside.targets(platform))
    context = StillCluster().context(platform)
    try:
        probe.judge(context, probes.ended(probe.manifest, message))
    except BootstrapError as error:
        return error
    return None


def test_everything_that_pods_do_not_reach_is_named_with_its_setting() -> None:
    """The names, what was tried, and what to do about each."""
    assert judged("registry\tok\tHTTP 401\ngitea\tok\tHTTP 200\n") is None
    error = judged("registry\tfailed\twget: bad address 'registry.example.lan'\ngitea\tfailed\tno answer within 15 seconds\n")
    assert error.message == "from inside the cluster registry and gitea can't be reached"
    assert "CoreDNS" in error.hint
    assert "`gitea.endpoint.cluster_url`" in error.hint
    assert "https://registry.example.lan/v2/: wget: bad address 'registry.example.lan'" in error.details


def test_an_ingress_that_knows_nothing_of_the_registry_is_no_registry() -> None:
    """A wildcard in the DNS leads every name to the ingress controller, which answers 404."""
    error = judged("registry\tok\tHTTP 404\ngitea\tok\tHTTP 404\n")
    assert error.details == ("https://registry.example.lan/v2/: something else answers there (HTTP 404)",)


@pytest.mark.parametrize("message", ["", "gitea\tok\tHTTP 200\n", "nonsense"])
def test_a_probe_that_said_nothing_is_no_success(message: str) -> None:
    """It was killed, or its image is not what it should be."""
    assert "the probe said nothing about it" in str(judged(message).details)


def test_what_is_installed_here_is_not_asked_for_before() -> None:
    """It can't be there yet."""
    platform = a_platform(registry={"mode": "install"}, gitea={"mode": "install"})
    assert inside.targets(platform) == []
    labels = [each.label for each in Prerequisites().resources(StillCluster().context(platform))]
    assert not [label for label in labels if label.startswith(("Registry", "Pod"))]


NFS = {"server": "nas.lan", "kargo": {"path": "/export/kargo"}, "argo_cd": {"path": "/export/argocd"}}


def test_the_nfs_folders_are_mounted_by_a_pod() -> None:
    """Only a node can tell whether it can mount them."""
    platform = a_platform(storage=NFS)
    probe = inside.volume_probe(platform)
    assert probe
    assert [each["nfs"] for each in probe.manifest["spec"]["volumes"]] == [
        {"server": "nas.lan", "path": "/export/argocd"},
        {"server": "nas.lan", "path": "/export/kargo"},
    ]
    assert inside.volume_probe(a_platform()) is None
    # Of a Woodpecker on a block volume the folder need not be there.
    unused = {"server": "nas.lan", "woodpecker": {"path": "/export/woodpecker"}}
    assert inside.volume_probe(a_platform(storage=unused)) is None
    context = StillCluster().context(platform)
    probe.judge(context, probes.ended(probe.manifest, "argo-cd\tok\tcan be written\nkargo\tok\tcan be written\n"))
    with pytest.raises(BootstrapError, match=r"/export/kargo on nas.lan"):
        probe.judge(context, probes.ended(probe.manifest, "argo-cd\tok\tcan be written\nkargo\tfailed\tuser 1000 may not write there\n"))


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("mount.nfs: mounting nas.lan:/export/kargo failed, reason given by server: No such file or directory", "must exist"),
        ("mount.nfs: access denied by server while mounting nas.lan:/export/kargo", "export the folder"),
        (
            "mount: /var/lib/x: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program.",
            "nfs-common",
        ),
        ("mount.nfs: Connection refused for nas.lan:/export/kargo on /var/lib/x", "2049"),
        ("mount.nfs: Failed to resolve server nas.lan: Name or service not known", "as an address"),
    ],
)
def test_a_folder_that_can_not_be_mounted_says_what_to_do(message: str, remedy: str) -> None:
    """From the event of the kubelet, as soon as it is there."""
    platform = a_platform(storage=NFS)
    probe = inside.volume_probe(platform)
    assert probe
    live = probes.waiting(probe.manifest, "ContainerCreating")
    event = probes.event(live, "FailedMount", message)
    error = probe.stuck(StillCluster(event).context(platform), live)
    assert error
    assert remedy in str(error.hint)
    assert message in error.details
    assert probe.stuck(StillCluster().context(platform), live) is None


def test_a_probe_image_that_nodes_can_not_pull_names_the_setting() -> None:
    """Not everybody has a way to Docker Hub."""
    platform = a_platform()
    probe = inside.network_probe(platform, inside.targets(platform))
    live = probes.waiting(probe.manifest, "ErrImagePull", "dial tcp: lookup registry-1.docker.io: no such host")
    error = probe.stuck(StillCluster().context(platform), live)
    assert error
    assert "prerequisites.probe_image" in str(error.hint)


def actions(live: Sequence[Manifest], platform: Platform | None = None) -> Action | None:
    """Return what would be done with the network probe on a cluster with these pods."""
    platform = platform or a_platform()
    probe = inside.network_probe(platform, inside.targets(platform))
    change = probe.observe(StillCluster(*live).context(platform)).change
    return change.action if change else None


def test_a_probe_runs_once_and_again_only_when_something_is_new() -> None:
    """Else a second `up` would change something; and a failure must not stay for ever."""
    probe = inside.network_probe(a_platform(), inside.targets(a_platform()))
    good = probes.ended(probe.manifest, "registry\tok\tHTTP 200\ngitea\tok\tHTTP 200\n")
    assert actions([]) is Action.CREATE
    assert actions([good]) is None
    assert actions([probes.ended(probe.manifest, "registry\tfailed\tx\n")]) is Action.REPLACE
    assert actions([probes.waiting(probe.manifest, "ContainerCreating")]) is Action.REPLACE
    assert actions([good], a_platform(registry={"mode": "external", "host": "other.lan"})) is Action.REPLACE

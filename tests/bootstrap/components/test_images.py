"""This project's images come from a folder or a registry into the platform's registry: what is missing, byte for byte."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.components.images.component import Images, names
from bootstrap.components.images.image import Image
from bootstrap.components.images.nodes import NodeTrust, remedy
from bootstrap.components.images.source import Layouts, SourceError, source
from bootstrap.core.change import Action
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest
from bootstrap.platform.platform import Platform
from devtools.platform import layouts, probes
from devtools.platform.layouts import LayoutFiles
from tests.support.bootstrap_run import a_platform
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server
from tests.support.still_cluster import StillCluster

NAME = "registry-push"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Start a registry that has nothing but what a test says."""
    with scripted_server() as running:
        yield running


def image(context: Context, name: str = NAME) -> Image:
    """Return the resource of an image."""
    return next(each for each in Images().resources(context) if isinstance(each, Image) and each.name == name)


def context_of(server: ScriptedServer, folder: Path, **images: str) -> Context:
    """Return a run whose registry is the server, and whose platform.yaml lies in the folder."""
    registry = {"mode": "external", "host": "registry.lan", "bootstrap_url": server.url}
    return StillCluster().context(a_platform(registry=registry, images={"tag": "1.0", **images}, timeouts={"request": "1s"}), folder)


def installed(server: ScriptedServer) -> Platform:
    """Describe a platform whose registry is to be installed, and will be the server."""
    return a_platform(registry={"mode": "install", "bootstrap_url": server.url})


def serve(server: ScriptedServer, layout: Path, digest: str) -> None:
    """Let the server have the image of a layout under the tag."""
    content = LayoutFiles(folder=layout).file(digest).read_bytes()
    server.on("GET", f"^/v2/local-cicd/{NAME}/manifests/1.0$", Answer(body=content, headers={"Content-Type": layouts.MANIFEST}))


def test_a_platform_needs_its_plugins_and_a_buildkit_only_where_it_runs_one() -> None:
    """What no pod and no pipeline names is not copied."""
    assert names(a_platform()) == ("registry-push", "github-mirror", "kargo-notify", "buildkit")
    assert "buildkit" not in names(a_platform(buildkit={"enabled": False}))
    assert names(a_platform(buildkit={"privileges": "rootless"}))[-1] == "buildkit-rootless"


def test_an_image_that_is_missing_is_shown_with_its_digest(server: ScriptedServer, tmp_path: Path) -> None:
    """And where it comes from, under whatever name it was built there."""
    digest = layouts.simple(tmp_path / "images", NAME)
    change = image(context_of(server, tmp_path)).observe(context_of(server, tmp_path)).change
    assert change
    assert (change.action, change.resource) == (Action.CREATE, "Image registry.lan/local-cicd/registry-push:1.0")
    assert [(field.before, field.after) for field in change.fields] == [(None, digest)]
    assert "./images" in change.note


def test_an_image_that_is_there_is_left_alone(server: ScriptedServer, tmp_path: Path) -> None:
    """Digests are compared, not names."""
    digest = layouts.simple(tmp_path / "images", NAME)
    serve(server, tmp_path / "images" / NAME, digest)
    context = context_of(server, tmp_path)
    assert image(context).observe(context).change is None


def test_an_image_that_was_built_anew_is_an_update(server: ScriptedServer, tmp_path: Path) -> None:
    """With both digests."""
    old = layouts.simple(tmp_path / "old", NAME, b"before")
    serve(server, tmp_path / "old" / NAME, old)
    new = layouts.simple(tmp_path / "images", NAME, b"after")
    context = context_of(server, tmp_path)
    change = image(context).observe(context).change
    assert change
    assert change.action is Action.UPDATE
    assert [(field.before, field.after) for field in change.fields] == [(old, new)]


def test_what_is_there_needs_no_source(server: ScriptedServer, tmp_path: Path) -> None:
    """The next machine from which somebody runs `up` need not have the folder."""
    digest = layouts.simple(tmp_path / "elsewhere", NAME)
    serve(server, tmp_path / "elsewhere" / NAME, digest)
    for place in ("./none", "127.0.0.1:1/nothing"):
        context = context_of(server, tmp_path, source=place)
        assert image(context).observe(context).change is None


def test_an_image_that_is_nowhere_says_how_to_make_it(server: ScriptedServer, tmp_path: Path) -> None:
    """The command, with the folder as it is written: another path may be one of the container's."""
    (tmp_path / "images").mkdir()
    context = context_of(server, tmp_path)
    with pytest.raises(SourceError, match=NAME) as caught:
        image(context).observe(context)
    assert "./dev images --output" in str(caught.value.hint)
    assert "./images (relative to platform.yaml)" in str(caught.value.hint)
    rootless = Image(name="buildkit-rootless", path="local-cicd/buildkit-rootless", tag="1.0", reference="r.lan/buildkit-rootless:1.0")
    with pytest.raises(SourceError) as caught:
        rootless.observe(context)
    assert "moby/buildkit:rootless" in str(caught.value.hint)


def test_a_registry_that_is_still_being_installed_is_awaited(server: ScriptedServer, tmp_path: Path) -> None:
    """Nobody is asked, since nobody can answer yet."""
    layouts.simple(tmp_path / "images", NAME)
    context = StillCluster().context(installed(server), tmp_path)
    later = image(context).observe(context).later
    assert later
    assert later.reason == "the registry runs"
    assert server.asked() == []


def test_the_first_plan_says_that_there_is_nothing_to_copy(server: ScriptedServer, tmp_path: Path) -> None:
    """Before a registry and a Gitea are installed for nothing; without the folder it is one error for all images."""
    context = StillCluster().context(installed(server), tmp_path)
    found = []
    for name in names(context.platform):
        with pytest.raises(SourceError, match=r"there is no folder \./images \(relative to platform.yaml\)") as caught:
            image(context, name).observe(context)
        found.append((caught.value.message, caught.value.hint))
    hint = "write it, in a checkout of local-cicd: ./dev images --output ./images (relative to platform.yaml)"
    assert set(found) == {(found[0][0], hint)}
    layouts.simple(tmp_path / "images", NAME)
    assert image(context).observe(context).later
    with pytest.raises(SourceError, match=r"there is no image kargo-notify in \./images"):
        image(context, "kargo-notify").observe(context)


def test_a_registry_that_may_have_them_needs_no_source(server: ScriptedServer, tmp_path: Path) -> None:
    """It is only not up at the moment: its volume is there."""
    metadata = {"name": "registry", "namespace": "registry"}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
    context = StillCluster(claim).context(installed(server), tmp_path)
    assert image(context).observe(context).later


def test_of_several_images_in_a_layout_the_one_with_our_tag_is_taken(tmp_path: Path) -> None:
    """Where none has it, nothing is guessed."""
    layout = LayoutFiles.make(tmp_path, NAME)
    one, two = layout.image(b"one"), layout.image(b"two")
    layout.write((one, "0.9"), (two, "1.0"))
    found = Layouts(folder=tmp_path, tag="1.0").root(NAME)
    assert found
    assert found.digest == two["digest"]
    with pytest.raises(SourceError, match=r"2 images and none of them is 2.0"):
        Layouts(folder=tmp_path, tag="2.0").root(NAME)


@pytest.mark.parametrize("damage", ["gone", "changed", "index"])
def test_a_damaged_layout_is_not_pushed(damage: str, tmp_path: Path) -> None:
    """A copy that was broken off, a disk that lies."""
    layout = LayoutFiles.make(tmp_path, NAME)
    digest = layout.write((layout.image(b"layer"), "1.0"))
    match damage:
        case "gone":
            layout.file(digest).unlink()
        case "changed":
            layout.file(digest).write_bytes(b"{}")
        case _:
            (layout.folder / "index.json").write_text("[]")
    with pytest.raises(SourceError, match=str(tmp_path)) as caught:
        Layouts(folder=tmp_path, tag="1.0").root(NAME)
    assert "./dev images --output" in str(caught.value.hint)


def test_a_source_that_is_no_name_of_a_repository_is_refused(tmp_path: Path) -> None:
    """With what it may look like."""
    context = StillCluster().context(a_platform(images={"source": "Registry.lan/UPPER"}), tmp_path)
    with pytest.raises(SourceError, match=r"images\.source"), source(context):
        pass


def node(name: str, *, ready: str = "True", kubelet: str = "v1.36.1+k3s1", system: str = "Debian GNU/Linux 13") -> Manifest:
    """Write a node."""
    info = {"kubeletVersion": kubelet, "osImage": system}
    status = {"conditions": [{"type": "Ready", "status": ready}], "nodeInfo": info}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}, "status": status}


UNKNOWN_CA = (
    'failed to do request: Head "https://registry.lan/v2/": tls: failed to verify certificate:'
    " x509: certificate signed by unknown authority"
)


def trust(cluster: StillCluster) -> tuple[NodeTrust, Context]:
    """Return the resource and a run on this cluster."""
    registry = {"mode": "external", "host": "registry.lan"}
    platform = a_platform(registry=registry, ca={"secret": {"namespace": "cert-manager", "name": "ca-key-pair", "key": "tls.crt"}})
    return NodeTrust(image=platform.image(NAME)), cluster.context(platform)


def pods(resource: NodeTrust, context: Context) -> dict[str, Manifest]:
    """Return the pods that it would start, by node."""
    return {each["spec"]["nodeName"]: each for each in resource._wanted(context).values()}


def test_every_node_that_takes_pods_is_asked_and_a_new_one_by_itself() -> None:
    """Whoever comes back later is asked then."""
    cordoned = {**node("away"), "spec": {"unschedulable": True}}
    cluster = StillCluster(node("one"), node("two"), node("down", ready="Unknown"), cordoned)
    resource, context = trust(cluster)
    change = resource.observe(context).change
    assert change
    assert [field.path for field in change.fields] == ["node one", "node two"]
    cluster.objects += [probes.ended(each) for each in pods(resource, context).values()]
    assert resource.observe(context).change is None
    cluster.objects.append(node("three"))
    change = resource.observe(context).change
    assert change
    assert [field.path for field in change.fields] == ["node three"]


def test_a_node_that_has_the_image_is_asked_all_the_same() -> None:
    """Else a registry that it does not trust would be found out with the next image."""
    resource, context = trust(StillCluster(node("one")))
    (pod,) = pods(resource, context).values()
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert pod["spec"]["tolerations"] == [{"operator": "Exists"}]


def test_nodes_that_do_not_trust_the_ca_are_told_what_to_write() -> None:
    """The file of k3s with its mirror entry, without which it is not read; the CA; and the command that starts it again."""
    cluster = StillCluster(node("one"), node("two", system="NixOS 26.05"), node("three"))
    resource, context = trust(cluster)
    made = pods(resource, context)
    cluster.objects += [probes.ended(made["one"]), *(probes.waiting(made[name], "ErrImagePull", UNKNOWN_CA) for name in ("two", "three"))]
    with pytest.raises(BootstrapError, match=r"three, two can't pull registry.lan/local-cicd/registry-push") as caught:
        resource.verify(context, context.deadline(0))
    text = "\n".join(caught.value.details)
    for line in (
        f"two: ErrImagePull: {UNKNOWN_CA}",
        "/etc/rancher/k3s/registries.yaml",
        '    "registry.lan":\n      endpoint: ["https://registry.lan"]',
        "ca_file: /etc/rancher/k3s/local-cicd-ca.pem",
        "kubectl get secret -n cert-manager ca-key-pair -o jsonpath='{.data.tls\\.crt}' | base64 -d",
        "systemctl restart k3s",
        "systemctl restart k3s-agent",
        "on NixOS",
    ):
        assert line in text
    assert "one:" not in text


@pytest.mark.parametrize(("mode", "name"), [("install", "lan-ca"), ("external", "ca-key-pair")])
def test_of_two_cas_nodes_are_given_the_one_that_signs_for_the_registry(mode: str, name: str) -> None:
    """The platform's own, where the registry is its own, too."""
    wanted = a_platform(
        registry={"mode": mode, "host": "registry.lan"},
        ca={"secret": {"namespace": "cert-manager", "name": "ca-key-pair", "key": "tls.crt"}},
        prerequisites={"cert_manager": {"mode": "install", "issuer": "lan"}},
    )
    said = "\n".join(remedy(StillCluster().context(wanted), [node("one")], UNKNOWN_CA))
    assert f"kubectl get secret -n cert-manager {name} -o jsonpath=" in said


@pytest.mark.parametrize(
    ("kubelet", "trouble", "said", "unsaid"),
    [
        ("v1.36.1", UNKNOWN_CA, "/etc/containerd/certs.d/registry.lan/hosts.toml", "k3s"),
        ("v1.36.1+k3s1", "pull access denied: 401 Unauthorized", "registry.login", "registries.yaml"),
        ("v1.36.1+k3s1", "dial tcp: lookup registry.lan: no such host", "their own DNS", "registries.yaml"),
    ],
)
def test_the_remedy_fits_the_node_and_the_trouble(kubelet: str, trouble: str, said: str, unsaid: str) -> None:
    """Not every node is one of k3s, and not every failure one of trust."""
    _, context = trust(StillCluster())
    text = "\n".join(remedy(context, [node("one", kubelet=kubelet)], trouble))
    assert said in text
    assert unsaid not in text


def test_the_files_of_a_layout_are_those_of_the_specification(tmp_path: Path) -> None:
    """The stand-in of these tests is one that `./dev images` could have written."""
    layouts.simple(tmp_path, NAME)
    assert json.loads((tmp_path / NAME / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads((tmp_path / NAME / "index.json").read_text())["manifests"]
    assert {"mediaType", "digest", "size"} <= entry.keys()

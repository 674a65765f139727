"""How parts of a platform that runs are broken, and put right again at the end of the block."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec

import trustme

from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.objects import Manifest, Ref, ref_of
from devtools.platform.status_writer import ARGO_CD, KARGO, seen
from tests.support.live_platform import LivePlatform, found_now
from tests.support.processes import wait_for

P = ParamSpec("P")


@contextmanager
def cluster(live: LivePlatform) -> Iterator[Cluster]:
    """Reach the cluster as who may do everything."""
    with Cluster(Connection.find(kubeconfig=live.world.kubeconfig)) as connected:
        yield connected


def mended(breaking: Callable[P, Iterator[None]]) -> Callable[P, AbstractContextManager[None]]:
    """Make a block of what breaks something, yields, and mends it: it is mended also where the test fails, for those that follow."""

    @contextmanager
    def block(*args: P.args, **kwargs: P.kwargs) -> Iterator[None]:
        steps = breaking(*args, **kwargs)
        next(steps)
        try:
            yield
        finally:
            next(steps, None)

    return block


@mended
def patched(live: LivePlatform, ref: Ref, patch: Manifest, back: Manifest) -> Iterator[None]:
    """Change an object by hand, and change it back."""
    with cluster(live) as hand:
        hand.patch(ref, patch)
        yield
        hand.patch(ref, back)


@mended
def there(live: LivePlatform, manifest: Manifest) -> Iterator[None]:
    """Put an object into the cluster, and take it away."""
    with cluster(live) as hand:
        hand.create(manifest)
        yield
        hand.delete(ref_of(manifest))


@mended
def away(live: LivePlatform, ref: Ref) -> Iterator[None]:
    """Take an object out of the cluster, and bring it back."""
    with cluster(live) as hand:
        found = hand.get(ref)
        assert found is not None
        hand.delete(ref)
        yield
        metadata = {key: found["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in found["metadata"]}
        hand.create({**{key: value for key, value in found.items() if key != "status"}, "metadata": metadata})


@mended
def gitea_down(live: LivePlatform) -> Iterator[None]:
    """Stop Gitea."""
    live.world.gitea.stop()
    yield
    live.world.gitea.start()


@mended
def without_branch(live: LivePlatform) -> Iterator[None]:
    """Delete a branch that an Application follows."""
    (repository,) = live.world.gitea.world.repositories.values()
    head = repository.bare.head("stage/paper")
    assert head
    repository.bare.delete_branch("stage/paper")
    yield
    repository.bare.set_branch("stage/paper", head)


@mended
def agents_without_a_node(live: LivePlatform) -> Iterator[None]:
    """Ask for a node that there is not; a pod that waits for it has to go afterwards, which no StatefulSet does by itself."""
    ref = Ref(api_version="apps/v1", kind="StatefulSet", name="woodpecker-agent", namespace="woodpecker")
    with patched(live, ref, *({"spec": {"template": {"spec": {"nodeSelector": value}}}} for value in ({"disk": "gone"}, None))):
        yield
    with cluster(live) as hand:
        hand.delete(Ref(api_version="v1", kind="Pod", name="woodpecker-agent-1", namespace="woodpecker"))


@mended
def sick_database(live: LivePlatform) -> Iterator[None]:
    """Let Woodpecker lose its database."""
    faults = live.world.woodpecker.world.faults
    faults.answers["health"] = (500, "database is locked", -1)
    yield
    faults.answers.clear()


@mended
def another_version(live: LivePlatform) -> Iterator[None]:
    """Let Woodpecker be another version than is wanted."""
    world = live.world.woodpecker.world
    version, world.version = world.version, "3.16.0"
    yield
    world.version = version


@mended
def other_application(live: LivePlatform) -> Iterator[None]:
    """Change where Gitea's OAuth2 application leads to."""
    (application,) = live.world.gitea.world.applications
    kept, application.redirect_uris = application.redirect_uris, ["https://elsewhere.example.lan/authorize"]
    yield
    application.redirect_uris = kept


@mended
def no_ingress(live: LivePlatform) -> Iterator[None]:
    """Let the ingress controller know nothing of Argo CD."""
    live.argo_cd = 404
    yield
    live.argo_cd = 200


def says(kind: str, *conditions: dict[str, Any], **more: Any) -> Callable[[LivePlatform], AbstractContextManager[None]]:  # noqa: ANN401  of a status
    """Let a controller say something else."""

    @mended
    def said(live: LivePlatform) -> Iterator[None]:
        writer = live.world.writer
        writer.says(kind, lambda each: {**seen(each, *conditions), **more})
        yield
        # What is written is merged: what was there only now is taken away.
        keys = (*more, "conditions")
        writer.says(kind, lambda _: dict.fromkeys(keys))
        api_version = ARGO_CD if kind == "Application" else KARGO
        with cluster(live) as hand:
            assert wait_for(lambda: not any(key in (each.get("status") or {}) for each in hand.list(api_version, kind) for key in keys))
        writer.forget()
        writer.says("Warehouse", found_now(datetime.now(UTC)))

    return said


@mended
def cascading(live: LivePlatform) -> Iterator[None]:
    """Let deleting an Application delete what runs."""
    ref = Ref(api_version="argoproj.io/v1alpha1", kind="Application", name="stonks-live", namespace="argocd")
    held = {"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}}
    with patched(live, ref, held, {"metadata": {"finalizers": None}}):
        yield


@mended
def elsewhere(live: LivePlatform) -> Iterator[None]:
    """Let an Application read GitHub."""
    ref = Ref(api_version="argoproj.io/v1alpha1", kind="Application", name="stonks-beta", namespace="argocd")
    with cluster(live) as hand:
        source = (hand.get(ref) or {})["spec"]["source"]["repoURL"]
    patches = ({"spec": {"source": {"repoURL": url}}} for url in ("https://github.com/celesrenata/stonks-oracle.git", source))
    with patched(live, ref, *patches):
        yield
    with cluster(live) as hand:
        # Until who plays Argo CD has seen it.
        assert wait_for(lambda: (hand.get(ref) or {})["status"]["sync"]["comparedTo"]["source"]["repoURL"] == source)


@mended
def registry_elsewhere(live: LivePlatform) -> Iterator[None]:
    """Look for the registry where nobody listens."""

    def edit(document: dict[str, Any]) -> None:
        document["registry"]["bootstrap_url"] = "http://127.0.0.1:9"

    live.world.describe(edit)
    yield
    live.world.describe()


@mended
def ends_soon(live: LivePlatform) -> Iterator[None]:
    """Let no certificate have been renewed."""
    metadata = {"name": "woodpecker-tls", "namespace": "woodpecker"}
    spec = {
        "secretName": "woodpecker-tls",
        "dnsNames": ["stonks-ci.celestium.life"],
        "issuerRef": {"name": "ca-issuer", "kind": "ClusterIssuer"},
    }
    live.names.shows(left=timedelta(days=10, hours=1))
    with there(live, {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": metadata, "spec": spec}):
        yield
    live.names.shows()


@mended
def ended(live: LivePlatform) -> Iterator[None]:
    """Let all certificates have ended."""
    live.names.shows(left=timedelta(days=-1))
    yield
    live.names.shows()


@mended
def other_authority(live: LivePlatform) -> Iterator[None]:
    """Let another CA have signed them."""
    live.names.shows(authority=trustme.CA())
    yield
    live.names.shows()


@mended
def not_retained(live: LivePlatform) -> Iterator[None]:
    """Let a volume be deleted with its claim."""
    ref = Ref(api_version="v1", kind="PersistentVolume", name="pipeline-kargo-pv")
    with patched(live, ref, *({"spec": {"persistentVolumeReclaimPolicy": policy}} for policy in ("Delete", "Retain"))):
        yield


@mended
def arc_is_back(live: LivePlatform) -> Iterator[None]:
    """Let somebody have installed the runners again."""
    with there(live, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "arc-system"}}):
        yield

"""A platform whose project has a past in Kargo, as a real Kargo 1.11.2 has written it; to be backed up, and restored elsewhere."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from bootstrap import command_line
from bootstrap.backup import loading, making, restoring
from bootstrap.backup.archive import Archive
from bootstrap.backup.export import export
from bootstrap.backup.plan import Plan, plan
from bootstrap.backup.restoring import Choice
from bootstrap.backup.scope import Scope
from bootstrap.backup.seal import new_identity
from bootstrap.components.backup.component import Backup
from bootstrap.components.forge import PASSWORD, RECORD
from bootstrap.components.namespaces.component import Namespaces
from bootstrap.components.project_argo_cd.component import ProjectArgoCd
from bootstrap.components.project_kargo.component import ProjectKargo
from bootstrap.core import generate
from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.context import Context
from bootstrap.core.objects import Manifest, Ref
from bootstrap.core.record import RecordResource
from bootstrap.core.resource import Resource
from bootstrap.core.transport import Wrap
from bootstrap.platform.load import load
from devtools.controlplane import ControlPlane
from devtools.paths import ROOT
from devtools.platform import argo_crds, kargo_crds
from devtools.platform.run import Run
from devtools.platform.status_writer import StatusWriter
from tests.support.bootstrap_run import Parts, Runner
from tests.support.projects import shop

KARGO = "kargo.akuity.io/v1alpha1"
ARGO_CD = "argoproj.io/v1alpha1"
OTHER_PASSWORD = "the-token-of-somebody"
PROJECT = "shop-cd"
FREIGHT = "0da4b684c1c31b6f6af563633c194732b7a8eb03"
_RECORDED = ROOT / "tests/data/kargo/recorded-promotions-v1.11.2.json"


def recorded(call: str) -> list[Manifest]:
    """Return the objects of one answer of the real Kargo."""
    body = json.loads(_RECORDED.read_text(encoding="utf-8"))["calls"][call]["body"]
    items = body["items"] if "items" in body else body["groups"][""]["items"]
    return list(items)


def components(context: Context) -> Sequence[Resource]:
    """Return what `up` makes of all that is exported, and the Jobs."""
    return [
        *Namespaces().resources(context),
        # As the component of Gitea makes it: once.
        RecordResource(name=RECORD, values={PASSWORD: generate.password()}, purpose="the administrator of Gitea"),
        *ProjectArgoCd().resources(context),
        *ProjectKargo().resources(context),
        *Backup().resources(context),
    ]


PARTS = Parts(parts=components, name="all", title="All")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a person sits: platform.yaml, the private key, and backups."""

    folder: Path
    recipient: str
    loaded: dict[Path, loading.Loaded] = field(default_factory=dict, repr=False)

    @classmethod
    def made(cls, folder: Path, **more: Any) -> "Desk":  # noqa: ANN401  keys of platform.yaml
        """Write a platform.yaml and a private key."""
        folder.mkdir(parents=True, exist_ok=True)
        desk = cls(folder=folder, recipient=new_identity(folder / "key.txt"))
        desk.describe(**more)
        return desk

    @property
    def file(self) -> Path:
        """The platform.yaml."""
        return self.folder / "platform.yaml"

    @property
    def identity(self) -> Path:
        """The private key."""
        return self.folder / "key.txt"

    @property
    def backups(self) -> Path:
        """The folder with backups."""
        return self.folder / "backups"

    def describe(self, **more: Any) -> None:  # noqa: ANN401  keys of platform.yaml
        """Write platform.yaml."""
        external = {"mode": "external"}
        usual = {
            "domain": "example.lan",
            "prerequisites": {"cert_manager": external},
            "gitea": {"mode": "external", "endpoint": {"public_url": "http://gitea.example.lan:3000"}},
            "registry": external,
            "timeouts": {"ready": "60s", "deleted": "60s"},
            "storage": {"server": "nas", "argo_cd": {"path": "/pipelines/argocd"}, "kargo": {"path": "/pipelines/kargo"}},
            "backup": {"recipients": [self.recipient]},
            "projects": [shop()],
        }
        self.file.write_text(yaml.safe_dump({**usual, **more}), encoding="utf-8")

    def runner(self, plane: ControlPlane) -> Runner:
        """Run components of this platform."""
        return Runner(plane=plane, platform=load(self.file).platform)

    def back_up(self, plane: ControlPlane, output: Path, *, without: str = "") -> Archive:
        """Make a backup, of all but the objects of one kind."""
        scope = Scope.of(load(self.file).platform)
        with connected(plane) as cluster:
            objects = [each for each in export(cluster, scope, lambda *_: None) if each.ref.kind != without]
            named = f"{cluster.address} ({cluster.version()})"
            return making.make(output, scope, objects, cluster=named, made=datetime.now(UTC)).archive

    def restore(self, plane: ControlPlane, source: Path, *, only: str = "", wrap: Wrap | None = None) -> Plan:
        """Restore, all or the objects of one kind, and return what is left to do."""
        if source not in self.loaded:
            self.loaded[source] = loading.load([source], self.identity, without_secrets=False, hide=lambda *_: None)
        loaded = self.loaded[source]
        with self.runner(plane).engine(wrap=wrap) as run:
            wanted = replace(loaded, objects=tuple(each for each in loaded.objects if only in {"", each.ref.kind}))
            restoring.restore(run.context, wanted, plan(run.cluster, run.context.platform, wanted), Choice())
            return plan(run.cluster, run.context.platform, loaded)

    def up(self, plane: ControlPlane) -> Run:
        """Run `up` and return the run, closed."""
        with self.runner(plane).engine(PARTS) as run:
            run.engine.up()
        return run


def serve_kinds(plane: ControlPlane) -> None:
    """Install the CRDs, as the charts do."""
    for text in (kargo_crds.manifests(), argo_crds.manifests()):
        owned = []
        for each in filter(None, yaml.safe_load_all(text)):
            metadata = each["metadata"]
            release = "kargo" if metadata["name"].endswith("kargo.akuity.io") else "argo-cd"
            helm = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": release.replace("-", "")}
            metadata["annotations"] = {**(metadata.get("annotations") or {}), **helm}
            metadata["labels"] = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
            owned.append(each)
        plane.apply(yaml.safe_dump_all(owned))


def live_a_while(plane: ControlPlane, desk: Desk) -> None:
    """Install the project, and let three stages be promoted to; the controllers are played, and their words are recorded ones."""
    serve_kinds(plane)
    with StatusWriter(plane, tokens=True):
        desk.up(plane)
    with connected(plane) as cluster:
        for manifest in past(cluster):
            status = manifest.pop("status", None)
            cluster.create(manifest)
            if status:
                cluster.patch_status(_ref(manifest), status)
        for stage in recorded("stages"):
            cluster.patch_status(_ref(stage), stage["status"])
        cluster.patch(Ref(api_version=KARGO, kind="Stage", name="beta", namespace=PROJECT), {"metadata": {"finalizers": [KARGO_FINALIZER]}})


KARGO_FINALIZER = "kargo.akuity.io/finalizer"


def past(cluster: Cluster) -> Iterator[Manifest]:
    """Yield what Kargo, Argo CD and people have made beside what bootstrap has."""
    for manifest in recorded("freight in all three stages"):
        yield _fresh(manifest)
    for manifest in recorded("promotions"):
        live = cluster.get(Ref(api_version=KARGO, kind="Stage", name=manifest["spec"]["stage"], namespace=PROJECT))
        assert live is not None
        owner = {**manifest["metadata"]["ownerReferences"][0], "uid": live["metadata"]["uid"]}
        yield _fresh(manifest, ownerReferences=[owner])
    held = _fresh(recorded("promotions")[0])
    held["metadata"] = {**held["metadata"], "name": "paper.01m84zzzzzzzzzzzzzzzzzzzzz.0da4b68"}
    yield {**held, "spec": {**held["spec"], "stage": "paper"}, "status": {"phase": "Running"}}
    yield made("v1", "ConfigMap", "thresholds", PROJECT, data={"errors": "5"})
    yield made("v1", "Secret", "charts", PROJECT, labels={"kargo.akuity.io/cred-type": "helm"}, stringData={"password": OTHER_PASSWORD})
    yield made("v1", "ConfigMap", "live-1", "local-cicd", labels={"local-cicd.dev/break-glass": "true"}, immutable=True, data=BROKEN)
    yield made(ARGO_CD, "AppProject", "default", "argocd", spec={"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]})


BROKEN = {
    "project": PROJECT,
    "stage": "live",
    "operator": "ann",
    "justification": "the feed is down and the fix is ready",
    "expires": "2026-11-23T15:00:00Z",
}


def made(api_version: str, kind: str, name: str, namespace: str, labels: dict[str, str] | None = None, **rest: Any) -> Manifest:  # noqa: ANN401  any fields
    """Write an object."""
    metadata = {"name": name, "namespace": namespace, **({"labels": labels} if labels else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def refusing_stages() -> list[Manifest]:
    """Write a policy that lets no Stage in."""
    rule = {"apiGroups": ["kargo.akuity.io"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["stages"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "false", "message": "no stages today"}]}
    version = "admissionregistration.k8s.io/v1"
    return [
        {"apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "no-stages"}, "spec": spec},
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "no-stages"},
            "spec": {"policyName": "no-stages", "validationActions": ["Deny"]},
        },
    ]


@contextmanager
def connected(plane: ControlPlane) -> Iterator[Cluster]:
    """Connect as administrator."""
    with Cluster(Connection.find(kubeconfig=plane.admin_kubeconfig)) as cluster:
        yield cluster


def run(capsys: Any, *arguments: object) -> tuple[int, str]:  # noqa: ANN401  pytest's capture
    """Run a command line in this process; return its exit code and all that was printed."""
    capsys.readouterr()
    code = command_line.run([str(each) for each in arguments])
    out = capsys.readouterr()
    return code, out.out + out.err


def _fresh(manifest: Manifest, **more: Any) -> Manifest:  # noqa: ANN401  keys of the metadata
    metadata = {key: manifest["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in manifest["metadata"]}
    return {**manifest, "metadata": {**metadata, **more}}


def _ref(manifest: Manifest) -> Ref:
    metadata = manifest["metadata"]
    return Ref(api_version=manifest["apiVersion"], kind=manifest["kind"], name=metadata["name"], namespace=metadata.get("namespace"))

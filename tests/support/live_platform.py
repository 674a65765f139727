"""A platform that runs, for `verify`: the world of the tests, brought up, with what a push sets going played as the real parts would do it.

Argo CD's pages, the names that speak TLS and the Service of the market gate are the test's own; Gitea, its git, the API server and the gate
are real or stand-ins that tests compare with recordings.
"""

import io
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import httpx2
import trustme

from bootstrap.components.trust import ca_pem
from bootstrap.core.cluster import Cluster
from bootstrap.core.connection import Connection
from bootstrap.core.objects import Ref
from bootstrap.gitea.web import Web
from bootstrap.verify import run
from bootstrap.verify.finding import Result, Row
from bootstrap.verify.report import Table
from bootstrap.verify.rows import ROWS
from bootstrap.verify.rows.certificates import places
from bootstrap.verify.scene import Scene
from devtools.kargo import resources as kargo
from devtools.platform.clone import git
from devtools.platform.description import Document
from devtools.platform.gate_process import GateProcess, gate_process
from devtools.platform.status_writer import Play, condition, seen
from devtools.platform.world import PlatformWorld
from devtools.woodpecker import resources as builds
from plugin_kit.console import Console
from plugin_kit.manifest import CREATED, REVISION
from plugin_kit.reference import digest_of

KARGO = "kargo.akuity.io/v1alpha1"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_LOOK = 0.1
# Times that a row is looked at until what was changed has come through: controllers take a moment.
_LOOKS = 60
# Lets `verify` try a pipeline on a branch of its own, too.
PIPELINE = """
when: {event: push, branch: [main, 'verify/*']}
steps: [{name: images, image: registry.example.lan/local-cicd/registry-push:1}]
"""


def found_now(moment: datetime) -> Play:
    """Write what a Warehouse says that has looked at the registry at a moment."""
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return lambda live: seen(live, condition("Ready"), condition("Healthy"), discoveredArtifacts={"discoveredAt": stamp, "images": []})


def commit_file(world: PlatformWorld, name: str, text: str) -> str:
    """Commit a file to main as somebody, push it, and return the commit."""
    (repository,) = world.gitea.world.repositories.values()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        git(Path(folder), "clone", "--quiet", str(repository.bare.folder), str(clone))
        (clone / name).write_text(text, encoding="utf-8")
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", f"--message={name}")
        git(clone, "push", "--quiet", "origin", "HEAD:main")
        return git(clone, "rev-parse", "HEAD")


class ThroughTheApiServer(httpx2.BaseTransport):
    """Hands what is asked of the gate's Service through the API server to the gate, as an API server with a network does."""

    def __init__(self, inner: httpx2.BaseTransport, live: "LivePlatform") -> None:
        self._inner = inner
        self._live = live

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        _, proxied, path = request.url.path.partition("/services/market-gate:http/proxy")
        if not proxied:
            return self._inner.handle_request(request)
        host, port = self._live.gate.address()
        try:
            answer = httpx.get(f"http://{host}:{port}{path}?{request.url.query.decode()}", timeout=10)
        except httpx.HTTPError as error:
            said = {"kind": "Status", "status": "Failure", "message": f"error trying to reach service: {error}", "code": 503}
            return httpx2.Response(503, json=said)
        return httpx2.Response(answer.status_code, json=self._live.lie(answer.json()))

    def close(self) -> None:
        """Close the connections to the API server."""
        self._inner.close()


class Names:
    """A server that shows a certificate for every name; `shows` changes it."""

    def __init__(self, authority: trustme.CA, names: Sequence[str]) -> None:
        self._authority = authority
        self._names = names
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.shows()

    def shows(self, *, left: timedelta = timedelta(days=80), authority: trustme.CA | None = None) -> None:
        """Show a certificate that ends after this time, of the platform's CA or of another one."""
        issued = (authority or self._authority).issue_cert(
            *self._names, not_before=datetime.now(UTC) - timedelta(days=100), not_after=datetime.now(UTC) + left
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        self._context = context

    def connect(self, host: str, port: int) -> Any:  # noqa: ANN401  one end of a pair of sockets
        """Open a connection to it."""
        import socket  # noqa: PLC0415  only here

        del host, port
        here, there = socket.socketpair()
        here.settimeout(10)
        there.settimeout(10)
        threading.Thread(target=self._serve, args=(there,), daemon=True).start()
        return here

    def _serve(self, there: Any) -> None:  # noqa: ANN401  a socket
        try:
            with self._context.wrap_socket(there, server_side=True) as line:
                line.recv(1)
        except OSError:
            there.close()


@dataclass(slots=True, kw_only=True)
class Builder:
    """Plays what a push sets going: pipeline, images, Freight, promotions, what runs. Each part can be told what goes wrong."""

    world: PlatformWorld
    pipeline: str = "success"
    """How pipelines end; empty: none starts."""
    images: bool = True
    freight: bool = True
    promotion: str = "Succeeded"
    runs: bool = True
    built: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _seen: set[str] = field(default_factory=set)

    def well(self) -> None:
        """Do all of it right from now on."""
        self.pipeline, self.images, self.freight, self.promotion, self.runs = "success", True, True, "Succeeded", True

    @contextmanager
    def working(self) -> Iterator["Builder"]:
        """Work in a thread."""
        self._seen |= set(self._heads().values())
        thread = threading.Thread(target=self._work, name="builder")
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def _heads(self) -> dict[str, str]:
        found = {}
        for repository in self.world.gitea.world.repositories.values():
            for name, commit in repository.bare.refs().items():
                if name == "refs/heads/main" or name.startswith("refs/heads/verify/"):
                    found[f"{repository.full_name} {name}"] = commit
        return found

    def _work(self) -> None:
        with Cluster(Connection.find(kubeconfig=self.world.kubeconfig)) as cluster:
            while not self._stop.wait(_LOOK):
                self.world.rest.play(lambda: self._look(cluster))

    def _look(self, cluster: Cluster) -> None:
        for key, commit in self._heads().items():
            if commit not in self._seen:
                self._seen.add(commit)
                self._build(cluster, key.partition(" refs/heads/")[2], commit)
        self._promote(cluster)

    def _build(self, cluster: Cluster, branch: str, commit: str) -> None:
        server = self.world.woodpecker.world
        (project,) = self.world.platform.projects
        repository = server.by_name(project.repository.full_name)
        assert repository is not None
        if not self.pipeline:
            return
        with server.lock:
            kept = server.pipelines.setdefault(repository["id"], [])
            document = builds.pipeline(len(kept) + 1, repository, {"branch": branch}, int(time.time()))
            document |= {"commit": commit, "event": "push", "status": "running", "started": int(time.time())}
            kept.append(document)
        self.built.append(commit)
        steps = document["workflows"][0]["children"]
        for step in steps:
            step["state"] = "success"
        if self.pipeline == "success":
            if self.images:
                self._push(branch, commit)
            if self.freight and branch == "main":
                self._freight(cluster, commit)
        elif self.pipeline in {"failure", "error"}:
            steps[-1] |= {"state": "failure", "exit_code": 2}
        document |= {"status": self.pipeline, "finished": int(time.time()) + 74}

    def _push(self, branch: str, commit: str) -> None:
        (project,) = self.world.platform.projects
        path = f"{project.registry_project}/{project.watched_image}"
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        content = (
            f'{{"schemaVersion": 2, "mediaType": "{MANIFEST}", "config": {{"mediaType": "application/vnd.oci.image.config.v1+json", '
            f'"digest": "sha256:{"0" * 64}", "size": 2}}, "layers": [], '
            f'"annotations": {{"{CREATED}": "{created}", "{REVISION}": "{commit}"}}}}'
        ).encode()
        registry = self.world.registry
        with registry.lock:
            digest = digest_of(content)
            registry.manifests.setdefault(path, {})[digest] = (MANIFEST, content)
            tag = commit if branch == "main" else f"{branch.replace('/', '-')}-{commit}"
            registry.tags.setdefault(path, {})[tag] = digest

    def _freight(self, cluster: Cluster, commit: str) -> None:
        platform = self.world.platform
        (project,) = platform.projects
        image = {
            "repoURL": f"{platform.registry.host}/{project.registry_project}/{project.watched_image}",
            "tag": commit,
            "digest": f"sha256:{commit[:1] * 64}",
        }
        made = kargo.freight(project.kargo.namespace, project.kargo.warehouse.name, [image])
        metadata = {"name": made["metadata"]["name"], "namespace": project.kargo.namespace, "labels": made["metadata"]["labels"]}
        cluster.create({"apiVersion": KARGO, "kind": "Freight", "metadata": metadata, "origin": made["origin"], "images": [image]})

    def _promote(self, cluster: Cluster) -> None:
        """Promote each Freight to the stages that take it, one after the other, and end promotions that were made by hand."""
        (project,) = self.world.platform.projects
        namespace = project.kargo.namespace
        promotions = cluster.list(KARGO, "Promotion", namespace=namespace)
        done = {(each["spec"]["stage"], each["spec"]["freight"]): (each.get("status") or {}).get("phase") for each in promotions}
        for freight in cluster.list(KARGO, "Freight", namespace=namespace):
            name = freight["metadata"]["name"]
            for stage in project.stages:
                behind = stage.after is None or done.get((stage.after, name)) == "Succeeded"
                if stage.promotion == "auto" and behind and (stage.name, name) not in done and self.promotion != "none":
                    steps = [{"uses": "git-clone", "config": {}}]
                    metadata = {"name": f"{stage.name}.01m84cpr3nkc7ytgw2nhnf4ks5.{name[:7]}", "namespace": namespace}
                    spec = {"stage": stage.name, "freight": name, "steps": steps}
                    cluster.create({"apiVersion": KARGO, "kind": "Promotion", "metadata": metadata, "spec": spec})
        for each in cluster.list(KARGO, "Promotion", namespace=namespace):
            if (each.get("status") or {}).get("phase") in {None, "Pending", "Running"}:
                self._end(cluster, each)

    def _end(self, cluster: Cluster, promotion: dict[str, Any]) -> None:
        (project,) = self.world.platform.projects
        stage = next(each for each in project.stages if each.name == promotion["spec"]["stage"])
        namespace, name = project.kargo.namespace, promotion["spec"]["freight"]
        freight = cluster.get(Ref(api_version=KARGO, kind="Freight", name=name, namespace=namespace))
        assert freight is not None
        if self.promotion == "Succeeded" and self.runs:
            image = f"{freight['images'][0]['repoURL']}:{freight['images'][0]['tag']}"
            labels = {"app": "query-api"}
            pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "query-api", "image": image}]}}
            deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "query-api", "namespace": stage.namespace}}
            cluster.apply({**deployment, "spec": {"selector": {"matchLabels": labels}, "template": pod}}, force=True)
        message = 'step "step-7": Argo CD could not sync' if self.promotion in {"Failed", "Errored"} else ""
        ref = Ref(api_version=KARGO, kind="Promotion", name=promotion["metadata"]["name"], namespace=namespace)
        cluster.patch_status(ref, {"phase": self.promotion, **({"message": message} if message else {})})


@dataclass(slots=True, kw_only=True)
class LivePlatform:
    """The platform, and how `verify` looks at it."""

    world: PlatformWorld
    gate: GateProcess
    names: Names
    builder: Builder
    argo_cd: int = 200
    """What its page answers."""
    lie: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer
    """What becomes of the gate's answers on their way."""
    printed: str = ""
    mutations: int = 0
    """How many requests of the last run have changed something in the cluster."""

    @classmethod
    @contextmanager
    def start(cls, folder: Path, edit: Callable[[Document], None] = lambda _: None) -> Iterator["LivePlatform"]:
        """Bring it up."""
        authority = trustme.CA()
        folder.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(folder / "ca.pem")

        def adapted(document: Document) -> None:
            document["timeouts"] = {"ready": "60s", "deleted": "60s"}
            document["ca"] = {"file": str(folder / "ca.pem")}
            # Who runs everything here.
            document["break_glass"]["operators"]["users"].append("admin")
            edit(document)

        with ExitStack() as stack:
            world = stack.enter_context(PlatformWorld.start(folder / "world", small=True, edit=adapted))
            done = world.command_line.run("up", "--yes")
            assert done.code == 0, done.stdout[-4000:] + done.stderr[-4000:]
            platform = world.platform
            world.writer.says("Warehouse", found_now(datetime.now(UTC)))
            gate = stack.enter_context(gate_process(folder, platform, kubeconfig=world.kubeconfig))
            gate.start()
            names = Names(authority, sorted({each.host for each in places(platform)}))
            for stage in platform.projects[0].stages:
                with Cluster(Connection.find(kubeconfig=world.kubeconfig)) as cluster:
                    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": stage.namespace}})
            commit_file(world, ".woodpecker.yml", PIPELINE)
            builder = stack.enter_context(Builder(world=world).working())
            yield cls(world=world, gate=gate, names=names, builder=builder)

    def verify(
        self,
        *only: str,
        rows: Sequence[Row] = ROWS,
        **scene_fields: Any,  # noqa: ANN401  fields of the scene
    ) -> dict[str, Result]:
        """Run `verify` in this process and return the results by name; what a person reads is `printed`."""
        out, begun = io.StringIO(), time.monotonic()
        chosen = run.chosen(rows, only)
        with self.world.open(wrap=lambda inner: ThroughTheApiServer(inner, self)) as opened:
            context = opened.context
            context.console = Console(out, colour=False)
            context.waiter._console = context.console
            argo = Web(self.world.platform.argo_cd.public_url, service="Argo CD", transport=httpx.MockTransport(self._argo_cd))
            context.once(f"verify Argo CD {self.world.platform.argo_cd.public_url} {ca_pem(context)}", lambda: argo)
            project = self.world.platform.projects[0]
            scene = Scene(context=context, project=project, connect=self.names.connect, **{"patience": 20.0, **scene_fields})
            table = Table(console=context.console, rows=chosen)
            results = run.verify(scene, chosen, done=table.add)
            table.end(results, seconds=time.monotonic() - begun)
            for left in scene.left:
                context.console.info(f"What stays: {left}.")
            self.mutations = context.cluster.mutations
        self.printed = out.getvalue()
        return {result.name: result for result in results}

    def verify_until(self, name: str, *texts: str) -> Result:
        """Look at a row until it says all of this, with line breaks taken out."""
        for _ in range(_LOOKS):
            result = self.verify(name)[name]
            said = " ".join(self.printed.split())
            if all(text in said for text in texts):
                return result
        raise AssertionError(f"{texts} is not in:\n{self.printed}")

    def verify_until_not(self, name: str, problem: str) -> None:
        """Look at a row until it no longer finds this."""
        for _ in range(_LOOKS):
            if not any(problem in each.text for each in self.verify(name)[name].findings):
                return
        raise AssertionError(f"{name} does not hold again:\n{self.printed}")

    def _argo_cd(self, request: httpx.Request) -> httpx.Response:
        if self.argo_cd != httpx.codes.OK:
            return httpx.Response(self.argo_cd, text="no such host", request=request)
        if request.url.path == "/api/version":
            return httpx.Response(200, json={"Version": "v3.2.1"}, request=request)
        return httpx.Response(200, html="<html><title>Argo CD</title></html>", request=request)

"""`kargo-notify --prune` on a real docker-registry: what it removes, what is left, and what the disk gets back."""

import itertools
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import pytest

from devtools.containers import network
from devtools.kargo import resources
from devtools.kargo.discovery import Registries
from devtools.kargo.server import StandIn, stand_in
from devtools.registry import Registry as Server
from devtools.registry import registry
from kargo_notify import prune
from kargo_notify.__main__ import PLUGIN
from kargo_notify.api import Api
from kargo_notify.freight import Artifact
from kargo_notify.kargo import connect
from kargo_notify.settings import Settings
from plugin_kit.ci import CI
from plugin_kit.cli import main
from plugin_kit.console import Console
from plugin_kit.http import Http
from plugin_kit.reference import parse_registry
from plugin_kit.registry import Registry
from tests.support.holding_kargo import HoldingKargo, freight
from tests.support.project_store import Removal, project_store, sha
from tests.support.registry_contents import RegistryContents

ACCEPT = {"Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"}
BLOBS = "find /var/lib/registry -path '*/blobs/sha256/*' -name data"
COLLECT = "docker-registry garbage-collect /etc/local-cicd/registry.json"


class RealProject:
    """A project of ten commits in a real registry, with the Kargo that deploys it."""

    def __init__(self, server: Server, contents: RegistryContents, name: str) -> None:
        self.server = server
        self.contents = contents
        self.name = name
        self.kargo = HoldingKargo(watched=f"{server.host}/{name}/query-api")
        copied(server, name)

    def prune(self, *options: str, code: int = 0) -> None:
        """Run the command, which keeps four commits."""
        environ = {"PLUGIN_REGISTRY": self.server.host, "PLUGIN_PROJECT": self.name}
        assert main(PLUGIN, ["--prune", "--keep=4", *options], environ) == code

    def left(self) -> dict[str, set[str]]:
        """Return the tags of every repository."""
        return {name: self.contents.tags(f"{self.name}/{name}") for name in self.contents.repositories(self.name)}

    def digest(self, name: str, tag: str) -> str:
        """Return what a tag names."""
        return self.contents.manifest(f"{self.name}/{name}", tag).digest

    def kill(self, name: str, number: int) -> None:
        """Leave the tags of a commit without their manifest, as a registry does that is killed in the middle of a delete."""
        revisions = f"/var/lib/registry/docker/registry/v2/repositories/{self.name}/{name}/_manifests/revisions/sha256"
        self.ran(f"rm -r {revisions}/{self.digest(name, sha(number)).removeprefix('sha256:')}")

    def blobs(self) -> set[str]:
        """Return the digests of all that is on the registry's disk."""
        return {f"sha256:{line.rsplit('/', 2)[1]}" for line in self.ran(BLOBS).splitlines()}

    def ran(self, command: str) -> str:
        """Run a command on the registry's machine."""
        code, output = self.server.container.exec_run(["sh", "-c", command])
        assert code == 0, output
        assert isinstance(output, bytes)
        return output.decode()


def copied(server: Server, name: str, numbers: Iterable[int] = range(1, 11), *, held: bool = False) -> None:
    """Make commits as the registry in memory has them, and copy all of it."""
    with project_store(project=name) as store, Http(connections=4) as http:
        for number in numbers:
            store.commit(number, more=["latest"], host=server.host, held=held)
        client = Registry(parse_registry(server.host), http)
        for path, blobs in store.blobs.items():
            for content in blobs.values():
                client.put_blob(path, content)
            for tag, digest in store.tags[path].items():
                client.put_manifest(path, tag, store.manifests[path][digest])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Start a registry that allows deletes; no other test may push while its garbage is collected."""
    with network("prune") as net, registry(net) as started:
        yield started


@pytest.fixture
def contents(server: Server) -> Iterator[RegistryContents]:
    """Look into it."""
    looking = RegistryContents(server.host)
    yield looking
    looking.close()


@pytest.fixture
def real(server: Server, contents: RegistryContents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RealProject:
    """Fill a project that no other test has."""
    monkeypatch.chdir(tmp_path)
    made = RealProject(server, contents, f"shop-{secrets.token_hex(3)}")
    monkeypatch.setattr(prune, "connect", lambda *_: made.kargo)
    return made


def kept(numbers: set[int], *others: str) -> set[str]:
    """Return the tags that these commits have."""
    return {*others, *(front + sha(number) for number in numbers for front in ("", "candidate-"))}


def test_old_commits_are_gone_and_the_rest_can_be_pulled(real: RealProject) -> None:
    """In all images and the records; latest is where it was."""
    latest = real.digest("api", "latest")
    real.prune()
    expected = kept({7, 8, 9, 10}, "latest")
    assert real.left() == dict.fromkeys(("api", "query-api", "web", "releases"), expected)
    for name, tags in real.left().items():
        for tag in tags:
            real.contents.manifest(f"{real.name}/{name}", tag)
    assert real.digest("api", "latest") == latest


def test_what_kargo_holds_and_what_versions_share_stays(real: RealProject) -> None:
    """Whole commits: this registry deletes digests, with all their tags."""
    held = Artifact(repo_url=f"registry.lan:5000/{real.name}/query-api", tag=sha(2), digest=real.digest("query-api", sha(2)))
    real.kargo.held.append(freight(held))
    with Http() as http:
        client = Registry(parse_registry(real.server.host), http)
        version = client.manifest(f"{real.name}/web", sha(4))
        assert version is not None
        client.put_manifest(f"{real.name}/web", "1.4.2", version)
    real.prune()
    expected = kept({2, 4, 7, 8, 9, 10}, "latest")
    assert real.left() == {"api": expected, "query-api": expected, "releases": expected, "web": {*expected, "1.4.2"}}


def test_a_dry_run_removes_nothing(real: RealProject, capsys: pytest.CaptureFixture[str]) -> None:
    """And knows what the registry can do."""
    before = real.left()
    real.prune("--dry-run")
    assert real.left() == before
    assert "6 would be removed" in capsys.readouterr().out


def test_commits_that_failed_their_test_are_not_counted(real: RealProject, capsys: pytest.CaptureFixture[str]) -> None:
    """They have candidates only; those older than the released ones that are kept go, newer ones stay."""
    copied(real.server, real.name, range(11, 14), held=True)
    copied(real.server, real.name, [14])
    real.prune()
    assert real.left()["releases"] == {*kept({8, 9, 10, 14}, "latest"), *(f"candidate-{sha(number)}" for number in (11, 12, 13))}
    assert "4 released and 3 unreleased commits kept, 0 protected, 7 removed" in capsys.readouterr().out


def test_a_misspelt_project_is_told_what_there_is(real: RealProject, capsys: pytest.CaptureFixture[str]) -> None:
    """docker-registry lists its repositories."""
    environ = {"PLUGIN_REGISTRY": real.server.host, "PLUGIN_PROJECT": f"{real.name}x"}
    assert main(PLUGIN, ["--prune"], environ) == 1
    out = capsys.readouterr().out
    assert f"error: {real.server.host}/{real.name}x/releases has no release records\n" in out
    assert real.name in out.partition("has records of: ")[2].splitlines()[0].split(", ")


def test_a_tag_without_manifest_goes_with_its_commit(real: RealProject) -> None:
    """docker-registry leaves such tags behind when it is killed in the middle of a delete."""
    for number in (2, 3):
        real.kill("api", number)
    real.prune()
    assert real.left()["api"] == kept({7, 8, 9, 10}, "latest")


def test_a_dead_tag_that_stays_is_an_error(real: RealProject, capsys: pytest.CaptureFixture[str]) -> None:
    """With its name."""
    real.kill("web", 9)
    real.prune(code=1)
    out = capsys.readouterr().out
    assert "2 tags without a manifest" in out
    assert f"/{real.name}/web:{sha(9)}\n" in out


def test_kargo_discovers_again_after_it(real: RealProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """By its API: what its Freight and Stages name stays, and the dead tag that stopped its discovery is gone."""
    opened: list[Api] = []

    def connecting(settings: Settings, ci: CI, console: Console) -> Api:
        made = connect(settings, ci, console)
        assert isinstance(made, Api)
        opened.append(made)
        return made

    monkeypatch.setattr(prune, "connect", connecting)
    # Kargo counts in whole seconds, and takes two refreshes of one second for one.
    seconds = itertools.count()
    monkeypatch.setattr(resources, "timestamp", lambda: f"2026-05-05T12:{(now := next(seconds)) // 60:02}:{now % 60:02}Z")
    repository = f"{real.server.host}/{real.name}/query-api"
    with stand_in("shop-cd", registries=Registries(plain_http=True)) as kargo:
        kargo.world.add_stage("beta", "images", automatic=True)
        kargo.world.add_warehouse("images", [repository], cacheByTag=False)
        assert kargo.world.settle()
        for number in (2, 3):
            image = {"repoURL": repository, "tag": sha(number), "digest": real.digest("query-api", sha(number))}
            kargo.world.create_freight("images", [image])
        real.kill("query-api", 1)
        assert not discovers(kargo)
        environ = {
            "PLUGIN_REGISTRY": real.server.host,
            "PLUGIN_PROJECT": real.name,
            "PLUGIN_KARGO_URL": kargo.url,
            "PLUGIN_KARGO_TOKEN": kargo.token,
            "PLUGIN_KARGO_PROJECT": "shop-cd",
            "PLUGIN_WAREHOUSE": "images",
        }
        assert main(PLUGIN, ["--prune", "--keep", "4"], environ) == 0
        opened.pop().close()
        assert real.left()["web"] == real.left()["query-api"] == kept({2, 3, 7, 8, 9, 10}, "latest")
        assert discovers(kargo)
    rows = [line.split("protected")[1] for line in capsys.readouterr().out.splitlines() if "  protected  " in line and "Freight" in line]
    assert ["Stage beta" in row for row in rows] == [False, True]


def discovers(kargo: StandIn) -> bool:
    """Have Kargo look at the registry; tell whether it could."""
    kargo.world.refresh("images")
    assert kargo.world.settle()
    status = kargo.world.copy("Warehouse", "images")["status"]
    return bool(status["discoveredArtifacts"]["discoveredAt"] >= status["lastHandledRefresh"])


def test_the_disk_gets_its_space_back(real: RealProject) -> None:
    """By the command that the log names, also from images of several platforms."""
    with project_store(project=real.name) as store:
        parts = [store.push(f"{real.name}/api", sha(1), platform=platform) for platform in ("linux/amd64", "linux/arm64")]
        index = store.push_index(f"{real.name}/api", dict(zip(("linux/amd64", "linux/arm64"), parts, strict=True)))
        with Http() as http:
            client = Registry(parse_registry(real.server.host), http)
            for path, blobs in store.blobs.items():
                for content in blobs.values():
                    client.put_blob(path, content)
            for part in (*parts, index):
                client.put_manifest(f"{real.name}/api", part.digest, part)
            for tag in (sha(1), f"candidate-{sha(1)}"):
                client.put_manifest(f"{real.name}/api", tag, index)
    real.ran(COLLECT)
    before = real.blobs()
    real.prune()
    assert real.blobs() == before
    real.ran(COLLECT)
    # The layers of the other platform are those of the commits that stay.
    gone = {index.digest, *(part.digest for part in parts), *(layer.digest for layer in parts[1].layers)}
    assert not gone & real.blobs()
    for name, tags in real.left().items():
        for tag in tags:
            stored = real.contents.manifest(f"{real.name}/{name}", tag).document
            assert {part["digest"] for part in (stored["config"], *stored["layers"])} <= real.blobs()


def test_deletes_that_are_off_are_told(real: RealProject, capsys: pytest.CaptureFixture[str]) -> None:
    """As docker-registry comes; nothing is removed, and a dry run ends in the same way."""
    off = {"storage": {"filesystem": {"rootdirectory": "/var/lib/registry"}, "cache": {"blobdescriptor": "inmemory"}}}
    with network("prune-off") as net, registry(net, config=off) as closed:
        copied(closed, real.name)
        real.kargo.watched = f"{closed.host}/{real.name}/query-api"
        environ = {"PLUGIN_REGISTRY": closed.host, "PLUGIN_PROJECT": real.name}
        assert main(PLUGIN, ["--prune", "--keep=4", "--dry-run"], environ) == 1
        assert "6 would be removed" in capsys.readouterr().out
        assert main(PLUGIN, ["--prune", "--keep=4"], environ) == 1
        looking = RegistryContents(closed.host)
        assert looking.tags(f"{real.name}/api") == kept(set(range(1, 11)), "latest")
        looking.close()
    out = capsys.readouterr().out
    assert "does not allow anything to be removed" in out
    assert "REGISTRY_STORAGE_DELETE_ENABLED=true" in out


def test_the_registry_in_memory_removes_as_this_one_does(real: RealProject) -> None:
    """Status by status: what the other tests of --prune stand on."""
    with project_store(Removal.DIGESTS, project=real.name) as store:
        for number in range(1, 11):
            store.commit(number, more=["latest"])
        path = f"{real.name}/api"
        digest = store.tags[path][sha(3)]
        assert digest == real.digest("api", sha(3))
        asked = [
            ("DELETE", "manifests/nothing"),
            ("DELETE", f"manifests/sha256:{'0' * 64}"),
            ("DELETE", f"manifests/{sha(3)}"),
            ("DELETE", f"manifests/{digest}"),
            ("GET", f"manifests/{sha(3)}"),
            ("GET", f"manifests/candidate-{sha(3)}"),
            ("GET", f"manifests/{sha(4)}"),
            ("DELETE", f"manifests/{digest}"),
            ("GET", f"blobs/{digest}"),
        ]
        statuses = []
        for host in (store.host, real.server.host):
            with httpx.Client(base_url=f"http://{host}/v2/{path}/", headers=ACCEPT) as client:
                statuses.append([client.request(method, url).status_code for method, url in asked])
        assert statuses == [[400, 404, 400, 202, 404, 404, 200, 404, 404]] * 2
        assert store.names("api") == real.left()["api"]
        listed = [set(httpx.get(f"http://{host}/v2/_catalog?n=1000").json()["repositories"]) for host in (store.host, real.server.host)]
        assert listed[0] <= listed[1]

"""The plugin images: how they are built, what is in them, and what is not."""

import argparse
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devtools import engine, go_programs, helm, images, images_command
from devtools.errors import DevError
from devtools.images import IMAGES, Image, Source, Workshop
from devtools.layout import Destination, Layout
from devtools.paths import ROOT
from devtools.services import network, registry
from plugin_kit.errors import RegistryError

if TYPE_CHECKING:
    from plugin_kit.cli import Plugin


@pytest.fixture(scope="module")
def built() -> dict[str, str]:
    """Build the images where something changed."""
    return images.build()


def inside(image: str, script: str, *options: str) -> str:
    """Run a shell script in an image and return what it printed."""
    command = ["docker", "run", "--rm", "--network=none", "--entrypoint=sh", *options, image, "-euc", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def git(folder: Path, *arguments: str) -> None:
    """Run git as nobody in particular."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_folder_without_commits_has_a_version_too(tmp_path: Path) -> None:
    """./dev images works on a fresh checkout of anything."""
    assert Source.read(tmp_path) == Source(version="dev", revision="", created="", url="")


def test_the_version_is_what_git_describes(tmp_path: Path) -> None:
    """Tag, commit and its time; uncommitted changes show."""
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x", "--date=2026-01-02T03:04:05Z")
    git(tmp_path, "tag", "v1.2.0")
    (tmp_path / "file").touch()
    git(tmp_path, "add", "file")
    source = Source.read(tmp_path)
    assert source.version == "v1.2.0-dirty"
    assert len(source.revision) == 40
    assert source.created.endswith("Z")


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://forge.lan/team/local-cicd.git", "https://forge.lan/team/local-cicd.git"),
        ("https://robot:word@forge.lan/team/local-cicd.git", ""),
        ("/srv/git/local-cicd.git", ""),
        ("git@forge.lan:team/local-cicd.git", ""),
    ],
)
def test_only_a_public_address_becomes_the_source_label(tmp_path: Path, remote: str, expected: str) -> None:
    """No login and no path of this machine gets into an image."""
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    git(tmp_path, "remote", "add", "origin", remote)
    assert Source.read(tmp_path).url == expected


def test_an_unknown_image_is_named_with_those_that_exist() -> None:
    """A typing error is answered before anything is built."""
    with pytest.raises(
        DevError, match=r"no image is called registry-pusch\n  hint: the images are registry-push, registry-push-embedded, "
    ):
        images.chosen(["registry-pusch"])


@pytest.mark.parametrize(
    ("text", "host", "scheme", "repository"),
    [
        ("registry.lan:5000", "registry.lan:5000", None, "x"),
        ("registry.lan:5000/team/ci/", "registry.lan:5000", None, "team/ci/x"),
        ("http://localhost:5000/ci", "localhost:5000", "http", "ci/x"),
    ],
)
def test_a_destination_has_a_host_and_perhaps_a_folder(text: str, host: str, scheme: str | None, repository: str) -> None:
    """--push takes what people write."""
    destination = Destination.parse(text)
    assert (destination.host.host, destination.host.scheme, destination.repository("x")) == (host, scheme, repository)


def test_a_destination_that_is_none_is_refused() -> None:
    """Before anything is built."""
    with pytest.raises(DevError, match="--push ftp://x"):
        Destination.parse("ftp://x")


@pytest.mark.engine
def test_every_image_has_two_names(built: dict[str, str]) -> None:
    """The one for people and pipelines, and the one of this project."""
    client = engine.connect()
    assert set(built) == {image.name for image in IMAGES}
    for name, reference in built.items():
        assert client.images.get(f"{name}:latest").id == client.images.get(reference).id


@pytest.mark.engine
@pytest.mark.usefixtures("built")
def test_nothing_is_started_when_nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The inputs of an image are compared, so that every test session may ask for it."""

    @contextmanager
    def closed(*, output: Path | None = None) -> Iterator[Workshop]:
        raise AssertionError(f"a builder is started, for {output}")
        yield

    monkeypatch.setattr(Workshop, "open", closed)
    assert images.build(["registry-push"]) == {"registry-push": "local-cicd/registry-push:dev"}


@pytest.mark.engine
@pytest.mark.parametrize("name", images.NAMES)
def test_the_program_starts_in_any_folder(built: dict[str, str], name: str, tmp_path: Path) -> None:
    """Modules that lie in the workspace are not taken for the plugin's own."""
    for module in ("json", "pathlib", "plugin_kit", "registry_push", "github_mirror", "kargo_notify", "bootstrap"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('a module of the workspace was imported')\n")
    command = ["docker", "run", "--rm", "--network=none", f"--volume={tmp_path}:/work", "--workdir=/work", "--env=PYTHONPATH=/work"]
    shown = subprocess.run([*command, built[name], "--version"], check=False, capture_output=True, text=True)
    assert (shown.stdout, shown.stderr) == (f"{name.removesuffix('-embedded')} {Source.read().version}\n", "")


@pytest.mark.engine
@pytest.mark.parametrize("name", images.NAMES)
def test_no_tool_of_the_build_is_in_an_image(built: dict[str, str], name: str) -> None:
    """No compiler, no pip, no docker command, and git only where it is the plugin's work."""
    with_git = {"github-mirror": "docker-buildx sshd", "bootstrap": "docker-buildx ssh"}
    tools = f"pip pip3 gcc cc make docker curl wget uv {with_git.get(name, 'git ssh perl5')}"
    assert inside(built[name], f"for tool in {tools}; do command -v $tool || true; done; python3.13 -c 'import pip' 2>&1 | tail -1") == (
        "ModuleNotFoundError: No module named 'pip'\n"
    )


@pytest.mark.engine
@pytest.mark.parametrize("name", images.NAMES)
def test_nothing_of_the_builds_network_is_in_an_image(built: dict[str, str], name: str) -> None:
    """No configuration of pip or apt, no package lists, no CA but Debian's, no proxy."""
    look = """
        find / -xdev \\( -name pip.conf -o -name '*.deb' -o -path '/run/secrets*' -o -path '/root/.cache/*' \\)
        find /var/lib/apt/lists -name '*_*'
        bundle=$(grep -c BEGIN /etc/ssl/certs/ca-certificates.crt)
        packaged=$(find /usr/share/ca-certificates/mozilla -name '*.crt' | wc -l)
        [ "$bundle" = "$packaged" ] || echo "$bundle certificates, $packaged of them Debian's"
        env | grep -i -e proxy -e PIP_ -e SSL_CERT || true
        """
    # As who may look everywhere.
    assert inside(built[name], look, "--user=0") == ""


@pytest.mark.engine
@pytest.mark.parametrize("name", images.NAMES)
def test_no_module_is_compiled_at_every_start(built: dict[str, str], name: str) -> None:
    """Bytecode is in the image: its files are read-only for whoever runs it."""
    look = """
        for folder in /usr/lib/python3.13 /usr/local/lib/python3.13; do
            find $folder -name '*.py' | while read -r file; do
                compiled=${file%/*}/__pycache__/$(basename "$file" .py).cpython-313.pyc
                [ -e "$compiled" ] || echo "$file"
            done
        done
        """
    assert inside(built[name], look) == ""


@pytest.mark.engine
def test_only_the_embedded_image_has_a_buildkit(built: dict[str, str]) -> None:
    """The slim one is a client; the other keeps its state on a volume, because overlayfs does not go on overlayfs."""
    look = "for tool in buildkitd runc docker-buildx; do command -v $tool || true; done"
    assert inside(built["registry-push"], look) == "/usr/local/bin/docker-buildx\n"
    programs = inside(built["registry-push-embedded"], look).split()
    assert programs == ["/usr/bin/buildkitd", "/usr/sbin/runc", "/usr/local/bin/docker-buildx"]
    volumes = engine.connect().images.get(built["registry-push-embedded"]).attrs["Config"]["Volumes"]
    assert volumes == {"/var/lib/buildkit": {}}


@pytest.mark.engine
def test_the_mirrors_image_has_what_it_runs(built: dict[str, str]) -> None:
    """The git program with https, ssh, and git-lfs."""
    look = "for tool in git ssh git-lfs; do command -v $tool; done; test -x $(git --exec-path)/git-remote-https && git lfs version"
    *programs, lfs = inside(built["github-mirror"], look).splitlines()
    assert programs == ["/usr/bin/git", "/usr/bin/ssh", "/usr/bin/git-lfs"]
    assert lfs.startswith("git-lfs/")


@pytest.mark.engine
def test_bootstrap_has_helm_and_git(built: dict[str, str]) -> None:
    """Helm is the one that the tests use, and git is for the import of a clone."""
    version = go_programs.pinned(ROOT / "tests/support/controlplane/helm4", "helm.sh/helm/v4")
    assert inside(built["bootstrap"], "helm version --short; git --version; bootstrap --help").startswith(f"{version}\ngit version ")


def test_the_dockerfile_names_the_helm_that_is_built() -> None:
    """Who builds the image without ./dev gets the same."""
    assert f"ARG HELM_IMAGE={helm.IMAGE}\n" in (ROOT / "bootstrap/Dockerfile").read_text(encoding="utf-8")


@pytest.mark.engine
@pytest.mark.parametrize("name", [image.name for image in IMAGES if image.dockerfile.startswith("plugins/")])
def test_help_explains_every_setting(built: dict[str, str], name: str) -> None:
    """On any machine with the image, without a network."""
    plugin: Plugin = import_module(f"{name.removesuffix('-embedded').replace('-', '_')}.__main__").PLUGIN
    shown = subprocess.run(["docker", "run", "--rm", "--network=none", built[name], "--help"], check=True, capture_output=True, text=True)
    explained = {line.split()[0] for line in shown.stdout.splitlines() if line.startswith("  ") and line.strip()}
    assert set(plugin.settings_model().model_fields) - explained == set()


def stages(image: Image) -> dict[str, str]:
    """Return the stages of an image's Dockerfile, without what names the plugin."""
    folder = Path(image.dockerfile).parent
    text = (ROOT / image.dockerfile).read_text(encoding="utf-8").replace(f"COPY {folder}", "COPY FOLDER").replace(folder.name, "PLUGIN")
    # The comment above a FROM belongs to the stage that it begins.
    return {stage.partition("\n")[0]: stage for stage in re.split(r"^(?:#.*\n)*(?=FROM )", text, flags=re.MULTILINE)[1:]}


@pytest.mark.parametrize("image", IMAGES, ids=images.NAMES)
def test_the_stages_with_python_are_written_the_same(image: Image) -> None:
    """The builder then makes them once for all, but for the libraries that only one of them needs; market-gate has no plugin-kit."""
    built_with_plugin_kit = ["FROM ${BASE_IMAGE} AS python"] if "plugins/plugin-kit" in image.context else []
    for stage in (*built_with_plugin_kit, "FROM ${BASE_IMAGE} AS interpreter"):
        assert stages(image)[stage] == stages(IMAGES[0])[stage]


@pytest.mark.engine
def test_the_plugins_share_debian_and_python(built: dict[str, str]) -> None:
    """A machine that has one of them fetches neither again for the next."""
    client = engine.connect()
    layers = [client.images.get(reference).attrs["RootFS"]["Layers"] for reference in built.values()]
    assert len({tuple(each[:2]) for each in layers}) == 1


@pytest.mark.engine
@pytest.mark.parametrize("name", images.NAMES)
def test_an_image_says_what_it_is(built: dict[str, str], name: str) -> None:
    """The labels of the OCI image specification."""
    labels = engine.connect().images.get(built[name]).labels
    source = Source.read()
    told = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert told["title"] == name
    assert told["licenses"] == "Apache-2.0"
    assert (told["version"], told["revision"], told["created"]) == (source.version, source.revision, source.created)
    assert told["description"]


@pytest.mark.engine
def test_layouts_are_written_and_pushed(tmp_path: Path) -> None:
    """One folder per image with compressed layers; the registry gets the same bytes as version and latest."""
    native = f"linux/{engine.connect().version()['Arch']}"
    with network("test") as net, registry(net) as server:
        common = {"names": ["registry-push"], "platforms": native, "again": False, "insecure": False}
        images_command.main(argparse.Namespace(push=f"{server.host}/team", output=str(tmp_path), **common))
        layout = Layout(folder=tmp_path / "registry-push")
        with Destination.parse(server.host).open(insecure=False) as there:
            pushed = {tag: there.manifest("team/registry-push", tag) for tag in there.tags("team/registry-push")}
    assert [manifest and manifest.digest for manifest in pushed.values()] == [layout.root.digest] * 2
    assert "latest" in pushed
    assert layout.platforms() == [native]
    media_types = {descriptor["mediaType"] for descriptor in layout.root.document["layers"]}
    assert media_types == {"application/vnd.oci.image.layer.v1.tar+gzip"}
    assert json.loads((tmp_path / "registry-push/oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}


@pytest.mark.engine
def test_a_registry_that_refuses_is_known_before_the_build() -> None:
    """Minutes of building are not lost to a missing login."""
    with network("test") as net, registry(net, htpasswd=("robot", "word")) as guarded:
        namespace = argparse.Namespace(push=guarded.host, output=None, names=[], platforms=None, again=False, insecure=False)
        with pytest.raises(DevError, match=r"(?s)401 Unauthorized.*hint: docker login") as caught:
            images_command.main(namespace)
    assert isinstance(caught.value.__cause__, RegistryError)


@pytest.mark.engine
def test_a_platform_that_can_not_be_built_is_refused_with_the_reason(tmp_path: Path) -> None:
    """Not every machine has an emulator, or base images for another platform."""
    namespace = argparse.Namespace(push=None, output=str(tmp_path), names=[], platforms="linux/s390x", again=False, insecure=False)
    with pytest.raises(DevError, match=r"can't build for linux/s390x here"):
        images_command.main(namespace)


@pytest.mark.engine
def test_a_failing_build_shows_the_end_of_its_log() -> None:
    """And where the rest of it is."""
    broken = Image(name="broken", dockerfile="plugins/registry-push/Dockerfile", target="no-such-stage", context=())
    with Workshop.open() as workshop, pytest.raises(DevError, match=r"(?s)build-broken failed.*log in .*build-broken\.log.*no-such-stage"):
        workshop.bake(broken, Source.read(), output="type=cacheonly")

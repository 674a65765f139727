"""Registry, mirror and BuildKit as containers: what they offer, and that they go."""

import http.client
import signal
import ssl
import subprocess
import sys
import textwrap
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import trustme

from devtools import base_images, clean, engine
from devtools.containers import execute, named_volume, waiting
from devtools.errors import DevError
from devtools.paths import ROOT
from devtools.services import Certificate, Registry, Services, buildkit, mirror, network, registry

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def net() -> Iterator[str]:
    """Make a network for the single parts."""
    with network("test") as name:
        yield name


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Certificate, trustme.CA]:
    """Issue a server certificate by a private CA, which is also the one of the clients."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1", "registry", "buildkit")
    made = Certificate(cert=tmp_path / "cert.pem", key=tmp_path / "key.pem", client_ca=tmp_path / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(made.cert)
    issued.private_key_pem.write_to_path(made.key)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made, authority


def status(server: Registry, path: str = "/v2/", *, login: str = "", context: ssl.SSLContext | None = None) -> int:
    """Ask a registry and return the status."""
    connection = http.client.HTTPSConnection(server.host, context=context) if context else http.client.HTTPConnection(server.host)
    try:
        connection.request("GET", path, headers={"Authorization": "Basic " + b64encode(login.encode()).decode()} if login else {})
        return connection.getresponse().status
    finally:
        connection.close()


def left_of(instance: str) -> list[str]:
    """Return what is still there of a network and its containers."""
    client = engine.connect()
    ours: dict[str, str | list[str] | bool] = {"label": f"{engine.INSTANCE_LABEL}={instance}"}
    containers = [str(container.name) for container in client.containers.list(all=True, filters=ours)]
    return containers + [str(found.name) for found in client.networks.list(filters=ours)]


def test_a_registry_answers_when_its_context_begins(net: str) -> None:
    """Whoever gets it can use it at once."""
    with registry(net) as plain:
        assert status(plain) == 200
        assert plain.inside == "registry:5000"


def test_a_registry_with_a_login_refuses_all_others(net: str) -> None:
    """The password is checked, whatever shell characters it holds."""
    word = "s3'c\"r$et \\`x`"
    with registry(net, alias="guarded", htpasswd=("robot", word)) as guarded:
        assert [status(guarded), status(guarded, login="robot:wrong"), status(guarded, login=f"robot:{word}")] == [401, 401, 200]


def test_a_registry_speaks_tls_with_the_certificate_it_is_given(net: str, certificate: tuple[Certificate, trustme.CA]) -> None:
    """A client that trusts the private CA gets an answer."""
    made, authority = certificate
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with registry(net, alias="tls", tls=Certificate(cert=made.cert, key=made.key)) as secure:
        assert secure.scheme == "https"
        assert status(secure, context=context) == 200


def test_the_mirror_has_the_base_images(net: str) -> None:
    """BuildKit asks it for docker.io's debian and moby/buildkit."""
    tag = base_images.DEBIAN.split(":")[1]
    with mirror(net) as hub:
        paths = [f"/v2/library/debian/manifests/{tag}", "/v2/moby/buildkit/manifests/buildx-stable-1"]
        assert [status(hub, path) for path in paths] == [200, 200]


def test_a_builder_with_mtls_wants_a_client_certificate(net: str, certificate: tuple[Certificate, trustme.CA]) -> None:
    """Its CA's certificate opens the door, none does not."""
    made, _ = certificate
    files = {f"/client/{path.name}": path.read_bytes() for path in (made.cert, made.key, made.client_ca) if path}
    ask = ["buildctl", "--addr", "tcp://127.0.0.1:1234", "--tlsservername", "buildkit", "--tlscacert", "/client/ca.pem"]
    show = ["debug", "workers"]
    with buildkit(net, tls=made, files=files) as builder:
        with_certificate, _ = execute(builder.container, [*ask, "--tlscert", "/client/cert.pem", "--tlskey", "/client/key.pem", *show])
        without, _ = execute(builder.container, [*ask, *show])
    assert with_certificate == 0
    assert without != 0


def test_a_builder_that_can_not_start_shows_its_log(net: str) -> None:
    """The reason is in the error, without a look into a container that is gone."""
    with (
        pytest.raises(DevError, match=r"(?s)broken did not get ready.*toml"),
        buildkit(net, alias="broken", config="no = [toml"),
    ):
        pass


def test_an_image_is_built_and_pushed_without_any_other_registry() -> None:
    """`FROM debian:trixie-slim` comes from the mirror, and the user's registry holds only what was pushed to it."""
    build = textwrap.dedent("""\
        mkdir /tmp/x && cd /tmp/x && printf 'FROM debian:trixie-slim\\nRUN echo hi > /greeting\\n' > Dockerfile
        docker-buildx create --name r --driver remote tcp://buildkit:1234
        docker-buildx build --builder r --output type=image,name=registry:5000/a/b:t,push=true,registry.insecure=true .
        curl -sf http://registry:5000/v2/_catalog
        """)
    with Services.start(name="test") as services:
        with waiting(services.tools, name=f"{services.network}-client", net=services.network) as client:
            code, output = execute(client, ["sh", "-euc", build])
        assert code == 0, output.decode()
        assert '{"repositories":["a/b"]}' in output.decode()
        assert "linux/amd64" in services.builder.platforms or "linux/arm64" in services.builder.platforms
    assert left_of(services.network) == []


def test_nothing_is_left_after_an_exception() -> None:
    """Containers, their volumes and the network go, also those that were added to the network later."""
    client = engine.connect()
    with ExitStack() as stack:
        name = stack.enter_context(network("test"))
        server = stack.enter_context(registry(name))
        volumes = [mount["Name"] for mount in client.api.inspect_container(str(server.container.id))["Mounts"]]
        client.containers.run(base_images.DEBIAN, ["sleep", "60"], name=f"{name}-stray", network=name, detach=True)
        # pytest.raises would swallow it before the contexts end.
        stack.enter_context(suppress(ValueError))
        raise ValueError("the work")
    assert left_of(name) == []
    assert f"{name}-stray" not in [container.name for container in client.containers.list(all=True)]
    assert not set(volumes) & {volume.name for volume in client.volumes.list()}


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_after_a_signal(sent: signal.Signals) -> None:
    """A process that is told to end takes its containers with it."""
    program = textwrap.dedent("""\
        import signal, time
        from devtools import engine
        from devtools.services import network, registry
        # Who runs in the background of a shell without job control has it ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with engine.ended_by_sigterm(), network("test") as name, registry(name):
            print(name, flush=True)
            time.sleep(60)
        """)
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        lines = iter(child.stdout.readline, "")
        name = next(line.strip() for line in lines if line.startswith("local-cicd-test-"))
        child.send_signal(sent)
        child.communicate(timeout=30)
    assert child.returncode != 0
    assert left_of(name) == []


def test_a_named_volume_keeps_what_was_pushed(net: str) -> None:
    """The next registry on the volume has the images of the one before."""
    volume = engine.unique("test")
    try:
        with registry(net, alias="first", volume=volume) as first:
            execute(first.container, ["mkdir", "-p", "/var/lib/registry/kept"])
        with registry(net, alias="second", volume=volume) as second:
            code, _ = execute(second.container, ["test", "-d", "/var/lib/registry/kept"])
        assert code == 0
    finally:
        engine.connect().volumes.get(volume).remove()


def test_clean_removes_what_a_killed_run_left_but_no_build_cache() -> None:
    """Containers, networks and volumes of a label; caches only when everything is to go."""
    client = engine.connect()
    name = engine.unique("test")
    client.networks.create(name, labels=engine.labels(name))
    client.containers.run(base_images.DEBIAN, ["sleep", "60"], network=name, labels=engine.labels(name), detach=True)
    client.volumes.create(f"{name}-data", labels=engine.labels(name))
    label = f"{engine.INSTANCE_LABEL}={name}"
    named_volume(name)
    clean.empty_engine(label, everything=False)
    kept = [str(volume.name) for volume in client.volumes.list(filters={"label": label})]
    clean.empty_engine(label, everything=True)
    assert kept == [name]
    assert left_of(name) + client.volumes.list(filters={"label": label}) == []

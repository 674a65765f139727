"""A real buildkitd takes the configuration that is written for it: who may build, and how much it keeps."""

from collections.abc import Iterator

import pytest

from bootstrap.components.buildkit.builder import server_names
from bootstrap.components.buildkit.configuration import CA_FILE, TLS, buildkitd_toml
from bootstrap.components.buildkit.security import FORMS
from devtools.buildkit import Builder, buildkit
from devtools.containers import execute, network, put_file
from tests.support.authority import Authority
from tests.support.bootstrap_run import a_platform

pytestmark = [
    pytest.mark.engine,
    # docker-py leaves the sockets of its streams to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket fd=.*, family=1,:ResourceWarning"),
]
PLATFORM = a_platform(
    registry={"mode": "external", "host": "registry.lan:5000"},
    buildkit={"storage": {"size": "50Gi"}, "mirrors": {"docker.io": ["mirror.lan"]}},
)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """Start one with our configuration, its own certificate, and one of a client and one of a stranger beside it."""
    folder = tmp_path_factory.mktemp("buildkit")
    ours, other = Authority(folder / "ours"), Authority(folder / "other")
    server, client, stranger = ours.server(server_names(PLATFORM)[1]), ours.client("pipelines"), other.client("pipelines")
    ca = ours.pem.encode()
    files = {f"{TLS}/tls.crt": server.cert.read_bytes(), f"{TLS}/tls.key": server.key.read_bytes(), f"{TLS}/ca.crt": ca, CA_FILE: ca}
    toml = buildkitd_toml(PLATFORM, ca=True, socket=FORMS["privileged"].socket)
    with network("bootstrap-buildkit") as net, buildkit(net, config=toml, files=files) as running:
        for name, pair in (("client", client), ("stranger", stranger)):
            put_file(running.container, f"/certs/{name}.pem", pair.cert.encode())
            put_file(running.container, f"/certs/{name}.key", pair.key.encode())
        yield running


def workers(builder: Builder, *options: str) -> tuple[int, str]:
    """Ask for the workers, over TCP as a pipeline does."""
    command = ["buildctl", "--addr", "tcp://localhost:1234", "--timeout", "10", *options, "debug", "workers"]
    code, output = execute(builder.container, command)
    return code, output.decode()


def test_who_has_a_certificate_of_its_ca_may_build(builder: Builder) -> None:
    """And knows the server by a certificate of the same CA."""
    options = ["--tlscacert", f"{TLS}/ca.crt", "--tlscert", "/certs/client.pem", "--tlskey", "/certs/client.key"]
    code, output = workers(builder, *options)
    assert code == 0, output


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--tlscacert", f"{TLS}/ca.crt"],
        ["--tlscacert", f"{TLS}/ca.crt", "--tlscert", "/certs/stranger.pem", "--tlskey", "/certs/stranger.key"],
    ],
    ids=["plain", "no certificate", "of another CA"],
)
def test_who_has_none_is_not_served(builder: Builder, options: list[str]) -> None:
    """Else everyone in the cluster could build, and read the cache."""
    code, output = workers(builder, *options)
    assert code != 0, output


def test_it_keeps_as_much_as_the_volume_allows(builder: Builder) -> None:
    """In its own words: the policy that covers everything stops at four fifths of 50 GiB."""
    code, output = execute(builder.container, ["buildctl", "debug", "workers", "--verbose"])
    text = output.decode()
    assert code == 0, text
    last = text.rsplit("GC Policy rule#", 1)[1]
    assert "All:" in last
    assert [line.split()[-1] for line in last.splitlines() if line.strip().startswith("Maximum used space")] == ["42.94967296GB"]

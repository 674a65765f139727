"""What the tests of the registry client share: a server for its bad days, and a real one."""

import ssl
from collections.abc import Iterator

import pytest
import trustme

from tests.support.scripted_server import ScriptedServer, scripted_server


def pytest_configure(config: pytest.Config) -> None:
    """Let docker-py leave the sockets of its streams to the garbage collector; in a test here or in whatever test runs then."""
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket.socket fd=.*, family=1,:ResourceWarning")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Serve plain http, as scripted by the test."""
    with scripted_server() as running:
        yield running


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Make a CA that nobody knows."""
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[ScriptedServer]:
    """Serve https with a certificate of the unknown CA, as scripted by the test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with scripted_server(context) as running:
        yield running


@pytest.fixture(scope="session")
def docker_registry() -> Iterator[str]:
    """Start Debian's docker-registry and give its host:port."""
    from devtools import services  # noqa: PLC0415  needs docker-py, which tests without an engine do without

    with services.network("client") as net, services.registry(net) as running:
        yield running.host


@pytest.fixture(scope="session")
def locked_registry(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a docker-registry with TLS of the private CA and a login, and give its host:port."""
    from devtools import services  # noqa: PLC0415  see docker_registry

    folder = tmp_path_factory.mktemp("certificate")
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate = services.Certificate(cert=folder / "cert.pem", key=folder / "key.pem")
    with services.network("locked") as net, services.registry(net, tls=certificate, htpasswd=("ada", "correct horse")) as running:
        yield running.host

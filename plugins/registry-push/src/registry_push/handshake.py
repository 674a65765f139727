"""The first words with a BuildKit. buildx would wait 20 s for one that it can't speak to, and not say why."""

import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from plugin_kit.errors import BuilderError

# RFC 9113, 3.4: the client's preface and an empty SETTINGS frame; the server's first frame is a SETTINGS frame as well.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_FRAME_HEADER = 9
_FRAME_TYPE = 3
_SETTINGS = 4
_PAIR = "set `builder_cert` and `builder_key` to a pair that the builder accepts, PEM or path"


def check(connection: socket.socket, address: str, tls: Mapping[str, str]) -> None:
    """Greet the BuildKit at the other end, by TLS where `tls` names files (cacert, cert, key); raises BuilderError where it can't be one.

    A builder that keeps silent passes: buildx has more patience.
    """
    try:
        if not tls:
            _greet_plainly(connection, address)
            return
        with _encrypted(connection, address, tls) as encrypted:
            _greet_encrypted(encrypted, address, certified="cert" in tls)
    except TimeoutError:
        return


def _greet_plainly(connection: socket.socket, address: str) -> None:
    try:
        answer = _exchange(connection)
    except ConnectionError:
        answer = b""
    if not answer:
        raise BuilderError(
            f"the builder {address} closes connections without TLS",
            hint="set `builder_ca` to the CA of its certificate and, where it asks for mTLS, `builder_cert` and `builder_key`",
        )
    _demand_settings(answer, address)


def _encrypted(connection: socket.socket, address: str, tls: Mapping[str, str]) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=tls.get("cacert"))
    # Go does not ask for the extensions that this flag, set since Python 3.13, makes compulsory.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["h2"])
    if "cert" in tls:
        context.load_cert_chain(tls["cert"], tls["key"])
    try:
        return context.wrap_socket(connection, server_hostname=urlsplit(address).hostname)
    except ssl.SSLCertVerificationError as error:
        raise BuilderError(
            f"the certificate of the builder {address} is refused: {error.verify_message}",
            hint="set `builder_ca` to the CA that signed it, PEM or path",
        ) from error
    except (ssl.SSLError, ConnectionError) as error:
        if _is_about_us(error):
            raise BuilderError(f"the builder {address} refuses our certificate", hint=_PAIR) from error
        raise BuilderError(
            f"the builder {address} does not speak TLS",
            hint="leave out `builder_ca`, `builder_cert` and `builder_key`, or give the builder a certificate",
        ) from error


def _greet_encrypted(connection: ssl.SSLSocket, address: str, *, certified: bool) -> None:
    # With TLS 1.3 a server looks at our certificate when the handshake is over for us.
    try:
        answer = _exchange(connection)
    except (ssl.SSLError, ConnectionError):
        answer = b""
    if not answer:
        whom = "our certificate" if certified else "clients without a certificate"
        raise BuilderError(f"the builder {address} refuses {whom}", hint=_PAIR)
    _demand_settings(answer, address)


def _exchange(connection: socket.socket) -> bytes:
    connection.sendall(_PREFACE)
    answer = b""
    while len(answer) < _FRAME_HEADER and (more := connection.recv(_FRAME_HEADER - len(answer))):
        answer += more
    return answer


def _demand_settings(answer: bytes, address: str) -> None:
    if len(answer) < _FRAME_HEADER or answer[_FRAME_TYPE] != _SETTINGS:
        raise BuilderError(f"what answers at {address} is no BuildKit", hint="check `builder`: it is the address of buildkitd's gRPC API")


def _is_about_us(error: Exception) -> bool:
    return isinstance(error, ssl.SSLError) and "CERTIFICATE" in (error.reason or "")

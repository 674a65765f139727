"""A registry client for a test, of a scripted server or a real registry."""

from collections.abc import Iterator
from contextlib import contextmanager

import trustme

from plugin_kit.credentials import Login
from plugin_kit.http import Http, tls_context
from plugin_kit.manifest import Manifest
from plugin_kit.reference import parse_registry
from plugin_kit.registry import Registry
from tests.support.scripted_server import Answer, ScriptedServer

ADA = Login(username="ada", password="correct horse")


@contextmanager
def client(
    host: str, *, login: Login | None = None, insecure: bool = False, ca: trustme.CA | None = None, retry_for: float = 2
) -> Iterator[Registry]:
    """Open a client for host:port, or for a URL."""
    verify = tls_context(ca.cert_pem.bytes().decode()) if ca else False
    with Http(verify=verify, retry_for=retry_for, timeout=2) as http:
        yield Registry(parse_registry(host), http, insecure=insecure, login=login)


def serve(server: ScriptedServer, manifest: Manifest, **headers: str) -> None:
    """Have the server answer every GET of a manifest with this one."""
    server.on("GET", "/manifests/", Answer(headers={"Content-Type": manifest.media_type, **headers}, body=manifest.content))

"""What a person is told where this command can't speak with the platform's registry."""

import ssl

import pytest
import trustme

from bootstrap.components.registry.client import trouble
from plugin_kit.errors import RegistryError
from plugin_kit.http import Http, tls_context
from plugin_kit.reference import RegistryHost
from plugin_kit.registry import Registry
from tests.support.scripted_server import scripted_server


@pytest.mark.parametrize(
    ("trusts", "said", "unsaid"),
    [(True, "name it as its certificate does, in `registry.host`", "set `ca`"), (False, "set `ca` in platform.yaml", "as its certificate")],
)
def test_a_certificate_of_another_name_is_no_unknown_ca(*, trusts: bool, said: str, unsaid: str) -> None:
    """As where a registry is named by its address, and its certificate is for its name."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("registry.example.lan").configure_cert(context)
    verify = tls_context((authority if trusts else trustme.CA()).cert_pem.bytes().decode())
    with scripted_server(context) as secure, Http(verify=verify, retry_for=1) as http, pytest.raises(RegistryError) as caught:
        Registry(RegistryHost(host=secure.host, scheme="https"), http).ping()
    error = trouble(caught.value)
    assert said in str(error.hint), error.message
    assert unsaid not in str(error.hint)

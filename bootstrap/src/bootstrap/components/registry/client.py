"""How this command reaches the platform's registry, and what a person is told where it can't."""

from collections.abc import Iterator
from contextlib import contextmanager

from bootstrap.components.given import secret_value
from bootstrap.components.trust import ca_pem
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from plugin_kit.credentials import Login
from plugin_kit.errors import RegistryError
from plugin_kit.http import Http, tls_context
from plugin_kit.reference import parse_registry
from plugin_kit.registry import Registry

UNREACHED = "check `registry.host`; where it has another address for this machine, set `registry.bootstrap_url`"
_HINTS = (
    ("certificate is not valid for", "name it as its certificate does, in `registry.host`, or `plain_http: true`"),
    ("can't be trusted", "set `ca` in platform.yaml to the CA that signed its certificate: {file: ...} or {secret: ...}"),
    ("speaks plain http", "give it a certificate; or set `registry.plain_http: true` (Kargo then finds it only under an IP address)"),
    ("can't reach", UNREACHED),
    ("is no container registry", UNREACHED),
    ("401", "set `registry.login` in platform.yaml to a user that may push"),
    ("403", "let the user of `registry.login` push and pull"),
)


class RegistryTroubleError(BootstrapError):
    """The platform's registry could not be reached or refused."""


@contextmanager
def registry(context: Context) -> Iterator[Registry]:
    """Open the platform's registry; RegistryTroubleError names what to change in platform.yaml."""
    wanted = context.platform.registry
    with http(context) as client:
        try:
            host = parse_registry(wanted.bootstrap_url or (f"http://{wanted.host}" if wanted.plain_http else wanted.host))
        except ValueError as error:
            raise RegistryTroubleError(f"registry.bootstrap_url: {error}", hint="write http://host:port or https://host") from error
        yield from _explained(Registry(host, client, login=login(context)))


@contextmanager
def http(context: Context) -> Iterator[Http]:
    """Open an HTTP client that trusts the platform's CA."""
    ca = ca_pem(context)
    try:
        # One for all images: to read the system's CAs takes longer than to ask for one.
        verify = context.once(f"tls {ca}", lambda: tls_context(ca or None))
    except ValueError as error:
        raise RegistryTroubleError(
            f"the CA that `ca` names can't be used: {error}", hint="try: openssl x509 -in FILE -noout -text"
        ) from error
    timeout = context.platform.timeouts.request.total_seconds()
    with Http(verify=verify, timeout=timeout, retry_for=timeout) as client:
        yield client


def login(context: Context) -> Login | None:
    """Return the login of `registry.login`."""
    wanted = context.platform.registry.login
    if wanted is None:
        return None
    return Login(username=wanted.username, password=secret_value(context, wanted.password, what="the password of the registry"))


def trouble(error: RegistryError) -> RegistryTroubleError:
    """Say it in the words of platform.yaml instead of those of a pipeline step."""
    text = " ".join((error.message, *error.details))
    hint = next((hint for sign, hint in _HINTS if sign in text), "look at the registry's own log")
    return RegistryTroubleError(error.message, details=error.details, hint=hint)


def _explained(opened: Registry) -> Iterator[Registry]:
    try:
        yield opened
    except RegistryError as error:
        raise trouble(error) from error

"""How a run reaches registries: logins, certificates, one client per host."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from pydantic import SecretStr

from plugin_kit.console import Console
from plugin_kit.credentials import Credentials, Login
from plugin_kit.errors import SettingsError
from plugin_kit.http import Http, tls_context
from plugin_kit.parallel import AT_ONCE
from plugin_kit.reference import RegistryHost, parse_registry
from plugin_kit.registry import Registry
from plugin_kit.settings import SettingsModel

if TYPE_CHECKING:
    import ssl


class RegistryLogin(SettingsModel):
    """A login for one registry."""

    registry: str
    """Registry host."""

    username: str
    """User."""

    password: SecretStr
    """Password or access token."""


class RegistrySettings(Protocol):
    """The settings that every plugin has which speaks to a registry: one name, one meaning."""

    @property
    def username(self) -> str | None:
        """User for the plugin's own registry."""

    @property
    def password(self) -> SecretStr | None:
        """Its password or access token."""

    @property
    def logins(self) -> Sequence[RegistryLogin]:
        """Logins for further registries."""

    @property
    def config(self) -> SecretStr | None:
        """The content of a Docker config.json, or its path in the workspace."""

    @property
    def insecure(self) -> bool:
        """Whether plain http, and any certificate, is accepted."""

    @property
    def ca_cert(self) -> str | None:
        """The CA of the registry's certificate: PEM, or its path."""

    @property
    def registry_timeout(self) -> timedelta:
        """How long a registry that is down or busy is asked again."""


class Access:
    """The registries of a run.

    `home` is the one that `registry` names; `credentials` are those of every registry, base images' included. `connections` is how many
    requests are worth sending at once.
    """

    def __init__(
        self, settings: RegistrySettings, home: RegistryHost, workspace: Path, console: Console, *, connections: int = AT_ONCE
    ) -> None:
        self.home = home
        self.connections = connections
        self.credentials = _credentials(settings, home, workspace)
        console.redactor.add(*self.credentials.encoded())
        self._settings = settings
        self._console = console
        self._told: set[str] = set()
        self._http: Http | None = None
        self._open = ExitStack()
        self._registries: dict[str, Registry] = {}

    def __enter__(self) -> Self:
        """Return the access itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close every connection."""
        self._open.close()

    def registry(self, host: str) -> Registry:
        """Return the client for a host."""
        if host not in self._registries:
            own = self.home if self.home.host == host else RegistryHost(host=host)
            self._registries[host] = Registry(own, self._client(), insecure=self._settings.insecure, login=self.credentials.for_host(host))
        return self._registries[host]

    @contextmanager
    def retrying_for(self, seconds: float) -> Iterator[None]:
        """Let every request of the block be tried again until so many seconds from now, instead of for `registry_timeout` each."""
        client = self._client()
        client.retry_until = time.monotonic() + seconds
        try:
            yield
        finally:
            client.retry_until = None

    def _client(self) -> Http:
        if self._http is None:
            self._http = self._open.enter_context(
                Http(
                    verify=_verify(self._settings, self.home.host),
                    retry_for=self._settings.registry_timeout.total_seconds(),
                    connections=self.connections,
                    on_retry=self._tell,
                )
            )
        return self._http

    def _tell(self, text: str) -> None:
        # Many requests meet the same trouble at the same time.
        if text not in self._told:
            self._told.add(text)
            self._console.detail(text)


def ca_cert(settings: RegistrySettings, host: str) -> str | None:
    """Return the setting, or the file where Docker and plugin-docker-buildx look for a registry's CA."""
    mounted = Path("/etc/docker/certs.d", host, "ca.crt")
    return settings.ca_cert or (str(mounted) if mounted.is_file() else None)


def _verify(settings: RegistrySettings, host: str) -> "ssl.SSLContext | bool":
    if settings.insecure and not settings.ca_cert:
        return False
    try:
        context = tls_context(ca_cert(settings, host))
    except ValueError as error:
        raise SettingsError([f"ca_cert: {error}"]) from None
    return False if settings.insecure else context


def _credentials(settings: RegistrySettings, home: RegistryHost, workspace: Path) -> Credentials:
    credentials = Credentials()
    problems = []
    if settings.config:
        try:
            credentials = Credentials.from_docker_config(_config_text(settings.config.get_secret_value(), workspace))
        except (ValueError, OSError) as error:
            problems.append(f"config: {error}")
    for index, login in enumerate(settings.logins):
        try:
            host = parse_registry(login.registry.rstrip("/").removesuffix("/v1").removesuffix("/v2")).host
        except ValueError as error:
            problems.append(f"logins[{index}]: registry: {error}")
            continue
        credentials = credentials.with_login(host, Login(username=login.username, password=login.password.get_secret_value()))
    if bool(settings.username) != bool(settings.password):
        problems.append("username and password: a login needs both of them")
    if problems:
        raise SettingsError(problems)
    if settings.username and settings.password:
        own = Login(username=settings.username, password=settings.password.get_secret_value())
        credentials = credentials.with_login(home.host, own)
    return credentials


def _config_text(value: str, workspace: Path) -> str:
    if value.lstrip().startswith("{"):
        return value
    try:
        return (workspace / value.strip()).read_text(encoding="utf-8")
    except OSError:
        raise ValueError("neither the JSON of a Docker config.json nor the path of one in the workspace") from None

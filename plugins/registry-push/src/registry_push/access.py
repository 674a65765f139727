"""How the run reaches registries: logins, certificates, one client per host."""

from pathlib import Path
from typing import TYPE_CHECKING

from plugin_kit.console import Console
from plugin_kit.credentials import Credentials, Login
from plugin_kit.errors import SettingsError
from plugin_kit.http import Http, tls_context
from plugin_kit.reference import RegistryHost, parse_registry
from plugin_kit.registry import Registry

if TYPE_CHECKING:
    import ssl

    from registry_push.plan import Plan
    from registry_push.settings import Settings


class Access:
    """The registries of a run. `credentials` are those of every registry, base images' included."""

    def __init__(self, plan: "Plan", settings: "Settings", workspace: Path, console: Console) -> None:
        self.credentials = _credentials(plan, settings, workspace)
        console.redactor.add(*self.credentials.encoded())
        self._plan = plan
        self._settings = settings
        self._console = console
        self._told: set[str] = set()
        self._http: Http | None = None
        self._registries: dict[str, Registry] = {}

    def registry(self, host: str) -> Registry:
        """Return the client for a host that the plan pushes to."""
        if host not in self._registries:
            own = self._plan.registry if self._plan.registry.host == host else RegistryHost(host=host)
            self._registries[host] = Registry(own, self._client(), insecure=self._settings.insecure, login=self.credentials.for_host(host))
        return self._registries[host]

    def hosts(self) -> list[str]:
        """Return the hosts that images go to, in the plan's order."""
        return list(dict.fromkeys(target.repository.host for target in self._plan.targets if target.repository))

    def plain_hosts(self) -> list[str]:
        """Return the hosts that BuildKit must be told to talk to without a trusted certificate."""
        return self.hosts() if self._settings.insecure else []

    def _client(self) -> Http:
        if self._http is None:
            self._http = Http(
                verify=_verify(self._settings, self._plan.registry.host),
                retry_for=self._settings.registry_timeout.total_seconds(),
                on_retry=self._tell,
            )
        return self._http

    def _tell(self, text: str) -> None:
        # Many requests meet the same trouble at the same time.
        if text not in self._told:
            self._told.add(text)
            self._console.detail(text)


def ca_cert(settings: "Settings", host: str) -> str | None:
    """Return the setting, or the file where Docker and plugin-docker-buildx look for a registry's CA."""
    mounted = Path("/etc/docker/certs.d", host, "ca.crt")
    return settings.ca_cert or (str(mounted) if mounted.is_file() else None)


def _verify(settings: "Settings", host: str) -> "ssl.SSLContext | bool":
    if settings.insecure and not settings.ca_cert:
        return False
    try:
        context = tls_context(ca_cert(settings, host))
    except ValueError as error:
        raise SettingsError([f"ca_cert: {error}"]) from None
    return False if settings.insecure else context


def _credentials(plan: "Plan", settings: "Settings", workspace: Path) -> Credentials:
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
        credentials = credentials.with_login(plan.registry.host, own)
    return credentials


def _config_text(value: str, workspace: Path) -> str:
    if value.lstrip().startswith("{"):
        return value
    try:
        return (workspace / value.strip()).read_text(encoding="utf-8")
    except OSError:
        raise ValueError("neither the JSON of a Docker config.json nor the path of one in the workspace") from None

"""Which cluster, and as whom: kubeconfig and context, or the ServiceAccount of the pod that this runs in."""

import ipaddress
import os
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import yaml
from lightkube import KubeConfig
from lightkube.config.client_adapter import verify_cluster
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, SERVICE_ACCOUNT, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from bootstrap.core.errors import ClusterError

# As many as are read at once.
CONNECTIONS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A cluster and a login; what lightkube and Helm are given."""

    config: SingleConfig
    kubeconfig: Path | None
    """None in a pod, where Helm finds the same ServiceAccount by itself."""

    @classmethod
    def find(cls, *, kubeconfig: Path | None = None, context: str | None = None, environ: Mapping[str, str] | None = None) -> "Connection":
        """Take the kubeconfig that is given, else that of KUBECONFIG, else the pod's ServiceAccount, else ~/.kube/config."""
        variables = os.environ if environ is None else environ
        file = kubeconfig or _from_variable(variables)
        if file is None and (Path(SERVICE_ACCOUNT) / "token").is_file() and "KUBERNETES_SERVICE_HOST" in variables:
            return cls(config=_chosen(KubeConfig.from_service_account(), None, SERVICE_ACCOUNT), kubeconfig=None)
        file = (file or Path(DEFAULT_KUBECONFIG)).expanduser()
        try:
            loaded = KubeConfig.from_file(file)
        except ConfigError:
            raise ClusterError(
                f"there is no kubeconfig {file}",
                hint="name one with --kubeconfig or in KUBECONFIG; on a k3s server it is /etc/rancher/k3s/k3s.yaml",
            ) from None
        except PermissionError:
            raise ClusterError(f"the kubeconfig {file} can't be read", hint="copy it, or run as a user who may read it") from None
        except (AttributeError, TypeError):
            # What is a text or a list, as a whole or where there should be a map.
            raise ClusterError(
                f"{file} is no kubeconfig",
                details=["what should be a map is a text, a list, or empty"],
                hint="name another file with --kubeconfig",
            ) from None
        except (yaml.YAMLError, KeyError, ValueError) as error:
            raise ClusterError(
                f"{file} is no kubeconfig", details=[str(error).split("\n", 1)[0]], hint="try: kubectl config view"
            ) from None
        return cls(config=_chosen(loaded, context, str(file)), kubeconfig=file)

    @property
    def address(self) -> str:
        """Where the API server is."""
        return str(self.config.cluster.server)

    @property
    def context(self) -> str:
        """The name of the context."""
        return self.config.context_name

    def transport(self) -> httpx2.BaseTransport:
        """Open a transport with the cluster's CA, the user's certificate, and the proxy that the environment names for its host."""
        try:
            verify = verify_cluster(self.config.cluster, self.config.user or User(), self.config.abs_file, trust_env=True)
        except (OSError, ConfigError) as error:
            raise ClusterError(
                f"the certificates of context {self.context} can't be used: {error}", hint="try: kubectl config view --minify"
            ) from error
        limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        return httpx2.HTTPTransport(verify=verify, limits=limits, proxy=_proxy(self.address))


def _from_variable(environ: Mapping[str, str]) -> Path | None:
    files = [file for file in environ.get("KUBECONFIG", "").split(os.pathsep) if file]
    if len(files) > 1:
        raise ClusterError(
            f"KUBECONFIG names {len(files)} files, and they are not merged here", hint="name the one that is meant with --kubeconfig"
        )
    return Path(files[0]) if files else None


def _chosen(loaded: KubeConfig, context: str | None, file: str) -> SingleConfig:
    try:
        config = loaded.get(context)
    except (ConfigError, KeyError) as error:
        known = ", ".join(loaded.contexts) or "none"
        raise ClusterError(
            f"{file} has no usable context {context or loaded.current_context or 'set as current one'}",
            details=[f"it has: {known}", str(error)],
            hint="set `context` in platform.yaml, or: kubectl config use-context NAME",
        ) from None
    if config is None or config.user is None:
        raise ClusterError(f"the context in {file} names no user", hint="try: kubectl config view --minify")
    return config


def _proxy(address: str) -> str | None:
    """Find the proxy as Helm does, whose library never takes one for this machine."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if host == "localhost" or urllib.request.proxy_bypass(host):
        return None
    try:
        if ipaddress.ip_address(host).is_loopback:
            return None
    except ValueError:
        pass
    return urllib.request.getproxies().get(parts.scheme)

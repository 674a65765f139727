"""A control plane: how it is brought up, and what there is to reach it by."""

import base64
import http.client
import json
import os
import secrets
import shutil
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import lightkube
import trustme
from lightkube import KubeConfig
from lightkube.models.authentication_v1 import TokenRequestSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ServiceAccountToken

from devtools.controlplane import objects, options, programs
from devtools.controlplane.options import Files, Ports
from devtools.controlplane.processes import PortTakenError, Processes
from devtools.errors import DevError

FIELD_MANAGER = "local-cicd-tests"
# Users and their groups: who may do everything, and who may do no more than anybody who is logged in.
ADMIN: Mapping[str, Sequence[str]] = {"admin": ("system:masters",)}
USERS: Mapping[str, Sequence[str]] = {"nobody": ()}
ATTEMPTS = 5
# Who has taken the port may accept connections and never answer.
ANSWER_SECONDS = 2.0
# What the API server's own roles are bound to.
_COMPONENTS: Mapping[str, Sequence[str]] = {"system:kube-controller-manager": (), "system:kube-scheduler": ()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """A running control plane, made by `start`."""

    files: Files
    url: str
    """The address of the API server."""
    tokens: Mapping[str, str] = field(repr=False)
    """The bearer tokens, by user."""
    processes: Processes

    @classmethod
    @contextmanager
    def start(
        cls, folder: Path, *, controllers: bool = False, nodes: int = 0, users: Mapping[str, Sequence[str]] = USERS
    ) -> Iterator["ControlPlane"]:
        """Start etcd and kube-apiserver with their logs in `folder`, building what is missing, and stop them at the end.

        `controllers` adds kube-controller-manager and kube-scheduler; with them there can be `nodes`. `users` are names and their groups;
        `admin` is always there. Only the main thread can start one.
        """
        if nodes and not controllers:
            raise ValueError("without controllers no node becomes ready")
        folder.mkdir(parents=True, exist_ok=True)
        files = Files(folder=folder.resolve())
        tokens = write_credentials(files, {**ADMIN, **users, **_COMPONENTS})
        try:
            with _serving(files, tokens) as plane, plane.client() as client:
                if controllers:
                    plane.processes.start("kube-controller-manager", options.kube_controller_manager(files))
                    plane.processes.start("kube-scheduler", options.kube_scheduler(files))
                if nodes:
                    plane.processes.start("kwok", options.kwok(files, programs.stages()))
                    objects.add_nodes(client, nodes)
                    plane.processes.wait(lambda: objects.ready_nodes(client) == nodes, f"{nodes} nodes ready")
                plane.processes.wait(lambda: objects.has_basics(client, controllers=controllers), "the namespace `default`")
                yield plane
        finally:
            shutil.rmtree(files.data, ignore_errors=True)

    @property
    def folder(self) -> Path:
        """The folder of the logs."""
        return self.files.folder

    @property
    def ca_cert(self) -> Path:
        """The file of the CA's certificate that the API server is known by."""
        return self.files.ca_cert

    @property
    def admin_kubeconfig(self) -> Path:
        """The kubeconfig file of who may do everything."""
        return self.kubeconfig("admin")

    def kubeconfig(self, user: str) -> Path:
        """Return the kubeconfig file of a user; certificate and token are in it."""
        if user not in self.tokens:
            raise ValueError(f"the control plane was started without the user {user}; it has {', '.join(self.tokens)}")
        return self.files.kubeconfig(user)

    def service_account(self, namespace: str, name: str) -> Path:
        """Return the kubeconfig file of a ServiceAccount that is there, with a token for one hour."""
        with self.client() as client:
            answer = client.create(ServiceAccountToken(metadata=ObjectMeta(), spec=TokenRequestSpec()), name, namespace=namespace)
        if answer.status is None or answer.status.token is None:
            raise DevError(f"the API server gave no token for the ServiceAccount {namespace}/{name}")
        return self.write_kubeconfig(f"{namespace}-{name}", answer.status.token)

    def write_kubeconfig(self, name: str, token: str) -> Path:
        """Write the kubeconfig file of whoever has this token."""
        cluster = {"server": self.url, "certificate-authority-data": base64.b64encode(self.ca_cert.read_bytes()).decode()}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": name}}],
            "current-context": "tests",
        }
        file = self.files.kubeconfig(name)
        _write_secret(file, json.dumps(content, indent=2).encode())
        return file

    def client(self, user: str = "admin") -> lightkube.Client:
        """Return lightkube's client for a user; it is a context that closes its connections."""
        return self.client_with(self.kubeconfig(user))

    def client_with(self, kubeconfig: Path) -> lightkube.Client:
        """Return lightkube's client for a kubeconfig; what proxies the environment names does not matter to it."""
        return lightkube.Client(config=KubeConfig.from_file(kubeconfig), field_manager=FIELD_MANAGER, trust_env=False)

    def apply(self, manifests: str) -> None:
        """Apply YAML documents as admin, by server-side apply; when it returns, the kinds of their CRDs are served."""
        with self.client() as client:
            objects.apply(client, manifests)


@contextmanager
def _serving(files: Files, tokens: Mapping[str, str]) -> Iterator[ControlPlane]:
    """Start etcd and kube-apiserver, on other ports where somebody else was faster to take one."""
    for attempt in range(1, ATTEMPTS + 1):
        with Processes(files.folder) as processes:
            try:
                plane = _serve(files, tokens, processes)
            except PortTakenError:
                if attempt == ATTEMPTS:
                    raise
                continue
            yield plane
            return


def _serve(files: Files, tokens: Mapping[str, str], processes: Processes) -> ControlPlane:
    shutil.rmtree(files.data, ignore_errors=True)
    client, peer, api = free_ports(3)
    ports = Ports(etcd=client, etcd_peer=peer, api=api)
    processes.start("etcd", options.etcd(files, ports))
    # It waits for etcd by itself.
    processes.start("kube-apiserver", options.kube_apiserver(files, ports))
    plane = ControlPlane(files=files, url=f"https://127.0.0.1:{ports.api}", tokens=tokens, processes=processes)
    context = ssl.create_default_context(cafile=str(files.ca_cert))
    processes.wait(lambda: _ready(ports.api, context, tokens["admin"]), "an API server that is ready")
    for user, token in tokens.items():
        plane.write_kubeconfig(user, token)
    return plane


def _ready(port: int, context: ssl.SSLContext, token: str) -> bool:
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=ANSWER_SECONDS, context=context)
    try:
        connection.request("GET", "/readyz", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody uses at this moment."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(listener.getsockname()[1]) for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def write_credentials(files: Files, users: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Make certificates, keys and one token for each user; return the tokens."""
    authority = trustme.CA()
    server = authority.issue_cert(*options.SERVER_NAMES)
    authority.cert_pem.write_to_path(files.ca_cert)
    _write_secret(files.ca_key, authority.private_key_pem.bytes())
    files.server_cert.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    _write_secret(files.server_key, server.private_key_pem.bytes())
    _write_secret(files.account_key, trustme.CA().private_key_pem.bytes())
    tokens = {user: secrets.token_hex(16) for user in users}
    lines = [f'{tokens[user]},{user},{user},"{",".join(groups)}"\n' for user, groups in users.items()]
    _write_secret(files.tokens, "".join(lines).encode())
    return tokens


def _write_secret(file: Path, content: bytes) -> None:
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:  # noqa: PTH123  a Path can't be opened with a mode
        out.write(content)

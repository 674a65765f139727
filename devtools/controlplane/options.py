"""How the programs of the control plane are started: their command lines, for a folder and ports."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SERVICES = "10.96.0.0/16"
PODS = "10.244.0.1/16"
# As a cluster has them: tokens name the issuer, and clients in the cluster call the API server so.
ISSUER = "https://kubernetes.default.svc"
SERVER_NAMES = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.96.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports on 127.0.0.1."""

    etcd: int
    etcd_peer: int
    api: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files of one control plane."""

    folder: Path

    @property
    def data(self) -> Path:
        """The data of etcd, gone when it has stopped."""
        return self.folder / "etcd"

    @property
    def ca_cert(self) -> Path:
        """The CA of the API server and of client certificates."""
        return self.folder / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The key of that CA, with which CertificateSigningRequests are signed."""
        return self.folder / "ca.key"

    @property
    def server_cert(self) -> Path:
        """The certificate of the API server."""
        return self.folder / "server.pem"

    @property
    def server_key(self) -> Path:
        """The key of the API server."""
        return self.folder / "server.key"

    @property
    def account_key(self) -> Path:
        """The key that signs the tokens of ServiceAccounts."""
        return self.folder / "service-accounts.key"

    @property
    def tokens(self) -> Path:
        """The users and their tokens."""
        return self.folder / "tokens.csv"

    def kubeconfig(self, name: str) -> Path:
        """Return the kubeconfig of a user."""
        return self.folder / f"{name.replace(':', '-')}.kubeconfig"


def etcd(files: Files, ports: Ports) -> list[str]:
    """Return the options of etcd, which loses its data with the machine: nothing here outlives a run."""
    client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
    return [
        "--name=tests",
        f"--data-dir={files.data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=tests={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def kube_apiserver(files: Files, ports: Ports) -> list[str]:
    """Return the options of kube-apiserver; admission is as by default, ValidatingAdmissionPolicy included."""
    return [
        f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.api}",
        f"--tls-cert-file={files.server_cert}",
        f"--tls-private-key-file={files.server_key}",
        f"--client-ca-file={files.ca_cert}",
        f"--token-auth-file={files.tokens}",
        "--authorization-mode=RBAC",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={files.account_key}",
        f"--service-account-signing-key-file={files.account_key}",
        f"--service-cluster-ip-range={SERVICES}",
        # Endpoints may not be on loopback, and nobody here goes through the Service `kubernetes`.
        "--endpoint-reconciler-type=none",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def kube_controller_manager(files: Files) -> list[str]:
    """Return the options of kube-controller-manager: all controllers that run by default, node-lifecycle among them."""
    return [
        f"--kubeconfig={files.kubeconfig('system:kube-controller-manager')}",
        "--secure-port=0",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={files.account_key}",
        f"--root-ca-file={files.ca_cert}",
        f"--cluster-signing-cert-file={files.ca_cert}",
        f"--cluster-signing-key-file={files.ca_key}",
        f"--service-cluster-ip-range={SERVICES}",
        # By default it makes a folder in /usr/libexec.
        f"--flex-volume-plugin-dir={files.folder / 'volume-plugins'}",
        # What they are for a big cluster makes a small one wait.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    ]


def kube_scheduler(files: Files) -> list[str]:
    """Return the options of kube-scheduler."""
    return [
        f"--kubeconfig={files.kubeconfig('system:kube-scheduler')}",
        "--secure-port=0",
        "--leader-elect=false",
        "--profiling=false",
    ]


def kwok(files: Files, stages: Sequence[Path]) -> list[str]:
    """Return the options of KWOK, which is the kubelet of every node."""
    return [
        f"--kubeconfig={files.kubeconfig('admin')}",
        "--manage-all-nodes=true",
        f"--cidr={PODS}",
        *(f"--config={stage}" for stage in stages),
    ]

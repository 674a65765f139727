"""Woodpecker CI: server, agents, and where the steps of the pipelines run."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from bootstrap.platform.chart import Chart, ChartSource, Version
from bootstrap.platform.endpoint import Url
from bootstrap.platform.names import Host, ImageName, Name, ObjectName, Tag
from bootstrap.platform.quantity import Size
from bootstrap.platform.secret_ref import SecretRef
from bootstrap.platform.section import Count, Flag, Section, computed


class WoodpeckerChart(Chart):
    """The chart of Woodpecker, server and agents."""

    source: ChartSource = "oci://ghcr.io/woodpecker-ci/helm"
    name: str = "woodpecker"
    version: Version = "3.6.5"
    release: Name = "woodpecker"
    namespace: Name = "woodpecker"


class Database(Section):
    """Where the server keeps pipelines, secrets and logs."""

    driver: Literal["sqlite3", "postgres"] = "sqlite3"
    """`sqlite3`: a file on the server's volume, which must not be on NFS. `postgres`: a server of your own."""

    datasource: SecretRef | None = None
    """Where `driver: postgres`: `postgres://user:password@host:5432/woodpecker?sslmode=verify-full`."""


class ServerStorage(Section):
    """The volume of the server."""

    kind: Literal["block", "nfs"] = "block"
    """`block`: a claim of a StorageClass. `nfs`: the volume `storage.woodpecker`."""

    size: Size = "5Gi"
    """Size of the claim."""

    storage_class: ObjectName | None = None
    """StorageClass, where `kind: block`. Default: `prerequisites.storage_class`."""


class Agents(Section):
    """What starts the pods of the steps."""

    replicas: Count = 2
    """Number of agents: as many workflows run at once."""

    rbac: Literal["scoped", "cluster-admin"] = "scoped"
    """`scoped`: the agents may start pods in the namespace of the steps. `cluster-admin`: everything; no step needs that, for steps run as
    another ServiceAccount (see `integration_tests` of a project)."""

    cluster_role_binding: ObjectName = "woodpecker-agent-inttest"
    """Name of the ClusterRoleBinding where `rbac: cluster-admin`; where `scoped`, one of this name that gives the agents cluster-admin is
    removed."""


class Workspace(Section):
    """Where the steps run, and the volume that the steps of one workflow share."""

    namespace: Name = Field(json_schema_extra=computed("the namespace of the chart"))
    """Namespace of the steps' pods."""

    size: Size = "10G"
    """Size of the volume of each workflow; it is deleted afterwards."""

    rwx: Flag = False
    """`true`: steps of one workflow may run on several nodes. Needs a StorageClass that can do that (NFS, CephFS, Longhorn); with another
    one all pipelines hang in Pending."""

    storage_class: ObjectName | None = Field(
        json_schema_extra=computed("prerequisites.rwx_storage_class where `rwx: true`, else storage_class")
    )
    """StorageClass of the volume."""


class Woodpecker(Section):
    """The CI server that runs the pipelines."""

    chart: WoodpeckerChart = WoodpeckerChart()
    """The chart."""

    image_tag: Tag = "v3.17.0"
    """Version of server and agents, which must be the same. The chart's own lags behind."""

    host: Host = Field(json_schema_extra=computed("ci.<domain>"))
    """Host name of the dashboard. Gitea's OAuth2 application names it, so a change renews that."""

    tls_secret: ObjectName = "woodpecker-tls"  # noqa: S105  the name of one
    """Secret with the certificate of the ingress; cert-manager makes it."""

    bootstrap_url: Url | None = None
    """Address for this command, where it can't reach the host: a port-forward."""

    admins: tuple[str, ...] = Field(json_schema_extra=computed("gitea.admin.name"))
    """Gitea users that administer Woodpecker. Without the platform's own it is added: it activates the repositories."""

    database: Database = Database()
    """Where the server keeps its data."""

    storage: ServerStorage = ServerStorage()
    """The volume of the server."""

    agents: Agents = Agents()
    """What starts the pods of the steps."""

    workspace: Workspace
    """Where the steps run."""

    environment: Mapping[str, str] = Field(default={})
    """Variables that every step of every pipeline sees. Nothing secret."""

    trusted_plugins: tuple[ImageName, ...] = Field(default=())
    """Plugin images, by full name with tag, that get the forge's login. This project's github-mirror is always one."""

    privileged_plugins: tuple[ImageName, ...] = Field(default=())
    """Plugin images, by full name with tag, that run privileged. None is needed: BuildKit builds the images."""

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Let the steps run where the chart is installed."""
        chart = data.get("chart")
        namespace = chart.get("namespace") if isinstance(chart, Mapping) else None
        workspace = data.get("workspace", {})
        if isinstance(workspace, Mapping):
            workspace = {"namespace": namespace or "woodpecker", "storage_class": None} | {
                key: value for key, value in workspace.items() if value is not None
            }
        return {**data, "workspace": workspace}

    @property
    def public_url(self) -> str:
        """WOODPECKER_HOST."""
        return f"https://{self.host}"

    @property
    def cluster_url(self) -> str:
        """The Service of the server: where Gitea's webhooks go."""
        return f"http://{self.chart.release}-server.{self.chart.namespace}.svc"

    @property
    def server_claim(self) -> str:
        """The claim of the server's StatefulSet."""
        return f"data-{self.chart.release}-server-0"

    @property
    def api_url(self) -> str:
        """Where this command reaches the server."""
        return self.bootstrap_url or self.public_url

"""Woodpecker from its chart: its logins, its network, and who may use its API."""

from collections.abc import Mapping, Sequence

from bootstrap.components.encoding import encoded
from bootstrap.components.given import secret_value
from bootstrap.components.trust import RECORD as CA_RECORD
from bootstrap.components.trust import awaits_ca, ca_pem
from bootstrap.components.woodpecker import access
from bootstrap.components.woodpecker.agents import AgentsResource
from bootstrap.components.woodpecker.application import application_resource
from bootstrap.components.woodpecker.former_binding import FormerBinding
from bootstrap.components.woodpecker.token import TokenResource
from bootstrap.components.woodpecker.values import AGENT_SECRET, CA_CONFIG_MAP, CA_KEY, SERVER_SECRET, chart_values
from bootstrap.components.woodpecker.volume import DatabaseVolume, FormerVolume, has_block_volume
from bootstrap.core.context import Context
from bootstrap.core.fingerprint import fingerprint
from bootstrap.core.generate import hexadecimal
from bootstrap.core.objects import load_manifest
from bootstrap.core.record import RecordResource
from bootstrap.core.release import release_of
from bootstrap.core.resource import Awaited, ObjectResource, Resource, objects
from bootstrap.platform.platform import Platform

_CA_REASON = f"Secret of record {CA_RECORD} is there"
_GENERATED = (access.AGENT_KEY, access.GRPC_KEY, access.FINGERPRINT_KEY)


class Woodpecker:
    """Server and agents. The repositories of projects come later, each for itself."""

    name = "woodpecker"
    title = "Woodpecker"
    needs: tuple[str, ...] = ("namespaces", "gitea")

    def enabled(self, platform: Platform) -> bool:
        """Every platform has one."""
        del platform
        return True

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return records and logins, what the pods need, the release, and the token of the platform's user."""
        platform = context.platform
        # Asked for before anything is waited for, so that a plan on an empty cluster says already that it can't be had.
        datasource = _datasource(context)
        record = RecordResource(name=access.RECORD, values={key: hexadecimal() for key in _GENERATED}, purpose=access.PURPOSE)
        application = application_resource(context)
        ca = ca_pem(context)
        found: list[Resource] = [record, application, network_policy(platform), _rights_of_the_agents(platform), *_authority(context, ca)]
        found += [FormerVolume()] if has_block_volume(platform) else []
        # Also where nothing can be said of the server: `down` asks it whether the database would go.
        volume = [DatabaseVolume()] if has_block_volume(platform) else []
        recorded = context.records.read(access.RECORD)
        if any(key not in recorded for key in _GENERATED):
            return [*found, *_awaited(platform, f"{record.label} is there"), *volume]
        if not application.settled:
            return [*found, *_awaited(platform, f"{application.label} is there"), *volume]
        if awaits_ca(context):
            return [*found, *_awaited(platform, _CA_REASON), *volume]
        server, agents = environments(recorded, datasource)
        checksum = fingerprint(recorded[access.FINGERPRINT_KEY], *(f"{name}={value}" for name, value in sorted(server.items())), ca)
        values = {
            "namespace": platform.woodpecker.chart.namespace,
            "server_secret": SERVER_SECRET,
            "server_environment": {name: encoded(value) for name, value in server.items()},
            "agent_secret": AGENT_SECRET,
            "agent_environment": {name: encoded(value) for name, value in agents.items()},
        }
        return [
            *found,
            *objects(load_manifest(__package__, "environment.yaml", values)),
            release_of(platform.woodpecker.chart, chart_values(platform, checksum=checksum, with_ca=bool(ca))),
            *volume,
            TokenResource(user=platform.gitea.admin.name),
            AgentsResource(wanted=platform.woodpecker.agents.replicas),
        ]


def environments(recorded: Mapping[str, str], datasource: str | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return the secret variables of the server, and of the agents; `datasource` is the address of a database that is no file."""
    agents = {"WOODPECKER_AGENT_SECRET": recorded[access.AGENT_KEY]}
    server = {
        **agents,
        "WOODPECKER_GITEA_CLIENT": recorded[access.CLIENT_ID],
        "WOODPECKER_GITEA_SECRET": recorded[access.CLIENT_SECRET],
        # Else servers before 3.17 sign the sessions of their agents with a word that everybody knows.
        "WOODPECKER_GRPC_SECRET": recorded[access.GRPC_KEY],
    }
    if datasource is not None:
        server["WOODPECKER_DATABASE_DATASOURCE"] = datasource
    return server, agents


def _datasource(context: Context) -> str | None:
    datasource = context.platform.woodpecker.database.datasource
    return None if datasource is None else secret_value(context, datasource, what="the address of Woodpecker's database")


def network_policy(platform: Platform) -> ObjectResource:
    """Return who may reach the server."""
    chart, controller = platform.woodpecker.chart, platform.prerequisites.ingress
    values = {
        "release": chart.release,
        "namespace": chart.namespace,
        "ingress_namespace": controller.namespace,
        "ingress_labels": dict(controller.pod_labels),
        "gitea_namespace": platform.gitea.namespace,
    }
    (manifest,) = load_manifest(__package__, "network-policy.yaml", values)
    return ObjectResource(manifest=manifest)


def _rights_of_the_agents(platform: Platform) -> Resource:
    chart, agents = platform.woodpecker.chart, platform.woodpecker.agents
    if agents.rbac == "scoped":
        # The chart's own Role is enough.
        return FormerBinding(name=agents.cluster_role_binding, service_account=f"{chart.release}-agent", namespace=chart.namespace)
    values = {"name": agents.cluster_role_binding, "release": chart.release, "namespace": chart.namespace}
    (manifest,) = load_manifest(__package__, "agent-cluster-admin.yaml", values)
    return ObjectResource(manifest=manifest, replaceable=True)


def _authority(context: Context, ca: str) -> list[Resource]:
    namespace = context.platform.woodpecker.chart.namespace
    if awaits_ca(context):
        return [Awaited(label=f"ConfigMap {namespace}/{CA_CONFIG_MAP}", reason=_CA_REASON)]
    if ca:
        values = {"name": CA_CONFIG_MAP, "namespace": namespace, "key": CA_KEY, "pem": ca}
        return [*objects(load_manifest(__package__, "ca.yaml", values))]
    return []


def _awaited(platform: Platform, reason: str) -> list[Resource]:
    """Return what can't be described before all secrets of the server are known."""
    chart = platform.woodpecker.chart
    labels = [f"Secret {chart.namespace}/{name}" for name in (SERVER_SECRET, AGENT_SECRET)]
    labels += [release_of(chart, {}).label, TokenResource(user=platform.gitea.admin.name).label]
    return [Awaited(label=label, reason=reason) for label in labels]

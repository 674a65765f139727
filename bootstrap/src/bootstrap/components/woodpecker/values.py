"""The values of Woodpecker's chart (3.6.5), made of platform.yaml: pure.

The chart has no schema, so a wrong key passes in silence; a test compares every key with the chart's own values. No value is a secret: the
pods take theirs from Secrets that stand beside the release.
"""

from collections.abc import Mapping
from typing import Any

from bootstrap.components.ingress import issuer_annotations
from bootstrap.platform.platform import Platform

SERVER_SECRET = "woodpecker-server"  # noqa: S105  names of Secrets
AGENT_SECRET = "woodpecker-agent"  # noqa: S105
CA_CONFIG_MAP = "woodpecker-ca"
CA_KEY = "ca.crt"
CHECKSUM = "local-cicd.dev/secrets"
"""Annotation of the pods: a change of what they only read when they start restarts them."""

MIRROR_PLUGIN = "github-mirror"
# shared/constant/constant.go: the list that WOODPECKER_PLUGINS_TRUSTED_CLONE takes the place of. Without a tag every version is meant.
_CLONE_PLUGINS = ("docker.io/woodpeckerci/plugin-git", "quay.io/woodpeckerci/plugin-git")
_CA_FOLDER = "/etc/local-cicd"
# In the chart's words: no StorageClass at all. An empty text would be the default class, which never finds a volume made by hand.
_NO_CLASS = "-"


def chart_values(platform: Platform, *, checksum: str = "", with_ca: bool = False) -> dict[str, Any]:
    """Return the values; `checksum` stands for the contents of the Secrets, `with_ca` tells that there is a ConfigMap with the CA."""
    annotations = {CHECKSUM: checksum} if checksum else {}
    return {
        "server": {**_server(platform, with_ca=with_ca), "podAnnotations": annotations},
        "agent": {**_agent(platform), "podAnnotations": annotations},
    }


def administrators(platform: Platform) -> tuple[str, ...]:
    """Return who administers Woodpecker: whom platform.yaml names, and the platform's own user, which activates the repositories."""
    return tuple(dict.fromkeys((*platform.woodpecker.admins, platform.gitea.admin.name)))


def trusted_plugins(platform: Platform) -> tuple[str, ...]:
    """Return the plugin images that get the forge's login: those that clone, those of platform.yaml, and this project's github-mirror.

    An entry with a colon must be the whole name with its tag: Woodpecker takes the one before a registry's port for that of a tag.
    """
    return tuple(dict.fromkeys((*_CLONE_PLUGINS, *platform.woodpecker.trusted_plugins, platform.image(MIRROR_PLUGIN))))


def webhook_host(platform: Platform) -> str:
    """Return the address that webhooks go to: the Service, or what the person's own values say, where Gitea is outside the cluster."""
    server = platform.woodpecker.chart.values.get("server")
    env = server.get("env") if isinstance(server, Mapping) else None
    own = env.get("WOODPECKER_EXPERT_WEBHOOK_HOST") if isinstance(env, Mapping) else None
    return str(own).rstrip("/") if own else platform.woodpecker.cluster_url


def _server(platform: Platform, *, with_ca: bool) -> dict[str, Any]:
    woodpecker = platform.woodpecker
    env = {
        "WOODPECKER_HOST": woodpecker.public_url,
        "WOODPECKER_ADMIN": ",".join(administrators(platform)),
        "WOODPECKER_OPEN": "false",
        "WOODPECKER_GITEA": "true",
        # Three ways to each other: the server's own calls, the browser's, and the webhooks of Gitea.
        "WOODPECKER_GITEA_URL": platform.gitea.endpoint.cluster_url,
        "WOODPECKER_EXPERT_FORGE_OAUTH_HOST": platform.gitea.endpoint.public_url,
        "WOODPECKER_EXPERT_WEBHOOK_HOST": woodpecker.cluster_url,
        "WOODPECKER_PLUGINS_TRUSTED_CLONE": ",".join(trusted_plugins(platform)),
        "WOODPECKER_PLUGINS_PRIVILEGED": ",".join(woodpecker.privileged_plugins),
        "WOODPECKER_DATABASE_DRIVER": woodpecker.database.driver,
    }
    if woodpecker.environment:
        # Parted at commas, and name from value at the first colon; the model takes nothing that this would tear apart.
        env["WOODPECKER_ENVIRONMENT"] = ",".join(f"{name}:{value}" for name, value in woodpecker.environment.items())
    values: dict[str, Any] = {
        "enabled": True,
        "image": {"tag": woodpecker.image_tag},
        "env": env,
        # The chart would make a random one, anew each time it is only rendered.
        "createAgentSecret": False,
        "extraSecretNamesForEnvFrom": [SERVER_SECRET],
        "persistentVolume": _volume(platform),
        "ingress": _ingress(platform),
    }
    if with_ca:
        # Go still reads the folder of the system's own CAs beside the file.
        env["SSL_CERT_FILE"] = f"{_CA_FOLDER}/{CA_KEY}"
        values["extraVolumes"] = [{"name": "ca", "configMap": {"name": CA_CONFIG_MAP}}]
        values["extraVolumeMounts"] = [{"name": "ca", "mountPath": _CA_FOLDER, "readOnly": True}]
    return values


def _agent(platform: Platform) -> dict[str, Any]:
    woodpecker = platform.woodpecker
    workspace = woodpecker.workspace
    env = {
        "WOODPECKER_SERVER": f"{woodpecker.chart.release}-server:9000",
        "WOODPECKER_BACKEND": "kubernetes",
        "WOODPECKER_BACKEND_K8S_NAMESPACE": workspace.namespace,
        "WOODPECKER_BACKEND_K8S_VOLUME_SIZE": workspace.size,
        "WOODPECKER_BACKEND_K8S_STORAGE_CLASS": workspace.storage_class or "",
        "WOODPECKER_BACKEND_K8S_STORAGE_RWX": _text(workspace.rwx),
        # Nothing is kept between two starts, so no volume is needed; an agent leaves the server's list when it ends.
        "WOODPECKER_AGENT_CONFIG_FILE": "",
    }
    if any(project.integration_tests for project in platform.projects):
        env["WOODPECKER_BACKEND_K8S_SERVICE_ACCOUNT_NAME_ALLOW_FROM_STEP"] = "true"
    return {
        "enabled": True,
        "replicaCount": woodpecker.agents.replicas,
        "image": {"tag": woodpecker.image_tag},
        "env": env,
        # The other half of `createAgentSecret: false`; a key of the chart inside the chart, whose default is true.
        "mapAgentSecret": False,
        "extraSecretNamesForEnvFrom": [AGENT_SECRET],
        "persistence": {"enabled": False},
        "serviceAccount": {"create": True, "rbac": {"create": True}},
    }


def _volume(platform: Platform) -> dict[str, Any]:
    woodpecker = platform.woodpecker
    if woodpecker.database.driver != "sqlite3":
        # Pipelines, secrets and logs are all in the database.
        return {"enabled": False}
    storage = woodpecker.storage
    if storage.kind == "nfs":
        return {"enabled": True, "size": storage.size, "storageClass": _NO_CLASS}
    return {
        "enabled": True,
        "size": storage.size,
        "storageClass": storage.storage_class or platform.prerequisites.storage_class or "",
    }


def _ingress(platform: Platform) -> dict[str, Any]:
    woodpecker = platform.woodpecker
    return {
        "enabled": True,
        "ingressClassName": platform.prerequisites.ingress.class_name,
        "annotations": issuer_annotations(platform),
        # Service and port are the template's own affair; `backend` below a path would be ignored.
        "hosts": [{"host": woodpecker.host, "paths": [{"path": "/"}]}],
        # Without it cert-manager makes no certificate.
        "tls": [{"secretName": woodpecker.tls_secret, "hosts": [woodpecker.host]}],
    }


def _text(flag: bool) -> str:
    # The chart writes only texts into the environment of the server, and `true` as it is into that of the agents.
    return "true" if flag else "false"

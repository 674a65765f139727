"""Logins for the registry: what it checks them against, and what pods pull with."""

import json

import bcrypt

from bootstrap.components.encoding import encoded
from bootstrap.components.registry.client import login
from bootstrap.core.context import Context
from bootstrap.core.resource import ObjectResource
from plugin_kit.credentials import Credentials

PULL_SECRET = "registry-login"  # noqa: S105  the name of one
RECORD = "registry-htpasswd"
RECORD_KEY = "htpasswd"


def htpasswd(context: Context) -> str | None:
    """Return the line that a registry checks logins against (bcrypt, the only form it takes), or None where it lets everybody in.

    A line that fits user and password is kept: a new one would differ each time.
    """
    wanted = login(context)
    if wanted is None:
        return None
    line = context.records.value(RECORD, RECORD_KEY)
    password = wanted.password.encode()
    if line is not None:
        user, _, there = line.strip().partition(":")
        if user == wanted.username and bcrypt.checkpw(password, there.encode()):
            return line
    return f"{wanted.username}:{bcrypt.hashpw(password, bcrypt.gensalt()).decode('ascii')}\n"


def pull_secret(context: Context, namespace: str) -> ObjectResource | None:
    """Return the Secret that pods of a namespace pull with, or None where no login is needed."""
    wanted = login(context)
    if wanted is None:
        return None
    config = json.loads(Credentials({context.platform.registry.host: wanted}).docker_config())
    context.hide(wanted.encoded)
    return ObjectResource(
        manifest={
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": PULL_SECRET, "namespace": namespace},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": encoded(json.dumps(config, sort_keys=True))},
        }
    )


def pull_secrets(context: Context) -> list[dict[str, str]] | None:
    """Return `imagePullSecrets` of a pod, None where there are none."""
    return [{"name": PULL_SECRET}] if context.platform.registry.login else None

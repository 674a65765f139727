"""Secrets that Woodpecker hands to the steps of a project."""

from typing import Literal, TypeAlias

from pydantic import Field

from bootstrap.platform.names import ImageName
from bootstrap.platform.secret_ref import SecretRef
from bootstrap.platform.section import Section

Event: TypeAlias = Literal[
    "push", "pull_request", "pull_request_closed", "pull_request_metadata", "tag", "release", "deployment", "cron", "manual"
]

# A secret that is not allowed for an event stops the whole pipeline of that event; one that pull requests see, everybody may read.
TRUSTED_EVENTS: tuple[Event, ...] = ("push", "tag", "release", "deployment", "cron", "manual")

KARGO_TOKEN = "kargo_token"  # noqa: S105  these are names
DEPLOY_KEY = "github_deploy_key"
PLATFORM_CA = "platform_ca"
BUILDER_CA = "builder_ca"
BUILDER_CERT = "builder_cert"
BUILDER_KEY = "builder_key"
REGISTRY_USERNAME = "registry_username"
REGISTRY_PASSWORD = "registry_password"  # noqa: S105
OWN_SECRETS = frozenset({KARGO_TOKEN, DEPLOY_KEY, PLATFORM_CA, BUILDER_CA, BUILDER_CERT, BUILDER_KEY, REGISTRY_USERNAME, REGISTRY_PASSWORD})
"""Secrets that every project gets from the platform itself, where the platform has them: the names that its pipelines may use."""


class PipelineSecret(Section):
    """A secret of a project's pipelines."""

    value: SecretRef
    """Where it comes from."""

    events: tuple[Event, ...] = Field(default=TRUSTED_EVENTS, min_length=1)
    """Events whose pipelines may use it. A step that asks for it on another event stops the whole pipeline."""

    images: tuple[ImageName, ...] = Field(default=())
    """Only plugins of these images, by full name with tag, may use it. Default: every step."""

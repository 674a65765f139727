"""Where the secrets of a project's pipelines come from: the platform's own parts, and platform.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bootstrap.components.buildkit.certificate import CA, CERTIFICATE, CLIENT_SECRET, KEY, issued
from bootstrap.components.given import secret_value
from bootstrap.components.project_kargo.token import record_name, settled_token
from bootstrap.components.trust import RECORD as CA_RECORD
from bootstrap.components.trust import awaits_ca, ca_pem
from bootstrap.core.context import Context
from bootstrap.platform import pipeline_secret
from bootstrap.platform.pipeline_secret import TRUSTED_EVENTS, Event
from bootstrap.platform.project import Project
from bootstrap.platform.secret_ref import SecretRef
from bootstrap.woodpecker.secret import WantedSecret

# A certificate of a CA is no secret: tests of pull requests may need it, and a pipeline that may not have one stops.
_EVERY_EVENT: tuple[Event, ...] = (*TRUSTED_EVENTS, "pull_request", "pull_request_closed", "pull_request_metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A secret, with its value once that is known; `reason` is what has to be there first."""

    name: str
    value: str | None = field(repr=False)
    reason: str = ""
    events: tuple[Event, ...] = TRUSTED_EVENTS
    images: tuple[str, ...] = ()

    def wanted(self) -> WantedSecret | None:
        """Return the secret as it is to be, None while its value is not known."""
        if self.value is None:
            return None
        return WantedSecret(name=self.name, value=self.value, events=tuple(self.events), images=self.images)


def sources(context: Context, project: Project) -> Iterator[Source]:
    """Yield the secrets of a project: those of the platform where it has them, then those of platform.yaml."""
    token, reason = settled_token(context, project), f"Secret of record {record_name(project)} is up to date"
    yield Source(name=pipeline_secret.KARGO_TOKEN, value=token, reason=reason)
    yield from _authority(context)
    yield from _builder(context)
    login = context.platform.registry.login
    if login is not None:
        yield Source(name=pipeline_secret.REGISTRY_USERNAME, value=login.username)
        password = secret_value(context, login.password, what="the password of the registry")
        yield Source(name=pipeline_secret.REGISTRY_PASSWORD, value=password)
    if project.mirror is not None:
        yield Source(name=pipeline_secret.DEPLOY_KEY, value=secret_value(context, project.mirror.deploy_key, what=_key_of(project)))
    for name, given in project.secrets.items():
        value = secret_value(context, given.value, what=_secret_of(project, name))
        yield Source(name=name, value=value, events=given.events, images=given.images)


def written(project: Project) -> Iterator[tuple[SecretRef, str]]:
    """Yield the secrets that platform.yaml refers to for a project, and what each is."""
    if project.mirror is not None:
        yield project.mirror.deploy_key, _key_of(project)
    for name, given in project.secrets.items():
        yield given.value, _secret_of(project, name)


def _key_of(project: Project) -> str:
    return f"the deploy key of the mirror of {project.name}"


def _secret_of(project: Project, name: str) -> str:
    return f"the secret {name} of {project.name}"


def _authority(context: Context) -> Iterator[Source]:
    ca = None if awaits_ca(context) else ca_pem(context)
    if ca != "":
        yield Source(name=pipeline_secret.PLATFORM_CA, value=ca, reason=f"Secret of record {CA_RECORD} is there", events=_EVERY_EVENT)


def _builder(context: Context) -> Iterator[Source]:
    wanted = context.platform.buildkit
    if not wanted.enabled or not wanted.mtls:
        return
    found = issued(context, CLIENT_SECRET)
    names = {pipeline_secret.BUILDER_CA: CA, pipeline_secret.BUILDER_CERT: CERTIFICATE, pipeline_secret.BUILDER_KEY: KEY}
    for name, key in names.items():
        yield Source(name=name, value=found.parts[key] if found.parts else None, reason=found.reason)

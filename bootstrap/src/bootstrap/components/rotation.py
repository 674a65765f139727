"""The secrets that were generated and can be made anew: `bootstrap rotate` takes the value away, and the next `up` makes another one."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bootstrap.components import forge
from bootstrap.components.kargo import account
from bootstrap.components.project_kargo import token
from bootstrap.components.woodpecker import access
from bootstrap.core.context import Context
from bootstrap.core.engine import locked
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Ref
from bootstrap.platform.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotatable:
    """A generated secret: a key of a record, or a Secret that Kubernetes fills anew."""

    name: str
    used_by: str
    """Who gets the new value from `up`, and what that means for them."""
    record: str = ""
    key: str = ""
    secret: Ref | None = None

    def ref(self, context: Context) -> Ref:
        """Return the Secret that it lies in."""
        return self.secret or context.records.ref(self.record)

    def changed(self, context: Context) -> str:
        """Return when its Secret was last written, on which day; empty where there is no value."""
        live = context.cluster.get(self.ref(context)) or {}
        if not live or (self.key and self.key not in (live.get("data") or {})):
            return ""
        metadata = live["metadata"]
        times = [str(each["time"]) for each in metadata.get("managedFields") or () if each.get("time")]
        return max([str(metadata.get("creationTimestamp") or ""), *times])[: len("2026-11-23")]


def rotatables(platform: Platform) -> Sequence[Rotatable]:
    """Return what a platform has of them."""
    server = "Woodpecker's server and agents, which restart: running pipelines end"
    found = [
        Rotatable(name="oauth-client", record=access.RECORD, key=access.CLIENT_SECRET, used_by=f"{server}; users log in again"),
        Rotatable(name="agent-secret", record=access.RECORD, key=access.AGENT_KEY, used_by=server),
        Rotatable(name="grpc-secret", record=access.RECORD, key=access.GRPC_KEY, used_by=server),
        Rotatable(name="kargo-sessions", record=account.RECORD, key=account.SIGNING_KEY, used_by="Kargo, which restarts; all log in again"),
    ]
    if platform.kargo.admin_password.generate:
        used_by = "Kargo's administrator `admin`; Kargo restarts"
        found.append(Rotatable(name="kargo-admin", record=account.RECORD, key=account.PASSWORD, used_by=used_by))
    # A Gitea that is somebody else's takes no password from us.
    if platform.gitea.mode == "install" and platform.gitea.admin.password.generate:
        used_by = f"Gitea's administrator `{platform.gitea.admin.name}`, Argo CD and Kargo; Gitea restarts"
        found.append(Rotatable(name="gitea-password", record=forge.RECORD, key=forge.PASSWORD, used_by=used_by))
    for project in platform.projects:
        secret = Ref(api_version="v1", kind="Secret", name=token.NAME, namespace=project.kargo.namespace)
        used_by = f"pipelines of {project.name}, which can't tell Kargo until `up` is through"
        found.append(Rotatable(name=token.record_name(project), secret=secret, used_by=used_by))
    return found


def find(platform: Platform, name: str) -> Rotatable:
    """Return the secret of that name; BootstrapError with what there is."""
    known = {each.name: each for each in rotatables(platform)}
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
        raise BootstrapError(
            f"{name} is no secret that can be made anew here", hint=f"{hint} Secrets of yours change where platform.yaml takes them from"
        )
    return known[name]


def rotate(context: Context, wanted: Rotatable) -> None:
    """Take the value away; BootstrapError where there is none, LockedError while another run is at work."""
    if not wanted.changed(context):
        raise BootstrapError(f"there is no value of {wanted.name} in {wanted.ref(context).label}", hint="`bootstrap up` makes one")
    with locked(context):
        context.guard.check()
        if wanted.secret:
            context.cluster.delete(wanted.secret)
        else:
            context.records.drop(wanted.record, wanted.key)

"""Gitea: the forge."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from bootstrap.platform.endpoint import Endpoint
from bootstrap.platform.names import Name, ObjectName
from bootstrap.platform.quantity import Size
from bootstrap.platform.secret_ref import RecordedSecretRef
from bootstrap.platform.section import Flag, Section, Whole, within

_LONGEST_NAME = 40
# models/user/user.go of Gitea: names that its own pages and programs use. It refuses them to users and to organisations.
# fmt: off
RESERVED_NAMES = frozenset({
    ".", "..", ".well-known", "admin", "api", "assets", "attachments", "avatar", "avatars", "captcha", "commits", "debug",
    "error", "explore", "favicon.ico", "ghost", "gitea-actions", "issues", "login", "manifest.json", "metrics", "milestones",
    "new", "notifications", "org", "pulls", "raw", "repo", "repo-avatars", "robots.txt", "search", "serviceworker.js", "ssh_info",
    "swagger.v1.json", "user", "v2",
})
# fmt: on
_RESERVED_ENDINGS = (".keys", ".gpg", ".rss", ".atom", ".png")


def _owner(text: str) -> str:
    if text.lower() in RESERVED_NAMES or text.lower().endswith(_RESERVED_ENDINGS):
        raise ValueError(
            f'"{text}" is a name that Gitea keeps for itself, for users and organisations alike; take another, such as platform'
        )
    characters = text.replace("-", "").replace("_", "").replace(".", "")
    joined = any(pair in text for pair in ("--", "__", "..", "-_", "_-", ".-", "-.", "._", "_."))
    if not characters.isalnum() or not characters.isascii() or joined or not (text[0].isalnum() and text[-1].isalnum()):
        raise ValueError(f'"{text}" is not a name for Gitea: letters, digits, and single - _ . between them')
    if len(text) > _LONGEST_NAME:
        raise ValueError(f"has {len(text)} characters, Gitea takes at most {_LONGEST_NAME}")
    return text


Owner: TypeAlias = Annotated[str, AfterValidator(_owner)]
"""Name of a Gitea user or organisation."""


class Administrator(Section):
    """The user that the platform acts as: it owns the OAuth2 application and clones for Argo CD and Kargo."""

    name: Owner = "platform"
    """Login. `admin` is not possible: Gitea keeps that name for itself."""

    email: str = Field(default="platform@localhost.localdomain")
    """Address, where the user is made here."""

    password: RecordedSecretRef = RecordedSecretRef(generate=True)
    """Password; two-factor login must be off. Generated is for a Gitea that has no such user yet."""


class Workload(Section):
    """The object that runs Gitea's pods."""

    kind: Literal["Deployment", "StatefulSet"] = "Deployment"
    """Its kind."""

    name: ObjectName = "gitea"
    """Its name."""


class GiteaInstall(Section):
    """What is installed where `mode: install`: one pod with SQLite on a volume."""

    image: str = "docker.gitea.com/gitea:28.1.0-rootless"
    """Image of Gitea."""

    size: Size = "20Gi"
    """Size of the volume with repositories and database."""

    storage_class: ObjectName | None = None
    """Its StorageClass. Default: `prerequisites.storage_class`."""

    tls_secret: ObjectName = "gitea-tls"  # noqa: S105  the name of one
    """Secret with the certificate of the ingress; cert-manager makes it."""


class Gitea(Section):
    """The forge: where pushes arrive and where Argo CD and Kargo read from."""

    mode: Literal["external", "install"]
    """`external`: it is there. `install`: it is made here. `bootstrap down` deletes it in neither case."""

    endpoint: Endpoint
    """Where it is reached."""

    ssh_port: Whole = Field(default=22, ge=1, le=65535)
    """Port for git over SSH, as users reach it; told in the hints for cloning."""

    namespace: Name = "gitea"
    """Namespace of its pods; a NetworkPolicy lets their webhooks reach Woodpecker."""

    workload: Workload = Workload()
    """What runs it: its environment is read to see whether webhooks may reach the cluster."""

    manage_env: Flag = False
    """`true`: add the setting that lets webhooks reach the cluster (`ALLOWED_HOST_LIST`) to the workload, which restarts it. `false`: say
    which lines are missing."""

    wizard: Literal["complete", "refuse"] = "complete"
    """What to do with a Gitea whose installation page is still open. `complete`: fill it in, with the user of `admin`. `refuse`: stop."""

    oauth_application: str = "woodpecker"
    """Name of the OAuth2 application that Woodpecker logs in with."""

    admin: Administrator = Administrator()
    """The user that the platform acts as."""

    install: GiteaInstall = GiteaInstall()
    """What is installed, where `mode: install`."""

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Give pods the Service of a Gitea that is installed here."""
        endpoint = within(data, "endpoint")
        if endpoint is None:
            return data
        if data.get("mode") == "install" and not endpoint.get("cluster_url"):
            endpoint["cluster_url"] = f"http://gitea.{data.get('namespace') or 'gitea'}.svc:3000"
        return {**data, "endpoint": endpoint}

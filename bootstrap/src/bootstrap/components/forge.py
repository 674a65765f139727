"""How the parts of the platform read and write the repositories of projects."""

from dataclasses import dataclass, field

from bootstrap.components.given import secret_value
from bootstrap.core.context import Context
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project

RECORD = "gitea-admin"
PASSWORD = "password"  # noqa: S105  a key


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLogin:
    """User and password (or token) for git over http."""

    username: str
    password: str = field(repr=False)


def git_url(platform: Platform, project: Project) -> str:
    """Return the address of a repository as pods reach it.

    Argo CD and Kargo look up their logins by this text, to the character: all that name the repository must call this.
    """
    return f"{platform.gitea.endpoint.cluster_url}/{project.repository.full_name}.git"


def git_login(context: Context) -> GitLogin | None:
    """Return the login that Argo CD and Kargo clone with, or None until Gitea's administrator is there."""
    admin = context.platform.gitea.admin
    if admin.password.generate:
        password = context.records.value(RECORD, PASSWORD)
        return GitLogin(username=admin.name, password=password) if password else None
    return GitLogin(username=admin.name, password=secret_value(context, admin.password, what="the password of Gitea's administrator"))

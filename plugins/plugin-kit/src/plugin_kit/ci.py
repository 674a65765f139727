"""What is known about the pipeline run: Woodpecker's CI_* variables, and the git checkout for what they leave out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from plugin_kit import git
from plugin_kit.errors import PluginError


class Event(StrEnum):
    """What started the pipeline (woodpecker server/model/const.go)."""

    PUSH = "push"
    TAG = "tag"
    PULL_REQUEST = "pull_request"
    PULL_REQUEST_CLOSED = "pull_request_closed"
    PULL_REQUEST_METADATA = "pull_request_metadata"
    RELEASE = "release"
    DEPLOYMENT = "deployment"
    CRON = "cron"
    MANUAL = "manual"

    @property
    def is_pull_request(self) -> bool:
        """True for all events of pull requests."""
        return self in {Event.PULL_REQUEST, Event.PULL_REQUEST_CLOSED, Event.PULL_REQUEST_METADATA}


@dataclass(frozen=True, slots=True, kw_only=True)
class Netrc:
    """The forge's credentials, which Woodpecker gives to trusted plugins only."""

    machine: str
    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class CI:
    """One pipeline run; None is "not known", as are Woodpecker's zeros and empty lists.

    On pull requests `branch` is the target branch; tag events have none. `forge_url` may be an address that only the cluster can reach.
    """

    event: Event
    workspace: Path
    in_woodpecker: bool
    default_branch: str
    sha: str | None = None
    ref: str | None = None
    branch: str | None = None
    tag: str | None = None
    pull_request: int | None = None
    commit_time: datetime | None = None
    message: str | None = None
    repo: str | None = None
    repo_url: str | None = None
    clone_url: str | None = None
    clone_ssh_url: str | None = None
    forge_url: str | None = None
    pipeline_number: int | None = None
    pipeline_url: str | None = None
    pipeline_created: datetime | None = None
    files: tuple[str, ...] | None = None
    netrc: Netrc | None = None

    @property
    def on_default_branch(self) -> bool:
        """True where the commit is on the default branch itself: a pull request's branch is only its target."""
        return self.branch == self.default_branch and self.tag is None and not self.event.is_pull_request

    @property
    def secrets(self) -> frozenset[str]:
        """What must not be printed."""
        return frozenset({self.netrc.password.get_secret_value()} if self.netrc else ())

    @classmethod
    def load(cls, environ: Mapping[str, str], cwd: Path) -> Self:
        """Read the variables; outside Woodpecker, and under `woodpecker-cli exec`, the checkout fills the gaps.

        Raises GitError when that checkout is needed and can't be read.
        """
        given = {name: value for name, value in environ.items() if name.startswith("CI") and value}
        in_woodpecker = given.get("CI") == "woodpecker"
        workspace = Path(given.get("CI_WORKSPACE", cwd))
        known = cls(
            event=_event(given.get("CI_PIPELINE_EVENT", "manual")),
            workspace=workspace,
            in_woodpecker=in_woodpecker,
            default_branch=given.get("CI_REPO_DEFAULT_BRANCH", ""),
            sha=given.get("CI_COMMIT_SHA"),
            ref=given.get("CI_COMMIT_REF"),
            branch=given.get("CI_COMMIT_BRANCH"),
            tag=given.get("CI_COMMIT_TAG"),
            pull_request=_number(given.get("CI_COMMIT_PULL_REQUEST")),
            commit_time=_time(given.get("CI_COMMIT_TIMESTAMP")),
            message=given.get("CI_COMMIT_MESSAGE"),
            repo=given.get("CI_REPO"),
            repo_url=given.get("CI_REPO_URL"),
            clone_url=given.get("CI_REPO_CLONE_URL"),
            clone_ssh_url=given.get("CI_REPO_CLONE_SSH_URL"),
            forge_url=given.get("CI_FORGE_URL"),
            pipeline_number=_number(given.get("CI_PIPELINE_NUMBER")),
            pipeline_url=given.get("CI_PIPELINE_URL"),
            pipeline_created=_time(given.get("CI_PIPELINE_CREATED")),
            files=_files(given.get("CI_PIPELINE_FILES")),
            netrc=_netrc(given),
        )
        return known._completed()

    def _completed(self) -> Self:
        complete = self.default_branch and self.sha and self.commit_time
        if self.in_woodpecker and complete:
            return self
        found = git.checkout(self.workspace)
        if found is None:
            return replace(self, default_branch=self.default_branch or "main")
        sha = self.sha or found.sha
        time = found.commit_time if sha == found.sha else git.commit_time(self.workspace, sha or "")
        filled = replace(
            self,
            sha=sha,
            commit_time=self.commit_time or time,
            default_branch=self.default_branch or found.default_branch,
        )
        if self.in_woodpecker:
            return filled
        ref_of_branch = f"refs/heads/{found.branch}" if found.branch and not self.tag else None
        at_head = sha == found.sha
        return replace(
            filled,
            workspace=found.root,
            ref=self.ref or (ref_of_branch if at_head else None),
            branch=self.branch or (found.branch if at_head and not self.tag else None),
            message=self.message or (found.message if at_head else None),
            repo=self.repo or _repo(found.origin),
            repo_url=self.repo_url or _page(found.origin),
            clone_url=self.clone_url or found.origin,
        )


def _event(name: str) -> Event:
    try:
        return Event(name)
    except ValueError:
        raise PluginError(
            f'the pipeline was started by "{name}", an event that this plugin does not know',
            hint=f"it knows {', '.join(Event)}; a newer version of the plugin may know more",
        ) from None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and int(text) > 0 else None


def _time(text: str | None) -> datetime | None:
    seconds = _number(text)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _files(text: str | None) -> tuple[str, ...] | None:
    # "[]" is what Woodpecker writes for events that have no list of files (cron, manual, tag), and `exec` gives [""].
    try:
        names = json.loads(text or "[]")
    except ValueError:
        return None
    files = tuple(name for name in names if isinstance(name, str) and name) if isinstance(names, list) else ()
    return files or None


def _netrc(given: Mapping[str, str]) -> Netrc | None:
    machine, password = given.get("CI_NETRC_MACHINE"), given.get("CI_NETRC_PASSWORD")
    if not machine or not password:
        return None
    return Netrc(machine=machine, username=given.get("CI_NETRC_USERNAME", ""), password=SecretStr(password))


def _repo(origin: str | None) -> str | None:
    """Read `acme/shop` from the address of a remote, which may be scp-like (`git@host:acme/shop.git`); a folder says nothing."""
    if not origin or ":" not in origin or origin.startswith("file:"):
        return None
    path = urlsplit(origin).path if "://" in origin else origin.partition(":")[2]
    parts = path.removesuffix("/").removesuffix(".git").strip("/").split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 else None


def _page(origin: str | None) -> str | None:
    """Guess the repository's page; only an http remote lets one."""
    return origin.removesuffix("/").removesuffix(".git") if origin and origin.startswith(("http://", "https://")) else None

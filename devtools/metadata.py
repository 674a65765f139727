"""What the forge and Woodpecker know of a pipeline, and the CI_* variables that Woodpecker 3.17 makes of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from devtools.settings import json_string

VERSION = "3.17.0"
# More changed files than this and Woodpecker does not name them at all.
MOST_FILES = 500
PULL_EVENTS = ("pull_request", "pull_request_closed", "pull_request_metadata")
EVENTS = ("push", *PULL_EVENTS, "tag", "release", "deployment", "cron", "manual")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The repository as the forge shows it."""

    full_name: str
    default_branch: str = "main"
    remote_id: str = "1"
    private: bool = False
    forge_type: str = "gitea"
    forge_url: str = "http://git.localhost"
    web_url: str = "http://git.localhost"
    ssh_url: str = ""

    @property
    def url(self) -> str:
        """The page of the repository."""
        return f"{self.web_url}/{self.full_name}"

    @property
    def host(self) -> str:
        """The host in the path of the workspace."""
        return urlsplit(self.web_url).hostname or "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The commit of a pipeline; times are seconds since 1970."""

    sha: str
    ref: str
    branch: str = ""
    refspec: str = ""
    message: str = ""
    author: str = ""
    email: str = ""
    avatar: str = ""
    timestamp: int = 0
    files: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """A pipeline: everything that its steps are told, but for what came before it (CI_PREV_*)."""

    event: str
    repository: Repository
    commit: Commit
    number: int = 1
    parent: int = 0
    created: int = 0
    started: int = 0
    release_title: str = ""
    deploy_target: str = ""
    prerelease: bool = False
    workflow: str = "woodpecker"
    workflow_number: int = 1
    platform: str = "linux/amd64"
    system_url: str = "http://ci.localhost"

    def variables(self, step: str = "") -> dict[str, str]:
        """Return the CI_* variables for a step; what is empty is not set."""
        url = f"{self.system_url}/repos/0/pipeline/{self.number}"
        values = {
            **self._system(),
            **self._repository(),
            **self._commit(),
            **self._event(),
            "CI_PIPELINE_AUTHOR": self.commit.author,
            "CI_PIPELINE_AVATAR": self.commit.avatar,
            "CI_PIPELINE_CREATED": str(self.created),
            "CI_PIPELINE_EVENT": self.event,
            "CI_PIPELINE_FORGE_URL": f"{self.repository.url}/commit/{self.commit.sha}",
            "CI_PIPELINE_NUMBER": str(self.number),
            "CI_PIPELINE_PARENT": str(self.parent),
            "CI_PIPELINE_STARTED": str(self.started),
            "CI_PIPELINE_URL": url,
            "CI_STEP_NAME": step,
            # Woodpecker never counts steps, so the page of a step is that of its pipeline.
            "CI_STEP_NUMBER": "0" if step else "",
            "CI_STEP_URL": url if step else "",
            "CI_WORKFLOW_NAME": self.workflow,
            "CI_WORKFLOW_NUMBER": str(self.workflow_number),
        }
        if len(self.commit.files) <= MOST_FILES:
            values["CI_PIPELINE_FILES"] = f"[{','.join(map(json_string, self.commit.files))}]"
        return {name: value for name, value in values.items() if value}

    def _system(self) -> dict[str, str]:
        return {
            "CI": "woodpecker",
            "CI_FORGE_TYPE": self.repository.forge_type,
            "CI_FORGE_URL": self.repository.forge_url,
            "CI_SYSTEM_HOST": urlsplit(self.system_url).netloc,
            "CI_SYSTEM_NAME": "woodpecker",
            "CI_SYSTEM_PLATFORM": self.platform,
            "CI_SYSTEM_URL": self.system_url,
            "CI_SYSTEM_VERSION": VERSION,
        }

    def _repository(self) -> dict[str, str]:
        repository = self.repository
        owner, _, name = repository.full_name.rpartition("/")
        return {
            "CI_REPO": repository.full_name,
            "CI_REPO_CLONE_SSH_URL": repository.ssh_url,
            "CI_REPO_CLONE_URL": f"{repository.url}.git",
            "CI_REPO_DEFAULT_BRANCH": repository.default_branch,
            "CI_REPO_NAME": name,
            "CI_REPO_OWNER": owner,
            "CI_REPO_PRIVATE": _flag(repository.private),
            "CI_REPO_REMOTE_ID": repository.remote_id,
            "CI_REPO_TRUSTED": "false",
            "CI_REPO_TRUSTED_NETWORK": "false",
            "CI_REPO_TRUSTED_SECURITY": "false",
            "CI_REPO_TRUSTED_VOLUMES": "false",
            "CI_REPO_URL": repository.url,
        }

    def _commit(self) -> dict[str, str]:
        commit = self.commit
        return {
            "CI_COMMIT_AUTHOR": commit.author,
            "CI_COMMIT_AUTHOR_AVATAR": commit.avatar,
            "CI_COMMIT_AUTHOR_EMAIL": commit.email,
            # A tag is on no branch, and the forge sends no message with tags, releases and cron.
            "CI_COMMIT_BRANCH": "" if self.event == "tag" else commit.branch,
            "CI_COMMIT_MESSAGE": "" if self.event in {"tag", "release", "cron"} else commit.message,
            "CI_COMMIT_REF": commit.ref,
            "CI_COMMIT_REFSPEC": commit.refspec,
            "CI_COMMIT_SHA": commit.sha,
            "CI_COMMIT_TIMESTAMP": str(commit.timestamp),
        }

    def _event(self) -> dict[str, str]:
        values: dict[str, str] = {}
        if self.event in {"tag", "release"} or self.commit.ref.startswith("refs/tags/"):
            values["CI_COMMIT_TAG"] = self.commit.ref.removeprefix("refs/tags/")
        if self.event == "release":
            prerelease = _flag(self.prerelease)
            values |= {
                "CI_COMMIT_PRERELEASE": prerelease,
                "CI_PIPELINE_RELEASE_PRE": prerelease,
                "CI_PIPELINE_RELEASE_TITLE": self.release_title,
            }
        if self.event == "deployment":
            values["CI_PIPELINE_DEPLOY_TARGET"] = self.deploy_target
        if self.event in PULL_EVENTS:
            source, _, target = self.commit.refspec.partition(":")
            number = re.search(r"\d+", self.commit.ref)
            values |= {
                "CI_COMMIT_PULL_REQUEST": number[0] if number else "",
                "CI_COMMIT_PULL_REQUEST_DRAFT": "false",
                "CI_COMMIT_PULL_REQUEST_LABELS": ",".join(self.commit.labels),
                "CI_COMMIT_SOURCE_BRANCH": source,
                "CI_COMMIT_TARGET_BRANCH": target,
            }
        return values


def at_run_time(variables: Mapping[str, str], *, kind: str, workspace: str, started: int, status: str) -> dict[str, str]:
    """Return the variables that the agent adds when a step starts; `kind` is plugin or commands, `status` that of the workflow so far."""
    added = {
        "CI_MACHINE": "localhost",
        "CI_PIPELINE_STATUS": status,
        "CI_STEP_STARTED": str(started),
        "CI_STEP_TYPE": kind,
        "CI_WORKSPACE": workspace,
    }
    return {**variables, **added}


def _flag(value: bool) -> str:
    return "true" if value else "false"

"""Woodpecker's resources as its API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]

_AVATAR = "https://secure.gravatar.com/avatar/00000000000000000000000000000000?d=identicon"


def user(number: int, remote: Mapping[str, Any], *, admin: bool) -> Document:
    """Show a user; `remote` is Gitea's."""
    return {
        "id": number,
        "forge_id": 1,
        "forge_remote_id": str(remote["id"]),
        "login": remote["login"],
        "email": remote.get("email") or "",
        "avatar_url": remote.get("avatar_url") or _AVATAR,
        "admin": admin,
        "org_id": number,
    }


def repository(number: int, remote: Mapping[str, Any]) -> Document:
    """Show a repository that was activated just now."""
    owner = remote["owner"]["login"]
    return {
        "id": number,
        "forge_id": 1,
        "forge_remote_id": str(remote["id"]),
        "org_id": 1,
        "owner": owner,
        "name": remote["name"],
        "full_name": f"{owner}/{remote['name']}",
        "avatar_url": _AVATAR,
        "forge_url": remote.get("html_url") or "",
        "clone_url": remote.get("clone_url") or "",
        "clone_url_ssh": remote.get("ssh_url") or "",
        "default_branch": remote.get("default_branch") or "main",
        "pr_enabled": True,
        "timeout": 60,
        "visibility": "private" if remote.get("private") else "public",
        "private": bool(remote.get("private")),
        "trusted": {"network": False, "volumes": False, "security": False},
        "require_approval": "forks",
        "approval_allowed_users": None,
        "active": True,
        "allow_pr": True,
        "allow_deploy": False,
        "config_file": "",
        "cancel_previous_pipeline_events": ["push", "pull_request"],
        "netrc_trusted": None,
        "config_extension_endpoint": "",
        "config_extension_exclusive": False,
        "config_extension_netrc": False,
        "registry_extension_endpoint": "",
        "registry_extension_netrc": False,
        "secret_extension_endpoint": "",
        "secret_extension_netrc": False,
    }


def secret(number: int, repository_id: int, asked: Mapping[str, Any]) -> Document:
    """Show a secret: never its value."""
    images: Sequence[str] | None = asked.get("images")
    return {
        "id": number,
        "org_id": 0,
        "repo_id": repository_id,
        "name": str(asked["name"]).lower(),
        # A repository's secret has a list, one of the whole server what was sent.
        "images": list(images or ()) if repository_id else images,
        "events": sorted(asked["events"]),
        "note": asked.get("note") or "",
    }


def registry(asked: Mapping[str, Any]) -> Document:
    """Show a registry's login: never the password. The number is not shown either."""
    return {
        "id": 0,
        "org_id": 0,
        "repo_id": 0,
        "address": asked["address"],
        "username": asked["username"],
        "password": "",
        "readonly": False,
    }


def agent(number: int, name: str, version: str, contact: int) -> Document:
    """Show an agent that logged in with the shared secret."""
    return {
        "id": number,
        "created": contact,
        "updated": contact,
        "name": name,
        "owner_id": -1,
        "token": "agent-secret-that-nobody-must-show",
        "last_contact": contact,
        "last_work": 0,
        "platform": "linux/amd64",
        "backend": "kubernetes",
        "capacity": 1,
        "version": version,
        "no_schedule": False,
        "custom_labels": None,
        "org_id": -1,
    }


def pipeline(number: int, repository: Mapping[str, Any], asked: Mapping[str, Any], now: int) -> Document:
    """Show a pipeline that was started by hand and waits for an agent."""
    steps = [
        {
            "id": 2 * number + index - 1,
            "uuid": f"01M849WE3GPX1V85QE3{number:07d}",
            "pipeline_id": number,
            "pid": index + 1,
            "ppid": 1,
            "name": name,
            "state": "pending",
            "exit_code": 0,
            "type": kind,
        }
        for index, (name, kind) in enumerate((("clone", "clone"), ("hello", "commands")), start=1)
    ]
    return {
        "id": number,
        "number": number,
        "author": repository["owner"],
        "parent": 0,
        "event": "manual",
        "event_reason": None,
        "status": "pending",
        "errors": None,
        "created": now,
        "updated": now,
        "started": 0,
        "finished": 0,
        "deploy_to": "",
        "deploy_task": "",
        "commit": "0" * 40,
        "branch": asked.get("branch") or repository["default_branch"],
        "rerun_count": 0,
        "ref": f"refs/heads/{asked.get('branch') or repository['default_branch']}",
        "refspec": "",
        "author_avatar": _AVATAR,
        "forge_url": f"{repository['forge_url']}/commit/{'0' * 40}",
        "reviewed_by": "",
        "reviewed": 0,
        "workflows": [{"id": number, "pipeline_id": number, "pid": 1, "name": "woodpecker", "state": "pending", "children": steps}],
        "variables": dict(asked.get("variables") or {}),
        "version": "3.17.0",
        "title": "",
        "message": f"MANUAL PIPELINE @ {asked.get('branch') or repository['default_branch']}",
        "timestamp": now,
        "sender": "",
        "author_email": "platform@example.lan",
    }

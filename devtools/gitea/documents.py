"""Gitea's resources as its API shows them, key by key as recorded."""

import base64
import binascii
import hashlib
from typing import Any

from devtools.gitea.world import NEVER, Application, Hook, Key, Repository, Token, User, avatar, timestamp

Document = dict[str, Any]


def user(root: str, found: User) -> Document:
    """Show a user."""
    return {
        "id": found.id,
        "login": found.name,
        "login_name": "",
        "source_id": 0,
        "full_name": "",
        "email": found.email,
        "avatar_url": f"https://secure.gravatar.com/avatar/{avatar(found.email)}?d=identicon",
        "html_url": f"{root}/{found.name}",
        "language": "",
        "is_admin": found.admin,
        "last_login": NEVER,
        "created": found.created,
        "restricted": False,
        "active": True,
        "prohibit_login": found.prohibited,
        "location": "",
        "website": "",
        "description": "",
        "visibility": found.visibility,
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
        "username": found.name,
    }


def organization(root: str, found: User) -> Document:
    """Show an organisation."""
    return {
        "id": found.id,
        "name": found.name,
        "full_name": "",
        "email": found.email,
        "avatar_url": f"{root}/avatars/{avatar(found.name)}",
        "description": "",
        "website": "",
        "location": "",
        "visibility": found.visibility,
        "repo_admin_change_team_access": False,
        "username": found.name,
    }


def token(found: Token, *, made: bool = False) -> Document:
    """Show a token: its value once, its scopes from then on."""
    scopes = None if made else sorted(found.scopes) or [""]
    return {"id": found.id, "name": found.name, "sha1": found.value if made else "", "token_last_eight": found.value[-8:], "scopes": scopes}


def application(found: Application, *, secret: bool = False) -> Document:
    """Show an OAuth2 application, with its secret only where it was made a moment ago."""
    return {
        "id": found.id,
        "name": found.name,
        "client_id": found.client_id,
        "client_secret": found.client_secret if secret else "",
        "confidential_client": found.confidential,
        "redirect_uris": found.redirect_uris,
        "created": found.created,
    }


def repository(root: str, found: Repository, owner: User, *, admin: bool = True) -> Document:
    """Show a repository."""
    page = f"{root}/{found.full_name}"
    link = f"{root}/api/v1/repos/{found.full_name}"
    host = root.partition("://")[2].partition(":")[0].partition("/")[0]
    return {
        "id": found.id,
        "owner": {**user(root, owner), "is_admin": False, "active": False, "last_login": "0001-01-01T00:00:00Z"},
        "name": found.name,
        "full_name": found.full_name,
        "description": "",
        "empty": not found.bare.refs(),
        "private": found.private,
        "fork": False,
        "template": False,
        "parent": None,
        "mirror": found.mirror,
        "size": 24,
        "language": "",
        "languages_url": f"{link}/languages",
        "html_url": page,
        "url": link,
        "link": "",
        "ssh_url": f"git@{host}:{found.full_name}.git",
        "clone_url": f"{page}.git",
        "original_url": "",
        "website": "",
        "stars_count": 0,
        "forks_count": 0,
        "watchers_count": 1,
        "open_issues_count": 0,
        "open_pr_counter": 0,
        "release_counter": 0,
        "default_branch": found.default_branch,
        "archived": found.archived,
        "created_at": found.created,
        "updated_at": found.created,
        "archived_at": NEVER,
        "permissions": {"admin": admin, "push": True, "pull": True},
        "has_issues": True,
        "internal_tracker": {
            "enable_time_tracker": False,
            "allow_only_contributors_to_track_time": True,
            "enable_issue_dependencies": True,
        },
        "has_wiki": True,
        "has_pull_requests": True,
        "has_projects": True,
        "projects_mode": "all",
        "has_releases": True,
        "has_packages": True,
        "has_actions": True,
        "ignore_whitespace_conflicts": False,
        "allow_merge_commits": True,
        "allow_rebase": True,
        "allow_rebase_explicit": True,
        "allow_squash_merge": True,
        "allow_fast_forward_only_merge": True,
        "allow_rebase_update": True,
        "default_delete_branch_after_merge": False,
        "default_merge_style": "merge",
        "default_allow_maintainer_edit": False,
        "avatar_url": f"{root}/",
        "internal": False,
        "mirror_interval": "",
        "object_format_name": "",
        "mirror_updated": "0001-01-01T00:00:00Z",
        "repo_transfer": None,
    }


def branch(root: str, found: Repository, name: str, *, admin: bool = True) -> Document:
    """Show a branch. Not recorded: services/convert/convert.go of Gitea, ToBranch."""
    commit = found.bare.commit(f"refs/heads/{name}")
    person = {"name": commit.name, "email": commit.email, "username": ""}
    rule = next((each for each in found.protections if each == name), "")
    return {
        "name": name,
        "commit": {
            "id": commit.id,
            "message": commit.message,
            "url": f"{root}/{found.full_name}/commit/{commit.id}",
            "author": person,
            "committer": person,
            "verification": {"verified": False, "reason": "gpg.error.not_signed_commit", "signature": "", "signer": None, "payload": ""},
            "timestamp": commit.time,
            "added": None,
            "removed": None,
            "modified": None,
        },
        "protected": bool(rule),
        "required_approvals": 0,
        "enable_status_check": False,
        "status_check_contexts": [],
        "user_can_push": admin,
        "user_can_merge": admin,
        "effective_branch_protection_name": rule,
    }


def hook(found: Hook) -> Document:
    """Show a webhook: its secret never."""
    return {
        "id": found.id,
        "type": "gitea",
        "branch_filter": found.branch_filter,
        "config": {"content_type": found.content_type, "url": found.url},
        "events": found.events,
        "authorization_header": "",
        "active": found.active,
        "updated_at": found.created,
        "created_at": found.created,
    }


def key(root: str, repo: Repository, found: Key) -> Document:
    """Show a deploy key."""
    return {
        "id": found.id,
        "key_id": found.id,
        "key": found.key,
        "url": f"{root}/api/v1/repos/{repo.full_name}/keys/{found.id}",
        "title": found.title,
        "fingerprint": fingerprint(found.key),
        "created_at": found.created,
        "read_only": found.read_only,
    }


def fingerprint(text: str) -> str:
    """Compute the fingerprint of a public key; raises ValueError for what is none."""
    parts = text.split()
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (IndexError, binascii.Error) as error:
        raise ValueError("extractTypeFromBase64Key: invalid key format: not enough length 2659839098") from error
    return f"SHA256:{base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip('=')}"


def protection(rule: str, given: Document) -> Document:
    """Show a branch protection."""
    now = timestamp()
    plain: Document = {
        "branch_name": rule,
        "rule_name": rule,
        "enable_push": False,
        "enable_push_whitelist": False,
        "push_whitelist_usernames": [],
        "push_whitelist_teams": [],
        "push_whitelist_deploy_keys": False,
        "enable_merge_whitelist": False,
        "merge_whitelist_usernames": [],
        "merge_whitelist_teams": [],
        "enable_status_check": False,
        "status_check_contexts": None,
        "required_approvals": 0,
        "enable_approvals_whitelist": False,
        "approvals_whitelist_username": [],
        "approvals_whitelist_teams": [],
        "block_on_rejected_reviews": False,
        "block_on_official_review_requests": False,
        "block_on_outdated_branch": False,
        "dismiss_stale_approvals": False,
        "ignore_stale_approvals": False,
        "require_signed_commits": False,
        "protected_file_patterns": "",
        "unprotected_file_patterns": "",
        "created_at": now,
        "updated_at": now,
    }
    return {**plain, **{name: value for name, value in given.items() if name in plain}}

"""Branch protections of a repository in Gitea."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from bootstrap.gitea.client import Gitea
from bootstrap.gitea.errors import GiteaError
from bootstrap.gitea.repository import Difference, Repository

Rule = Mapping[str, Any]


def differences(found: Rule | None, wanted: Rule) -> tuple[Difference, ...]:
    """Compare the fields that are wanted; what a rule has besides is left as it is."""
    held = found or {}
    return tuple(Difference(field=name, before=held.get(name), after=value) for name, value in wanted.items() if held.get(name) != value)


def find(rules: Sequence[Rule], name: str) -> Rule | None:
    """Look for a rule by its name, which is a branch or a pattern."""
    return next((each for each in rules if each.get("rule_name") == name), None)


def rules(gitea: Gitea, repository: Repository) -> list[Rule]:
    """List the rules."""
    return list(gitea.get(f"{repository.path}/branch_protections") or [])


def create(gitea: Gitea, repository: Repository, wanted: Rule) -> None:
    """Make a rule, or change the one that is there: Gitea says 403 both to "there is one" and to "you may not"."""
    response = gitea.call("POST", f"{repository.path}/branch_protections", dict(wanted), accept={403})
    if response.status_code == HTTPStatus.CREATED:
        return
    name = str(wanted["rule_name"])
    if find(rules(gitea, repository), name) is None:
        raise GiteaError(
            f"Gitea does not let {gitea.user} protect {name} in {repository.full_name}: {response.json().get('message')}",
            status=response.status_code,
            hint=f"{gitea.user} must be an administrator of the repository",
        )
    update(gitea, repository, wanted)


def update(gitea: Gitea, repository: Repository, wanted: Rule) -> None:
    """Change a rule."""
    body = {name: value for name, value in wanted.items() if name != "rule_name"}
    gitea.call("PATCH", f"{repository.path}/branch_protections/{quote(str(wanted['rule_name']), safe='')}", body)

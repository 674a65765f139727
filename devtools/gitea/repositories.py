"""Gitea's API: repositories, their branches, webhooks, deploy keys and branch protections."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from devtools.gitea import documents
from devtools.gitea.answer import Answer, Request, absent, document, refusal
from devtools.gitea.caller import Caller, administrator, signed_in
from devtools.gitea.world import Hook, Key, Repository, User, World

# In the order in which Gitea lists them; the kinds of pull_request are made with it.
_PULL_REQUEST = tuple(
    f"pull_request{kind}"
    for kind in (
        *("", "_assign", "_label", "_milestone", "_comment", "_review_approved", "_review_rejected", "_review_comment", "_sync"),
        "_review_request",
    )
)
_EVENTS = ("create", "push", *_PULL_REQUEST[:-1], "release", _PULL_REQUEST[-1])
_NAME = r"/repos/([^/]+/[^/]+)"
# Takes what the path names: a repository first, where there is one.
_Reply: TypeAlias = Callable[..., Answer]
Route: TypeAlias = tuple[str, str, _Reply]


class Repositories:
    """One call of one caller."""

    def __init__(
        self, world: World, root: str, request: Request, caller: Caller, listed: Callable[[Sequence[documents.Document]], Answer]
    ) -> None:
        self._world = world
        self._root = root
        self._request = request
        self._caller = caller
        self._listed = listed

    def routes(self) -> list[Route]:
        """Return method, path and reply of every call."""
        of_one: list[Route] = [
            ("GET", "", self._get),
            ("PATCH", "", self._edit),
            ("GET", r"/branches/(.+)", self._branch),
            ("POST", r"/branches", self._create_branch),
            ("DELETE", r"/branches/(.+)", self._delete_branch),
            ("GET", r"/hooks", lambda repo: self._listed([documents.hook(each) for each in repo.hooks])),
            ("POST", r"/hooks", self._create_hook),
            ("PATCH", r"/hooks/(\d+)", self._edit_hook),
            ("DELETE", r"/hooks/(\d+)", self._delete_hook),
            ("POST", r"/hooks/(\d+)/tests", self._test_hook),
            ("POST", r"/keys", self._create_key),
            ("GET", r"/branch_protections", lambda repo: document(200, list(repo.protections.values()))),
            ("POST", r"/branch_protections", self._protect),
            ("PATCH", r"/branch_protections/(.+)", self._edit_protection),
        ]
        of_none: list[Route] = [
            ("GET", r"/repositories/(\d+)", self._get_by_id),
            ("POST", r"/user/repos", lambda: self._create(signed_in(self._caller, self._root))),
            ("POST", r"/orgs/([^/]+)/repos", self._create_for),
            ("POST", r"/admin/users/([^/]+)/repos", self._create_for_other),
        ]
        return [*of_none, *((method, _NAME + rest, self._in(reply)) for method, rest, reply in of_one)]

    def _in(self, reply: _Reply) -> _Reply:
        def answer(full_name: str, *rest: str) -> Answer:
            repo = self._world.repository(full_name)
            if repo is None or (repo.private and not self._administers(repo)):
                raise absent(self._root)
            if self._request.method != "GET":
                self._writable(repo)
            return reply(repo, *rest)

        return answer

    def _administers(self, repo: Repository) -> bool:
        user = self._caller.user
        owner = self._world.user(repo.owner)
        return user is not None and (user.admin or user.name == repo.owner or (owner is not None and owner.organization))

    def _writable(self, repo: Repository) -> None:
        signed_in(self._caller, self._root)
        if not self._administers(repo):
            raise refusal(403, "user should be an owner or a collaborator with admin write of a repository", self._root)
        if repo.archived and "archived" not in self._request.json:
            raise refusal(423, f"{repo.full_name} is archived", self._root)

    def _shown(self, repo: Repository) -> documents.Document:
        owner = self._world.user(repo.owner)
        assert owner is not None, repo.owner  # noqa: S101  made with its owner
        return documents.repository(self._root, repo, owner, admin=self._administers(repo))

    def _get(self, repo: Repository) -> Answer:
        return document(200, self._shown(repo))

    def _get_by_id(self, number: str) -> Answer:
        found = next((each for each in self._world.repositories.values() if each.id == int(number)), None)
        return self._in(self._get)(found.full_name if found else "")

    def _create_for(self, name: str) -> Answer:
        owner = self._world.user(name)
        if owner is None or not owner.organization:
            raise absent(self._root)
        return self._create(owner)

    def _create_for_other(self, name: str) -> Answer:
        administrator(self._caller, self._root)
        owner = self._world.user(name)
        if owner is None:
            raise absent(self._root)
        return self._create(owner)

    def _create(self, owner: User) -> Answer:
        given = self._request.json
        name = given["name"]
        if name in {".", "..", "-"}:
            raise refusal(422, f"name is reserved [name: {name}]", self._root)
        if self._world.repository(f"{owner.name}/{name}"):
            raise refusal(409, "The repository with the same name already exists.", self._root)
        made = self._world.add_repository(
            owner.name, name, private=given.get("private", False), default_branch=given.get("default_branch") or "main"
        )
        return document(201, self._shown(made))

    def _edit(self, repo: Repository) -> Answer:
        given = self._request.json
        repo.private = given.get("private", repo.private)
        repo.archived = given.get("archived", repo.archived)
        repo.default_branch = given.get("default_branch", repo.default_branch)
        return document(200, self._shown(repo))

    def _branch(self, repo: Repository, name: str) -> Answer:
        if repo.bare.head(name) is None:
            raise absent(self._root)
        return document(200, documents.branch(self._root, repo, name))

    def _create_branch(self, repo: Repository) -> Answer:
        """Do what routers/api/v1/repo/branch.go of Gitea does; not recorded."""
        given = self._request.json
        name, source = given["new_branch_name"], given.get("old_ref_name") or repo.default_branch
        if not repo.bare.refs():
            raise refusal(404, "Git Repository is empty.", self._root)
        if repo.mirror:
            raise refusal(403, "Git Repository is a mirror.", self._root)
        commit = repo.bare.resolve(source)
        if commit is None:
            raise refusal(404, "The old branch does not exist", self._root)
        if repo.bare.head(name) is not None:
            raise refusal(409, "The branch already exists.", self._root)
        if not repo.bare.set_branch(name, commit):
            raise refusal(409, "The branch with the same name already exists.", self._root)
        return document(201, documents.branch(self._root, repo, name))

    def _delete_branch(self, repo: Repository, name: str) -> Answer:
        if repo.bare.head(name) is None:
            raise absent(self._root)
        repo.bare.delete_branch(name)
        return Answer(status=204)

    def _hook(self, repo: Repository, number: str) -> Hook:
        found = next((each for each in repo.hooks if each.id == int(number)), None)
        if found is None:
            raise absent(self._root)
        return found

    def _create_hook(self, repo: Repository) -> Answer:
        given = self._request.json
        config = given["config"]
        made = Hook(
            id=self._world.id("hook"),
            url=config["url"],
            content_type=config["content_type"],
            events=_listed_events(given.get("events") or ["push"]),
            active=bool(given.get("active")),
            branch_filter=given.get("branch_filter") or "",
            secret=config.get("secret", ""),
        )
        repo.hooks.append(made)
        return document(201, documents.hook(made))

    def _edit_hook(self, repo: Repository, number: str) -> Answer:
        found, given = self._hook(repo, number), self._request.json
        config = given.get("config") or {}
        found.url = config.get("url", found.url)
        found.content_type = config.get("content_type", found.content_type)
        found.secret = config.get("secret", found.secret)
        found.events = _listed_events(given.get("events") or found.events)
        found.active = given.get("active", found.active)
        found.branch_filter = given.get("branch_filter", found.branch_filter)
        return document(200, documents.hook(found))

    def _delete_hook(self, repo: Repository, number: str) -> Answer:
        repo.hooks.remove(self._hook(repo, number))
        return Answer(status=204)

    def _test_hook(self, repo: Repository, number: str) -> Answer:
        self._hook(repo, number)
        if not repo.bare.refs():
            raise refusal(500, "no open git repo", self._root)
        return Answer(status=204)

    def _create_key(self, repo: Repository) -> Answer:
        given = self._request.json
        try:
            documents.fingerprint(given["key"])
        except ValueError as error:
            raise refusal(422, f"Invalid key content: {error}", self._root) from error
        if any(each.key == given["key"] for each in repo.keys):
            raise refusal(422, "This key has already been added to this repository", self._root)
        made = Key(id=self._world.id("key"), title=given["title"], key=given["key"], read_only=bool(given.get("read_only")))
        repo.keys.append(made)
        return document(201, documents.key(self._root, repo, made))

    def _protect(self, repo: Repository) -> Answer:
        given = self._request.json
        rule = given["rule_name"]
        if rule in repo.protections:
            raise refusal(403, "Branch protection already exist", self._root)
        repo.protections[rule] = documents.protection(rule, given)
        return document(201, repo.protections[rule])

    def _edit_protection(self, repo: Repository, rule: str) -> Answer:
        if rule not in repo.protections:
            raise absent(self._root)
        repo.protections[rule] |= self._request.json
        return document(200, repo.protections[rule])


def _listed_events(given: list[str]) -> list[str]:
    """List events as Gitea does: in its order, `pull_request` with all of its kinds."""
    wanted = {*given, *(_PULL_REQUEST if "pull_request" in given else ())}
    return [each for each in _EVENTS if each in wanted] + sorted(wanted - set(_EVENTS))

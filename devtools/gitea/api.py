"""Gitea's API: users, tokens, OAuth2 applications, organisations; repositories are in repositories.py."""

import re
from collections.abc import Callable, Sequence

from devtools.gitea import documents
from devtools.gitea.answer import Answer, Request, absent, document, refusal
from devtools.gitea.caller import Caller, administrator, by_password, caller_of, may, signed_in
from devtools.gitea.repositories import Repositories
from devtools.gitea.world import Application, World, new_secret, timestamp

_RESERVED = frozenset({"admin", "api", "assets", "explore", "login", "new", "org", "repo", "user", ".", ".."})
_SHORTEST_PASSWORD = 8
_DEFAULT_ITEMS = 30


class Api:
    """One call of one caller."""

    def __init__(self, world: World, root: str, request: Request) -> None:
        self._world = world
        self._root = root
        self._request = request
        self._caller = Caller()

    def answer(self) -> Answer:
        """Answer the call; raises Refusal."""
        request, path = self._request, self._request.path.removeprefix("/api/v1")
        self._caller = caller_of(self._world, request, self._root)
        if self._world.settings.require_sign_in and self._caller.user is None:
            # routers/api/v1/api.go of Gitea, reqSignIn; not recorded.
            raise refusal(403, "Only signed in user is allowed to call APIs.", self._root)
        may(self._world, self._caller, request, self._root)
        routes: list[tuple[str, str, Callable[..., Answer]]] = [
            ("GET", r"/version", self._version),
            ("GET", r"/settings/api", self._settings),
            ("GET", r"/user", lambda: document(200, documents.user(self._root, signed_in(self._caller, self._root)))),
            ("GET", r"/users/([^/]+)", self._user),
            ("POST", r"/admin/users", self._create_user),
            ("PATCH", r"/admin/users/([^/]+)", self._edit_user),
            ("GET", r"/users/([^/]+)/tokens", self._tokens),
            ("POST", r"/users/([^/]+)/tokens", self._create_token),
            ("DELETE", r"/users/([^/]+)/tokens/([^/]+)", self._delete_token),
            ("GET", r"/user/applications/oauth2", self._applications),
            ("POST", r"/user/applications/oauth2", self._create_application),
            ("GET", r"/user/applications/oauth2/(\d+)", self._application),
            ("PATCH", r"/user/applications/oauth2/(\d+)", self._edit_application),
            ("DELETE", r"/user/applications/oauth2/(\d+)", self._delete_application),
            ("POST", r"/orgs", self._create_organization),
            ("GET", r"/orgs/([^/]+)", self._organization),
        ]
        repositories = Repositories(self._world, self._root, request, self._caller, self._listed)
        for method, pattern, reply in [*routes, *repositories.routes()]:
            match = re.fullmatch(pattern, path)
            if method == request.method and match:
                return reply(*match.groups())
        raise absent(self._root)

    def _version(self) -> Answer:
        return document(200, {"version": self._world.settings.version})

    def _settings(self) -> Answer:
        items = self._world.settings.most_items
        blobs = {"default_git_trees_per_page": 1000, "default_max_blob_size": 10485760}
        return document(200, {"max_response_items": items, "default_paging_num": _DEFAULT_ITEMS, **blobs})

    def _user(self, name: str) -> Answer:
        found = self._world.user(name)
        if found is None or (found.visibility != "public" and self._caller.user is None):
            raise absent(self._root)
        return document(200, documents.user(self._root, found))

    def _create_user(self) -> Answer:
        administrator(self._caller, self._root)
        given = self._request.json
        name, password = given["username"], given.get("password", "")
        self._refuse_name(name)
        if len(password) < _SHORTEST_PASSWORD:
            raise refusal(400, "PasswordIsRequired", self._root)
        made = self._world.add_user(name, password, email=given["email"])
        made.must_change_password = given.get("must_change_password", True)
        return document(201, documents.user(self._root, made))

    def _edit_user(self, name: str) -> Answer:
        administrator(self._caller, self._root)
        found = self._world.user(name)
        if found is None:
            raise absent(self._root)
        given = self._request.json
        found.password = given.get("password", found.password)
        found.must_change_password = given.get("must_change_password", found.must_change_password)
        found.admin = given.get("admin", found.admin)
        return document(200, documents.user(self._root, found))

    def _refuse_name(self, name: str) -> None:
        if name.lower() in _RESERVED:
            raise refusal(422, f"name is reserved [name: {name}]", self._root)
        if self._world.user(name):
            raise refusal(422, f"user already exists [name: {name}]", self._root)

    def _tokens(self, name: str) -> Answer:
        by_password(self._caller, name, self._root)
        return self._listed([documents.token(each) for each in self._world.tokens if each.user.lower() == name.lower()])

    def _create_token(self, name: str) -> Answer:
        user = by_password(self._caller, name, self._root)
        given = self._request.json
        if any(each.user == user.name and each.name == given["name"] for each in self._world.tokens):
            raise refusal(400, "access token name has been used already", self._root)
        made = self._world.add_token(user.name, given["name"], tuple(given.get("scopes") or ()))
        return document(201, documents.token(made, made=True))

    def _delete_token(self, name: str, which: str) -> Answer:
        user = by_password(self._caller, name, self._root)
        found = [each for each in self._world.tokens if each.user == user.name and which in {str(each.id), each.name}]
        if not found:
            raise absent(self._root)
        self._world.tokens.remove(found[0])
        return Answer(status=204)

    def _own_application(self, number: str) -> Application:
        user = signed_in(self._caller, self._root)
        found = next((each for each in self._world.applications if each.id == int(number) and each.owner == user.name), None)
        if found is None:
            raise absent(self._root)
        return found

    def _applications(self) -> Answer:
        user = signed_in(self._caller, self._root)
        own = [each for each in self._world.applications if each.owner == user.name]
        return self._listed([documents.application(each) for each in sorted(own, key=lambda each: -each.id)])

    def _create_application(self) -> Answer:
        given = self._request.json
        owner = signed_in(self._caller, self._root).name
        made = self._world.add_application(
            owner, given["name"], given.get("redirect_uris") or [], confidential=bool(given.get("confidential_client"))
        )
        return document(201, documents.application(made, secret=True))

    def _application(self, number: str) -> Answer:
        return document(200, documents.application(self._own_application(number)))

    def _edit_application(self, number: str) -> Answer:
        found, given = self._own_application(number), self._request.json
        found.name = given["name"]
        found.redirect_uris = given.get("redirect_uris") or []
        found.confidential = bool(given.get("confidential_client"))
        found.client_secret = new_secret()
        return document(200, documents.application(found, secret=True))

    def _delete_application(self, number: str) -> Answer:
        self._world.applications.remove(self._own_application(number))
        return Answer(status=204)

    def _create_organization(self) -> Answer:
        signed_in(self._caller, self._root)
        name = self._request.json["username"]
        self._refuse_name(name)
        return document(201, documents.organization(self._root, self._world.add_user(name, organization=True)))

    def _organization(self, name: str) -> Answer:
        found = self._world.user(name)
        if found is None or not found.organization:
            raise absent(self._root)
        return document(200, documents.organization(self._root, found))

    def _listed(self, items: Sequence[documents.Document]) -> Answer:
        parameters = self._request.parameters
        number = max(int(parameters.get("page") or 1), 1)
        size = min(int(parameters.get("limit") or _DEFAULT_ITEMS), self._world.settings.most_items)
        part = items[(number - 1) * size : number * size]
        return document(200, part, headers=[("X-Total-Count", str(len(items)))])


def health(world: World) -> Answer:
    """Answer /api/healthz."""
    if not world.settings.installed:
        return document(200, {"status": "pass", "description": "Gitea"}, content_type="application/json")
    ping = [{"status": "pass", "time": timestamp()}]
    body = {"status": "pass", "description": "Gitea", "checks": {"cache:ping": ping, "database:ping": ping}}
    return document(200, body, content_type="application/json")

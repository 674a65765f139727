"""A Gitea and a Woodpecker that know each other: both stand-ins, and the ways to them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any

from bootstrap.gitea.browser import Browser
from bootstrap.gitea.client import Basic, Gitea
from bootstrap.gitea.web import Web
from bootstrap.woodpecker import login
from bootstrap.woodpecker.client import Woodpecker
from bootstrap.woodpecker.login import Login
from devtools.gitea.server import ADMIN, PASSWORD
from devtools.gitea.server import StandIn as GiteaStandIn
from devtools.woodpecker.server import StandIn

CI = "http://ci.example.lan"
FORGE = "http://gitea.example.lan"


@dataclass(slots=True, kw_only=True)
class Pair:
    """Both of them. `remote_id` is the number of platform/shop in Gitea."""

    gitea: GiteaStandIn
    woodpecker: StandIn
    client_id: str
    remote_id: int
    _open: ExitStack = field(default_factory=ExitStack, repr=False)

    @classmethod
    def started(
        cls,
        gitea: GiteaStandIn,
        start: Callable[..., AbstractContextManager[StandIn]],
        *,
        host: str = "",
        **options: Any,  # noqa: ANN401  those of the stand-in
    ) -> "Iterator[Pair]":
        """Register the application, and run the Woodpecker."""
        application = gitea.world.add_application(ADMIN, "woodpecker", [f"{host}/authorize"])
        repository = gitea.world.add_repository(ADMIN, "shop")
        known = {"client_id": application.client_id, "client_secret": application.client_secret}
        with start(gitea=gitea.url, host=host, **known, **options) as woodpecker:
            application.redirect_uris = [f"{woodpecker.world.host}/authorize"]
            pair = cls(gitea=gitea, woodpecker=woodpecker, client_id=application.client_id, remote_id=repository.id)
            with pair._open:
                yield pair

    def web(self, **options: Any) -> Web:  # noqa: ANN401  those of Web
        """Open the way to Woodpecker that this command has."""
        web = Web(self.woodpecker.url, service="Woodpecker", setting="woodpecker", **{"retry_for": 0.5, **options})
        return self._open.enter_context(web)

    def gitea_web(self) -> Web:
        """Open the way to Gitea."""
        return self._open.enter_context(Web(self.gitea.url, retry_for=0.5))

    def forge(self) -> Gitea:
        """Open Gitea's API."""
        return Gitea(self.gitea_web(), Basic(user=ADMIN, password=PASSWORD))

    def browser(self) -> Browser:
        """Open Gitea's pages."""
        return Browser(self.gitea_web(), self.gitea.root)

    def login(self, user: str = ADMIN, password: str = PASSWORD) -> Login:
        """Say who logs in."""
        return Login(user=user, password=password, host=self.woodpecker.world.host, gitea=self.gitea.url)

    def log_in(self) -> str:
        """Log in and return the token."""
        return login.token(self.web(), self.browser(), self.login())

    def client(self) -> Woodpecker:
        """Log in and open the API."""
        return Woodpecker(self.web(), self.log_in())

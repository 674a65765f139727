"""What Woodpecker asks Gitea for: a token for the code of a login, who that is, repositories, and their webhooks."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

_TIMEOUT = 10.0
_EVENTS = ("push", "create", "pull_request", "release")


class ForgeError(Exception):
    """Gitea did not do it; the text is Gitea's."""


class Forge:
    """Gitea as the server reaches it: `url` is WOODPECKER_GITEA_URL."""

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        self.url = url.rstrip("/")
        self.client_id = client_id
        self.client_secret = client_secret

    def exchange(self, code: str, redirect_uri: str) -> str:
        """Return the access token for the code of a login; raises ForgeError."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": redirect_uri,
        }
        answer = self._ask("POST", "/login/oauth/access_token", form=form)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not token:
            raise ForgeError("server response missing access_token")
        return str(token)

    def user(self, token: str) -> dict[str, Any]:
        """Return whose token it is."""
        found: dict[str, Any] = self._ask("GET", "/api/v1/user", token=token)
        return found

    def repository(self, token: str, remote_id: str) -> dict[str, Any]:
        """Return a repository by its number."""
        found: dict[str, Any] = self._ask("GET", f"/api/v1/repositories/{remote_id}", token=token)
        return found

    def hook(self, token: str, full_name: str, url: str) -> None:
        """Make the webhook of a repository."""
        body = {"type": "gitea", "config": {"url": url, "content_type": "json"}, "events": list(_EVENTS), "active": True}
        self._ask("POST", f"/api/v1/repos/{full_name}/hooks", token=token, body=body)

    def unhook(self, token: str, full_name: str, url: str) -> None:
        """Delete the first webhook that goes to the host of `url`."""
        host = urllib.parse.urlsplit(url).netloc
        for each in self._ask("GET", f"/api/v1/repos/{full_name}/hooks", token=token):
            if urllib.parse.urlsplit(each["config"]["url"]).netloc == host:
                self._ask("DELETE", f"/api/v1/repos/{full_name}/hooks/{each['id']}", token=token)
                return

    def _ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        form: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Any:  # noqa: ANN401  JSON
        content = json.dumps(body).encode() if body is not None else urllib.parse.urlencode(form).encode() if form is not None else None
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json" if form is None else "application/x-www-form-urlencoded",
        }
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(f"{self.url}{path}", data=content, method=method, headers=headers)  # noqa: S310  as it was given
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310  the same
                text = response.read()
        except urllib.error.HTTPError as error:
            with error:
                raise ForgeError(f"{error.code}: {error.read().decode(errors='replace')[:200]}") from None
        except (urllib.error.URLError, OSError) as error:
            raise ForgeError(str(getattr(error, "reason", error))) from None
        return json.loads(text) if text else None

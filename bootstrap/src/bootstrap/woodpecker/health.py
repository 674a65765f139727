"""Whether the server answers, and which version it is."""

from dataclasses import dataclass
from http import HTTPStatus

from bootstrap.gitea.web import Web
from bootstrap.woodpecker.errors import WoodpeckerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A server that answers; `version` as it writes it itself, `3.17.0` (a development build says `next-...`)."""

    version: str

    def is_of(self, image_tag: str) -> bool:
        """Tell whether it is the version of an image tag: `v3.17.0` and `v3.17.0-alpine` are 3.17.0."""
        wanted = image_tag.removeprefix("v")
        return wanted == self.version or wanted.startswith(f"{self.version}-")


def look(web: Web) -> Health:
    """Ask a server how it is; raises WebError where there is none, WoodpeckerError where it is ill."""
    response = web.request("GET", "/healthz")
    if response.status_code in {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}:
        raise web.busy(response)
    if response.status_code == HTTPStatus.NOT_FOUND or "html" in response.headers.get("Content-Type", ""):
        # An ingress controller answers 404 for a host that it knows nothing of.
        raise web.no_json(response)
    if not response.is_success:
        # server/api/z.go: the error of the database's ping is the text.
        raise WoodpeckerError(
            "Woodpecker is up, but its database is not",
            status=response.status_code,
            details=[f"it says: {' '.join(response.text.split())[:300]}"],
            hint="see whether the volume of the server is mounted (SQLite) or the Postgres of `woodpecker.database` answers",
        )
    answer = web.json(web.request("GET", "/version"))
    return Health(version=str(answer.get("version") or "") if isinstance(answer, dict) else "")

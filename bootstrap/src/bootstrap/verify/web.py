"""How the pages of the platform are asked, and what to do where they don't answer."""

from http import HTTPStatus

import httpx

from bootstrap.components.trust import ca_pem
from bootstrap.core.context import Context
from bootstrap.gitea.errors import WebError
from bootstrap.gitea.page import read
from bootstrap.gitea.web import Web


def web(context: Context, url: str, service: str, setting: str) -> Web:
    """Open the way to a service, one for the whole run."""
    ca = ca_pem(context)
    seconds = context.platform.timeouts.request.total_seconds()

    def made() -> Web:
        # Tried once: what does not answer at once is what somebody wants to know.
        return Web(url, service=service, setting=setting, ca=ca, timeout=seconds, retry_for=0.0, clock=context.clock)

    return context.once(f"verify {service} {url} {ca}", made)


def page(client: Web, path: str = "/") -> httpx.Response:
    """Get a page that somebody would see in a browser; raises WebError for anything else."""
    response = client.request("GET", path, headers={"Accept": "text/html"})
    if response.status_code in {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}:
        raise client.busy(response)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        raise WebError(
            f"{client.service} has no page at {client.url}{path}: it answered {response.status_code}",
            hint="an ingress controller answers 404 for a host that it knows nothing of: kubectl get ingress -A",
        )
    return response


def title(response: httpx.Response) -> str:
    """Return what a page calls itself."""
    return read(response.text).title or ""

"""How this command reaches the services of the platform over HTTP, one client each for the whole run."""

from bootstrap.components.trust import ca_pem
from bootstrap.core.context import Context
from bootstrap.gitea.web import Web


def gitea_web(context: Context) -> Web:
    """Open the way to Gitea."""
    return web(context, context.platform.gitea.endpoint.bootstrap_url, "Gitea", "gitea.endpoint")


def web(context: Context, url: str, service: str, setting: str) -> Web:
    """Open the way to a service that trusts the platform's CA; messages call it `service`, and `setting` the key with its addresses."""
    ca = ca_pem(context)
    seconds = context.platform.timeouts.request.total_seconds()

    def made() -> Web:
        return Web(
            url,
            service=service,
            setting=setting,
            ca=ca,
            timeout=seconds,
            retry_for=seconds,
            clock=context.clock,
            on_retry=context.console.detail,
        )

    # The CA may be made in the middle of a run.
    return context.once(f"{service} {url} {ca}", made)

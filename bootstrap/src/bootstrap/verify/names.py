"""Names that this machine can't resolve: one cause with one remedy, whichever row comes upon it."""

import socket

from bootstrap.verify.finding import Finding, trouble
from bootstrap.verify.scene import Scene
from plugin_kit.errors import PluginError


def unreached(scene: Scene, host: str, error: PluginError) -> Finding:
    """Make a finding of what went wrong with a host; of the platform's own names, those that don't resolve are told alike."""
    return unresolved(scene, host, error) or trouble("", error)


def unresolved(scene: Scene, host: str, error: BaseException) -> Finding | None:
    """Make a finding where it is a name of the platform's domain that does not resolve; else there is none."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, socket.gaierror):
        cause = cause.__cause__ or cause.__context__
    domain = scene.platform.domain
    if cause is None or not host.endswith(f".{domain}"):
        return None
    return Finding(
        where="", problem="its name does not resolve on this machine", hint=f"*.{domain} must lead to a node: tutorial, section 1"
    )

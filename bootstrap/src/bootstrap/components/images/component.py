"""This project's own images in the platform's registry, and the proof that the nodes get them from there."""

from collections.abc import Sequence

from bootstrap.backup.scope import targets
from bootstrap.components.buildkit.security import FORMS
from bootstrap.components.images.image import Image
from bootstrap.components.images.nodes import NodeTrust
from bootstrap.components.registry.access import pull_secret
from bootstrap.core.context import Context
from bootstrap.core.resource import Resource
from bootstrap.platform.platform import Platform

PLUGINS = ("registry-push", "github-mirror", "kargo-notify")
GATE = "market-gate"
BOOTSTRAP = "bootstrap"


class Images:
    """Copies what is missing; what is there already needs no source."""

    name = "images"
    title = "Images of the platform"
    needs: tuple[str, ...] = ("prerequisites", "namespaces")

    def enabled(self, platform: Platform) -> bool:
        """Every platform needs its plugins."""
        del platform
        return True

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return each image, and behind them the nodes."""
        platform = context.platform
        secret = pull_secret(context, platform.namespace)
        return [
            *(_image(platform, name) for name in names(platform)),
            *([secret] if secret else []),
            # The smallest thing that shows whether a node can pull at all.
            NodeTrust(image=platform.image(PLUGINS[0])),
        ]


def names(platform: Platform) -> tuple[str, ...]:
    """Return the images that a platform needs."""
    builder = FORMS[platform.buildkit.privileges].image
    # The nightly backups run bootstrap itself.
    backups = any(targets(platform)) and platform.backup.image is None
    wanted = {builder: platform.buildkit.enabled, GATE: bool(platform.guarded), BOOTSTRAP: backups}
    return (*PLUGINS, *(name for name, is_needed in wanted.items() if is_needed))


def _image(platform: Platform, name: str) -> Image:
    return Image(name=name, path=f"{platform.images.project}/{name}", tag=platform.images.tag, reference=platform.image(name))

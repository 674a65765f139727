"""The images of the plugins and of BuildKit in the platform's registry, and the proof that the nodes get them from there."""

from collections.abc import Sequence

from bootstrap.components.buildkit.security import FORMS
from bootstrap.components.images.image import Image
from bootstrap.components.images.nodes import NodeTrust
from bootstrap.components.registry.access import pull_secret
from bootstrap.core.context import Context
from bootstrap.core.resource import Resource
from bootstrap.platform.platform import Platform

PLUGINS = ("registry-push", "github-mirror", "kargo-notify")


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
    return (*PLUGINS, FORMS[platform.buildkit.privileges].image) if platform.buildkit.enabled else PLUGINS


def _image(platform: Platform, name: str) -> Image:
    return Image(name=name, path=f"{platform.images.project}/{name}", tag=platform.images.tag, reference=platform.image(name))

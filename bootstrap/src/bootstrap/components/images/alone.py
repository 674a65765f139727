"""The images alone, for `bootstrap images`: without the prerequisites, and without the nodes."""

from collections.abc import Sequence

from bootstrap.components.images.component import Images
from bootstrap.components.images.image import Image
from bootstrap.core.context import Context
from bootstrap.core.resource import Resource
from bootstrap.platform.platform import Platform


class ImagesAlone:
    """Copies the images, into a registry that has to be there."""

    name = "images"
    title = Images.title
    needs: tuple[str, ...] = ()

    def enabled(self, platform: Platform) -> bool:
        """Every platform needs its plugins."""
        del platform
        return True

    def resources(self, context: Context) -> Sequence[Resource]:
        """Return each image."""
        return [each for each in Images().resources(context) if isinstance(each, Image)]

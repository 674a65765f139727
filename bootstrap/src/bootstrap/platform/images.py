"""This project's own images, which the pipelines, BuildKit and the market gate run."""

from bootstrap import __version__
from bootstrap.platform.names import ImagePath, Tag
from bootstrap.platform.section import Section

_LOCAL = ("./", "../", "/", "~/")


class Images(Section):
    """Where the images of the plugins, of BuildKit and of the market gate come from. They are copied into the platform's registry."""

    source: str = "./images"
    """A registry with path (`registry.example.lan/local-cicd`), or the folder of an OCI layout, as `./dev images --output DIR` writes it,
    relative to platform.yaml."""

    project: ImagePath = "local-cicd"
    """Path in the platform's registry that they get."""

    tag: Tag = __version__
    """Tag that is copied, and that the pipelines name."""

    @property
    def is_layout(self) -> bool:
        """Whether the source is a folder."""
        return self.source.startswith(_LOCAL)

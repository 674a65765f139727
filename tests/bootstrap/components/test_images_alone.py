"""`bootstrap images`: the images, and nothing else of the platform."""

from bootstrap.components.images.alone import ImagesAlone
from tests.support.bootstrap_run import a_platform
from tests.support.still_cluster import StillCluster


def test_only_the_images_are_looked_at() -> None:
    """Neither prerequisites nor nodes: whoever copies images need not have a platform yet."""
    platform = a_platform()
    labels = [each.label for each in ImagesAlone().resources(StillCluster().context(platform))]
    names = ("registry-push", "github-mirror", "kargo-notify", "buildkit")
    assert labels == [f"Image {platform.image(name)}" for name in names]

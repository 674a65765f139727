"""What is odd about where this project's own images come from."""

from collections.abc import Iterator
from pathlib import Path

from bootstrap.platform.finding import Finding
from bootstrap.platform.platform import Platform


def check_images(platform: Platform, folder: Path) -> Iterator[Finding]:
    """Yield a warning where a registry is named like a folder beside platform.yaml, which lies in `folder`."""
    images = platform.images
    if not images.is_layout and (folder / images.source).is_dir():
        text = f"{images.source} is taken for a registry's path, since it does not begin with ./; the folder is ./{images.source}"
        yield Finding(at=("images", "source"), text=text, is_warning=True)

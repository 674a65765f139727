"""Which tests stay together where several run at once: `./dev test` runs two files at a time, each in a process of its own."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
# They share what takes long to make, or a machine's one container engine.
TOGETHER = {"journey": "platform", "standing_platform": "verify", "services": "engine", "plugin_images": "engine"}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Put a test where those are that share something with it, else to those of its file."""
    shared = next((TOGETHER[name] for name in getattr(item, "fixturenames", ()) if name in TOGETHER), None)
    if shared is None and item.get_closest_marker("engine"):
        shared = "engine"
    item.add_marker(pytest.mark.xdist_group(shared or str(item.path.relative_to(HERE))))

"""What the image installs is what the plugin imports."""

import re
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[2] / "plugins/github-mirror/requirements.lock"
# The registry's side of plugin-kit, which a mirror has no use for.
OF_OTHERS = {"httpx", "oras", "requests", "stamina"}


def test_the_image_has_nothing_of_a_registry_client() -> None:
    """It would be there to be kept up to date, and for nothing else."""
    locked = set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    assert "paramiko" in locked
    assert locked & OF_OTHERS == set()


def test_no_module_of_the_plugin_imports_it() -> None:
    """The image would break where the tests, which have everything, don't."""
    script = (
        "import importlib, pkgutil, sys, github_mirror\n"
        "for module in pkgutil.iter_modules(github_mirror.__path__, 'github_mirror.'):\n"
        "    importlib.import_module(module.name)\n"
        f"print(*sys.modules.keys() & {OF_OTHERS!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []

"""Where the repository is, and where what `./dev` makes is kept (outside the repository)."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cache_dir(*parts: str) -> Path:
    """Return a folder of the cache, made if need be; `LOCAL_CICD_CACHE` moves the whole cache."""
    if given := os.environ.get("LOCAL_CICD_CACHE"):
        base = Path(given)
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "local-cicd"
    folder = base.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def log_dir() -> Path:
    """Return the folder of the logs (dockerd, image builds)."""
    return cache_dir("logs")

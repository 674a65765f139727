"""Small git repositories with many Dockerfiles: what a pipeline checks out."""

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# Commits are a minute apart, whatever the test's speed: their order is part of what is tested.
_FIRST_COMMIT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_NAMES = (
    "market-feed", "candle-store", "signal-engine", "risk-engine", "order-router", "portfolio", "ledger", "notifier", "scheduler",
    "news-feed", "broker-adapter", "query-api", "frontend", "analytics",
)  # fmt: skip


class Monorepo:
    """A git repository, and the `images` setting that builds all of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images: list[dict[str, Any]] = []
        self._commits = 0
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def names(self) -> list[str]:
        """The names of the images that are pushed."""
        return [image["name"] for image in self.images if image.get("push", True)]

    def write(self, files: Mapping[str, str]) -> None:
        """Write files of the working tree."""
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def commit(self, files: Mapping[str, str] | None = None, *, at: datetime | None = None) -> str:
        """Commit changed files, or nothing at all, and return the commit's id."""
        self.write(files or {})
        moment = at or _FIRST_COMMIT + timedelta(minutes=self._commits)
        self._commits += 1
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message=commit {self._commits}", at=moment)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str, at: datetime = _FIRST_COMMIT) -> str:
        """Run git as somebody without any configuration."""
        who = {
            f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in (("NAME", "Ada"), ("EMAIL", "ada@example.lan"))
        }
        when = {"GIT_AUTHOR_DATE": at.isoformat(), "GIT_COMMITTER_DATE": at.isoformat()}
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **who, **when}
        argv = ["git", "-C", str(self.path), *arguments]
        return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def monorepo(path: Path, *, images: int = 14, base: str = "debian:trixie-slim", on_base: bool = True) -> Monorepo:
    """Make a repository with one commit; its files are unlike those of all other repositories, so that no build finds its work done.

    Every second image is built from a base of the same run that is never pushed, unless `on_base` is false.
    """
    repo = Monorepo(path)
    salt = os.urandom(8).hex()
    if on_base:
        repo.write({"base/Dockerfile": f"FROM {base}\nCOPY motd /etc/motd\n", "base/motd": f"base {salt}\n"})
        repo.images.append({"name": "runtime", "dockerfile": "base/Dockerfile", "context": "base", "push": False})
    for number in range(images):
        name = _NAMES[number] if number < len(_NAMES) else f"service-{number}"
        image: dict[str, Any] = {"name": name, "context": f"services/{name}"}
        if on_base and number % 2:
            image["build_contexts"] = {"runtime": "target:runtime"}
        parent = "runtime" if "build_contexts" in image else base
        repo.write(
            {
                f"services/{name}/Dockerfile": f"FROM {parent}\nCOPY app.txt /app.txt\n",
                f"services/{name}/app.txt": f"{name} {salt}\n",
            }
        )
        repo.images.append(image)
    repo.commit()
    return repo

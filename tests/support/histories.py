"""Small git repositories for tests, made with the git program."""

import os
import subprocess
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.lan",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.lan",
    "GIT_TERMINAL_PROMPT": "0",
}


def git(folder: Path, *arguments: str, environment: dict[str, str] | None = None, data: str = "") -> str:
    """Run git in a folder and give its output; an error has what it said."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env={**ENVIRONMENT, **(environment or {})}, input=data, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def commit(folder: Path, path: str = "file", text: str | None = None) -> str:
    """Write a file and commit it; gives the commit."""
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    count = len(list(folder.iterdir()))
    place.write_text(text if text is not None else f"{place.read_text() if place.exists() else ''}{count}\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", f"change {path}")
    return git(folder, "rev-parse", "HEAD")


def repository(folder: Path, commits: int = 3) -> Path:
    """Make a repository with a working tree, on the branch main."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    # What forges allow, and Woodpecker's clone asks for.
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    stream = "".join(_imported(number) for number in range(1, commits + 1))
    git(folder, "fast-import", "--quiet", data=stream)
    if commits:
        git(folder, "reset", "--hard", "--quiet")
    return folder


def _imported(number: int) -> str:
    """Describe a commit for git fast-import, which makes hundreds while `git commit` makes one."""
    content = "".join(f"{line}\n" for line in range(number))
    return (
        f"commit refs/heads/main\ncommitter Ada <ada@example.lan> {1_700_000_000 + number} +0000\ndata 6\nchange\n"
        f"M 644 inline file\ndata {len(content)}\n{content}\n"
    )


def bare(folder: Path) -> Path:
    """Make an empty bare repository."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main")
    return folder


def woodpecker_clone(folder: Path, url: str, sha: str) -> Path:
    """Clone a commit as Woodpecker's plugin-git does by default: shallow and partial, with no other ref (plugin.go, fetch)."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--object-format", "sha1", "-b", "main")
    git(folder, "remote", "add", "origin", url)
    git(folder, "fetch", "--quiet", "--no-tags", "--depth=1", "--filter=tree:0", "origin", f"+{sha}:")
    git(folder, "reset", "--hard", "--quiet", sha)
    return folder

"""The commit that a pipeline is about: what git knows of it, and its working tree in the workspace volume."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devtools.metadata import Commit
from devtools.pipeline import Clone
from plugin_kit import process

BASE = "/woodpecker"


def describe(repo: Path, sha: str, *, event: str, branch: str, ref: str | None = None, refspec: str = "") -> Commit:
    """Return what Woodpecker would be told of a commit; `sha` may be any name that git knows."""
    with _git_environment() as env:
        fields = _git(repo, env, "show", "--no-patch", "--format=%H%x00%an%x00%ae%x00%ct%x00%P%x00%B", sha).removesuffix("\n").split("\0")
        full, author, email, timestamp, parents, message = fields
        # The forge names the changed files with these two events only, and none for a first commit.
        files: list[str] = []
        if event in {"push", "pull_request"} and parents:
            files = _git(repo, env, "diff", "--name-only", "-z", parents.split()[0], full).split("\0")
    return Commit(
        sha=full,
        ref=ref or f"refs/heads/{branch}",
        branch=branch,
        refspec=refspec,
        message=message,
        author=author,
        email=email,
        timestamp=int(timestamp),
        files=tuple(name for name in files if name),
    )


def fill(volume: str, path: str, *, repo: Path, commit: Commit, clone: Clone, remote: str, image: str, name: str) -> None:
    """Put the working tree of the commit into the volume at `path`, as Woodpecker's clone step leaves it there.

    The tree goes in through a container of `image` that is made but never started, so that this works on an engine on another machine, too,
    and with images that hold no git.
    """
    with tempfile.TemporaryDirectory(prefix="local-cicd-clone-") as folder, _git_environment() as env:
        tree = Path(folder, path.removeprefix(f"{BASE}/"))
        tree.mkdir(parents=True)
        _git(tree, env, "init", "--quiet", "--initial-branch", commit.branch or "main")
        _git(tree, env, "remote", "add", "origin", remote)
        depth = [f"--depth={clone.depth}"] if clone.depth else []
        _git(tree, env, "fetch", "--quiet", "--tags" if clone.tags else "--no-tags", *depth, f"file://{repo.resolve()}", f"+{commit.sha}:")
        _git(tree, env, "reset", "--quiet", "--hard", commit.sha)
        _open_to_all(Path(folder))
        process.run(["docker", "create", "--name", name, "--label", "local-cicd=1", "--volume", f"{volume}:{BASE}", image, "true"])
        try:
            process.run(["docker", "cp", f"{folder}/.", f"{name}:{BASE}"])
        finally:
            process.run(["docker", "rm", "--force", "--volumes", name], check=False, cleanup=True)


def _open_to_all(folder: Path) -> None:
    # plugin-git works with umask 0, so that steps of any user may write; git looks at the x bit only.
    for parent, _folders, files in os.walk(folder):
        Path(parent).chmod(0o777)
        for name in files:
            file = Path(parent, name)
            if not file.is_symlink():
                file.chmod(file.stat().st_mode | 0o666)


@contextmanager
def _git_environment() -> Iterator[Mapping[str, str]]:
    """Yield an environment in which git reads no configuration of this machine, and repositories of other users."""
    folder = Path(tempfile.mkdtemp(prefix="local-cicd-git-"))
    config = folder / "config"
    config.write_text("[safe]\n\tdirectory = *\n", encoding="ascii")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        yield {**kept, "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    finally:
        shutil.rmtree(folder)


def _git(folder: Path, env: Mapping[str, str], *arguments: str) -> str:
    return process.run(["git", "-C", str(folder), *arguments], env=env).stdout

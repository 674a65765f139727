"""What is said of things that are left alone."""

from bootstrap.migrate.aim import Aim
from bootstrap.migrate.references import Reference
from bootstrap.migrate.text import Look


def left(file: str, line: int, found: Reference, aim: Aim) -> Look:
    """Say that a name on GHCR stays."""
    if not found.path:
        return Look(
            file=file,
            line=line,
            text=f"{found.name} alone: what is read from there can't be seen here",
            hint=f"name {aim.registry}, or drop it",
        )
    owner = found.path.partition("/")[0].lower()
    if any(prefix.path.partition("/")[0] == owner for prefix in aim.prefixes):
        hint = f"if it is built here: --from {found.name.rpartition('/')[0]}; else copy it into {aim.registry} and name it there"
        return Look(file=file, line=line, text=f"{found.name} is of {owner}, but not of {aim.project} by its name", hint=hint)
    hint = f"copy it into {aim.registry}, if deployments must not wait for GitHub"
    return Look(file=file, line=line, text=f"{found.name} is an image of others, and still comes from GHCR", hint=hint)


def pinned(file: str, line: int, name: str, digest: str) -> Look:
    """Say that an image is named by a digest."""
    return Look(
        file=file,
        line=line,
        text=f"{name} is pinned to {digest}..., which only GHCR has",
        hint="take the digest out, and let Kargo set what is deployed; or copy that image with skopeo or crane",
    )


def unbuilt_base(file: str, line: int, found: Reference) -> Look:
    """Say that an image is built on one of the project's that no Dockerfile of the repository makes."""
    hint = f"copy it to {found.target}, and name it with --from {found.name}; until then it comes from GHCR"
    return Look(file=file, line=line, text=f"builds on {found.name}, which nothing here builds", hint=hint)


def unbuilt(file: str, line: int, name: str) -> Look:
    """Say that an image is deployed that no Dockerfile of the repository makes."""
    hint = f"write where its Dockerfile lies into `images` of .woodpecker.yml, or copy the image to {name}"
    return Look(file=file, line=line, text=f"deploys {name}, which nothing here builds", hint=hint)


def login_command(file: str, line: int, aim: Aim) -> Look:
    """Say that a script logs in to GHCR."""
    asks = "asks for a login of its own" if aim.asks_for_login else "asks for no login"
    return Look(file=file, line=line, text="logs in to GHCR", hint=f"take it out; {aim.registry} {asks}")

"""An existing clone on this machine: pushed into its repository in Gitea, as far as nothing there is lost."""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bootstrap.gitea.client import Basic, Token
from bootstrap.gitea.errors import GiteaError
from bootstrap.gitea.pod import Pod
from plugin_kit import process
from plugin_kit.errors import ProcessError
from plugin_kit.redact import Redactor

_LOOK_SECONDS = 60.0
PUSH_SECONDS = 1800.0
# A command line takes 2 MiB at least; so many names are far from it.
_REFS_AT_ONCE = 500


class Relation(StrEnum):
    """How the branch of the clone stands to that of the repository."""

    NEW = "not there yet"
    SAME = "the same"
    AHEAD = "ahead"
    BEHIND = "behind"
    APART = "apart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """A clone: its branch to push with the commit at its head, the tags in its history, and its remotes."""

    folder: Path
    branch: str
    head: str
    tags: Mapping[str, str]
    remotes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What is pushed: refspecs, none of them forced. `kept` are tags that say something else there, and stay."""

    relation: Relation
    refspecs: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a repository is pushed to: the address for this machine, the one for people, and how to log in."""

    url: str
    public_url: str
    token: Basic | Token
    ca: str = ""


def look(folder: Path, branch: str) -> Clone:
    """Read a clone; raises GiteaError for what can't be pushed as a whole."""
    folder = folder.expanduser()
    setting = f"`repository.import_from` ({folder})"
    if not folder.is_dir():
        raise GiteaError(f"{setting} is not a folder", hint="name a git clone on this machine")
    if git(folder, "rev-parse", "--git-dir", check=False).returncode:
        raise GiteaError(
            f"{setting} is no git repository", hint="name the folder of a clone, or make it one: git init, git add, git commit"
        )
    branches = _refs(git(folder, "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads").stdout)
    if branch not in branches:
        there = ", ".join(sorted(branches)[:5])
        raise GiteaError(
            f"{setting} has no branch {branch}{f', but {there}' if there else ': it has no commit'}",
            hint=f"set `repository.branch` to the branch that is built, or make it: git -C {folder} branch {branch}",
        )
    if git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        raise GiteaError(
            f"{setting} is a shallow clone: its history has an end", hint=f"git -C {folder} fetch --unshallow, then run it again"
        )
    tags = _refs(
        git(folder, "for-each-ref", "--merged", f"refs/heads/{branch}", "--format=%(objectname) %(refname:lstrip=2)", "refs/tags").stdout
    )
    names = git(folder, "remote").stdout.split()
    remotes = {name: git(folder, "remote", "get-url", name).stdout.strip() for name in names}
    return Clone(folder=folder, branch=branch, head=branches[branch], tags=tags, remotes=remotes)


def there(clone: Clone, place: Place, pod: Pod) -> dict[str, str]:
    """List branches and tags of the repository by their full names."""
    with logged_in(place) as env:
        result = git(clone.folder, "ls-remote", "--refs", place.url, env=env, check=False)
    if result.returncode:
        raise failed(result.stderr, place, pod)
    return _refs(result.stdout, separator="\t")


def relate(clone: Clone, remote: str | None) -> Relation:
    """Compare the branch with the commit that it has in the repository."""
    if remote is None:
        return Relation.NEW
    if remote == clone.head:
        return Relation.SAME
    if git(clone.folder, "cat-file", "-e", f"{remote}^{{commit}}", check=False).returncode:
        return Relation.APART
    if not git(clone.folder, "merge-base", "--is-ancestor", remote, clone.head, check=False).returncode:
        return Relation.AHEAD
    behind = not git(clone.folder, "merge-base", "--is-ancestor", clone.head, remote, check=False).returncode
    return Relation.BEHIND if behind else Relation.APART


def is_behind(clone: Clone, place: Place, pod: Pod) -> bool:
    """Tell whether the repository's branch holds all of the clone's, where the clone lacks the commits to tell by itself.

    They are fetched into a folder that is thrown away: the clone is somebody's work, and is only read.
    """
    objects = git(clone.folder, "rev-parse", "--path-format=absolute", "--git-path", "objects").stdout.strip()
    with logged_in(place, hooks=False) as env, tempfile.TemporaryDirectory(prefix="bootstrap-fetch-") as folder:
        aside = Path(folder)
        git(aside, "init", "--quiet", "--bare", env=env)
        (aside / "objects/info/alternates").write_text(f"{objects}\n", encoding="utf-8")
        # So that git tells the server what need not be sent.
        git(aside, "update-ref", "refs/heads/clone", clone.head, env=env)
        wanted = f"refs/heads/{clone.branch}:refs/heads/there"
        result = git(aside, "fetch", "--quiet", "--no-tags", place.url, wanted, env=env, check=False, timeout=PUSH_SECONDS)
        if result.returncode:
            raise failed(result.stderr, place, pod)
        return not git(aside, "merge-base", "--is-ancestor", "refs/heads/clone", "refs/heads/there", env=env, check=False).returncode


def decide(clone: Clone, refs: Mapping[str, str], relation: Relation) -> Push:
    """Decide what is pushed; raises GiteaError where the repository has commits that the clone lacks."""
    branch = f"refs/heads/{clone.branch}"
    if relation is Relation.APART:
        raise GiteaError(
            f"{clone.branch} in Gitea has commits that {clone.folder} lacks ({refs[branch][:12]}); nothing is pushed over them",
            hint=f"git -C {clone.folder} pull --rebase from Gitea, look at the result, and run it again; or leave `import_from` out",
        )
    if relation is Relation.BEHIND:
        return Push(relation=relation)
    missing = [name for name in clone.tags if f"refs/tags/{name}" not in refs]
    kept = tuple(sorted(name for name, commit in clone.tags.items() if refs.get(f"refs/tags/{name}", commit) != commit))
    heads = [] if relation is Relation.SAME else [f"{branch}:{branch}"]
    return Push(relation=relation, refspecs=(*heads, *(f"refs/tags/{name}:refs/tags/{name}" for name in sorted(missing))), kept=kept)


def push(clone: Clone, plan: Push, place: Place, pod: Pod) -> None:
    """Push; the branch first, and never by force: whoever was faster is not overwritten."""
    with logged_in(place) as env:
        for start in range(0, len(plan.refspecs), _REFS_AT_ONCE):
            refspecs = plan.refspecs[start : start + _REFS_AT_ONCE]
            result = git(clone.folder, "push", "--porcelain", place.url, *refspecs, env=env, check=False, timeout=PUSH_SECONDS)
            if result.returncode:
                raise failed(f"{result.stderr}\n{result.stdout}", place, pod)


def remote_problem(clone: Clone, name: str, place: Place) -> str:
    """Say why the clone can't have this remote; empty where it can, or has it."""
    there = clone.remotes.get(name)
    return "" if there in {None, place.public_url} else f"the remote {name} of {clone.folder} leads to {_without_login(there or '')}"


def check_remote(clone: Clone, name: str, place: Place) -> None:
    """Raise GiteaError where a remote of that name leads elsewhere."""
    problem = remote_problem(clone, name, place)
    if problem:
        raise GiteaError(problem, hint=f"git -C {clone.folder} remote rename {name} old-{name}, or take another name: `repository.remote`")


def add_remote(clone: Clone, name: str, place: Place) -> None:
    """Give the clone its new remote; raises GiteaError where one of that name leads elsewhere."""
    check_remote(clone, name, place)
    if name not in clone.remotes:
        git(clone.folder, "remote", "add", name, place.public_url)


def git(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, check: bool = True, timeout: float = _LOOK_SECONDS
) -> process.Result:
    """Run git in a folder."""
    try:
        # Messages are read, and a program that asks would wait for ever.
        quiet = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": ""}
        return process.run(["git", "-C", str(folder), *arguments], env={**(env or _environment()), **quiet}, check=check, timeout=timeout)
    except ProcessError as error:
        missing = "not installed" in error.message
        hint = "install git on this machine: it clones and pushes for this command" if missing else error.hint
        raise GiteaError(f"git {arguments[0]} in {folder}: {error.message}", details=error.details, hint=hint) from error


@contextlib.contextmanager
def logged_in(place: Place, *, hooks: bool = True) -> Iterator[dict[str, str]]:
    """Give the environment that logs git in at this place and nowhere else: not in argv, not in the clone's configuration.

    `hooks=False` is for folders that are thrown away: a person's own hooks, which may be set for all repositories, are about other work.
    """
    with tempfile.TemporaryDirectory(prefix="bootstrap-git-") as folder:
        settings = {f"http.{place.url}.extraHeader": f"Authorization: {place.token.header()}", "credential.helper": ""}
        if not hooks:
            settings["core.hooksPath"] = os.devnull
        env = _environment()
        if place.ca:
            bundle = Path(folder) / "ca.pem"
            bundle.write_text(_known_cas() + place.ca, encoding="utf-8")
            # Stands above http.sslCAInfo, and may be set already.
            env["GIT_SSL_CAINFO"] = str(bundle)
        count = int(env.get("GIT_CONFIG_COUNT") or 0)
        for number, (key, value) in enumerate(settings.items(), start=count):
            env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        yield {**env, "GIT_CONFIG_COUNT": str(count + len(settings))}


def _environment() -> dict[str, str]:
    """Leave out what git tells a hook: which repository it is about."""
    return {name: value for name, value in os.environ.items() if name not in {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}}


def _known_cas() -> str:
    """Read the CAs that git trusts by itself: those that it is given stand in their place."""
    file = os.environ.get("GIT_SSL_CAINFO") or ssl.get_default_verify_paths().cafile
    return f"{Path(file).read_text(encoding='utf-8')}\n" if file and Path(file).is_file() else ""


def _refs(text: str, separator: str = " ") -> dict[str, str]:
    pairs = (line.split(separator, 1) for line in text.splitlines() if separator in line)
    return {name: commit for commit, name in pairs}


def _without_login(url: str) -> str:
    scheme, slashes, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if slashes else url


def failed(said: str, place: Place, pod: Pod) -> GiteaError:
    """Explain what git has said of a place."""
    text = said.lower()
    # GIT_TRACE_CURL prints headers.
    secret = place.token.value if isinstance(place.token, Token) else place.token.password
    shown = Redactor([secret, place.token.header().partition(" ")[2]]).text(said)
    details = tuple(line.strip() for line in shown.splitlines() if line.strip())[-5:]
    reasons: Sequence[tuple[tuple[str, ...], str, str]] = (
        (("non-fast-forward", "fetch first", "stale info"), "somebody has pushed to it in the meantime", "run it again: it compares anew"),
        (
            ("protected branch", "pre-receive hook declined", "gitea: not allowed"),
            "a branch protection does not let it in",
            f"let {place.token.user} push (repository settings, Branches), or push by hand",
        ),
        (
            ("authentication failed", "returned error: 401", "returned error: 403", "could not read username"),
            f"Gitea does not take the login of {place.token.user}",
            "`gitea.admin.password` must lead to the password of that user, who needs the right to push there",
        ),
        (
            ("certificate", "ssl"),
            "Gitea's certificate was signed by a CA that this machine does not know",
            "put the CA's certificate into `ca` of platform.yaml",
        ),
        (
            ("is this a git repository",),
            "something else than Gitea answers there",
            "see whether a proxy or a login page stands in front of Gitea, and whether `gitea.endpoint.bootstrap_url` is right",
        ),
        (
            ("returned error: 413",),
            "a proxy takes no uploads of this size",
            "raise the body limit of the ingress in front of Gitea, or push by SSH",
        ),
        (
            ("not found", "returned error: 404"),
            "there is no such repository",
            "see that `repository.owner` and `repository.name` are right",
        ),
        (
            ("could not resolve", "failed to connect", "couldn't connect", "connection refused"),
            "Gitea can't be reached",
            "see that its pod is ready, or set `gitea.endpoint.bootstrap_url`",
        ),
    )
    for signs, message, hint in reasons:
        if any(sign in text for sign in signs):
            return GiteaError(f"the push to {place.public_url} failed: {message}", details=details, hint=hint)
    return GiteaError(f"the push to {place.public_url} failed", details=details, hint=f"Gitea's log may say more: {pod.log()}")

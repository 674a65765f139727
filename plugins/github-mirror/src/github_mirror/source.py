"""Where the history comes from: a bare clone of the forge, or the workspace of the pipeline; never one that is cut off."""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from github_mirror import forge
from github_mirror.cache import Cache
from github_mirror.errors import DeadlineOver, GitFailed, HostKeyError, SourceError, SshKeyError
from github_mirror.forge import COMPLETE_CLONE, Forge
from github_mirror.git import Deadline, Git, make_bare, minimal_environment
from github_mirror.refs import BRANCHES, TAGS, Listing
from github_mirror.workspace import Workspace
from plugin_kit.ci import CI
from plugin_kit.console import Console
from plugin_kit.errors import PluginError

if TYPE_CHECKING:
    from github_mirror.settings import Settings

_WHOLE = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_SHA256_DIGITS = 64
# Longer than this nobody waits for another run that fills the cache; a fetch of one's own is quicker then.
_CACHE_PATIENCE = 60.0
_GC_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A bare repository with all objects of the listed refs; its git holds no secret and knows no remote."""

    git: Git
    listing: Listing
    complete: bool
    """Whether every branch and tag of the forge is listed, without which nothing may be deleted."""

    head: str
    """The commit of this pipeline."""

    label: str
    tip: str | None = None
    """What the ref of this pipeline is at the forge by now; None where that is not known."""

    gone: bool = False
    """Whether the branch of this pipeline has been deleted at the forge."""

    origin: Git | None = None
    """A git in the same repository that can read from `url`, for objects of LFS."""

    url: str | None = None
    cache: Cache | None = None

    def discard_cache(self) -> None:
        """Have the next run clone anew; for whoever finds an object missing or damaged."""
        if self.cache:
            self.cache.discard()


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRef:
    """The ref that this pipeline is about, and the commit that has passed."""

    name: str
    sha: str

    @classmethod
    def of(cls, ci: CI) -> "PipelineRef":
        """Tell it from the pipeline's metadata; raises SourceError where there is none."""
        if ci.event.is_pull_request:
            raise SourceError(
                "a pull request has no ref of its own that could be mirrored",
                hint="leave the step out for pull requests (`when: {event: [push, tag, manual, cron]}`), or set `refs`",
            )
        if not ci.sha:
            raise SourceError("the commit of this pipeline is not known", hint=f"{ci.workspace} is no git checkout; or set `refs`")
        if ci.tag:
            return cls(name=f"{TAGS}{ci.tag}", sha=ci.sha)
        if ci.branch:
            return cls(name=f"{BRANCHES}{ci.branch}", sha=ci.sha)
        if ci.ref and ci.ref.startswith((BRANCHES, TAGS)):
            return cls(name=ci.ref, sha=ci.sha)
        raise SourceError(
            "the commit of this pipeline is on no branch that is known", hint="set `refs` to the branches that are to be mirrored"
        )


@contextmanager
def open_source(settings: "Settings", ci: CI, deadline: Deadline, console: Console) -> Iterator[Source]:
    """Get the history that is to be mirrored; raises SourceError when it can't be had whole."""
    ref = None if settings.refs else PipelineRef.of(ci)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="source-", ignore_cleanup_errors=True)))
        opening = _Opening(settings=settings, ci=ci, deadline=deadline, console=console, ref=ref, folder=folder, stack=stack)
        source = opening.source()
        yield source
        _tidy(source)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    settings: "Settings"
    ci: CI
    deadline: Deadline
    console: Console
    ref: PipelineRef | None
    folder: Path
    stack: contextlib.ExitStack

    def source(self) -> Source:
        wanted = self.settings.source.strip()
        workspace = Workspace.at(self.ci.workspace)
        if wanted == "workspace":
            return self._of_workspace(workspace)
        url = self._address(workspace) if wanted in {"auto", "forge"} else wanted
        if url is None and wanted == "auto":
            return self._of_workspace(workspace)
        if url is None:
            raise SourceError("the address of the forge is not known", hint="run the step in Woodpecker, or set `source` to a URL")
        try:
            return self._of_forge(url)
        except (SourceError, HostKeyError) as error:
            if wanted != "auto":
                raise
            return self._instead(workspace, error)

    def _address(self, workspace: Workspace | None) -> str | None:
        """Give the address of the forge; by ssh only where there is a key for it."""
        if self.settings.source_ssh_key and self.ci.clone_ssh_url:
            return self.ci.clone_ssh_url
        return self.ci.clone_url or (workspace.origin(self._plain(self.folder)) if workspace else None)

    def _instead(self, workspace: Workspace | None, reason: PluginError) -> Source:
        if workspace is None or workspace.lacks(self._plain(self.folder)):
            lack = f"the workspace is {workspace.lacks(self._plain(self.folder))}" if workspace else "there is no workspace"
            raise SourceError(
                f"{reason.message}, and {lack}, so there is no whole history to mirror",
                details=reason.details,
                hint=f"{reason.hint}; or {COMPLETE_CLONE}",
            ) from reason
        self.console.warn(f"{reason.message}; mirroring from the workspace instead", reason.hint)
        return self._of_workspace(workspace)

    def _of_workspace(self, workspace: Workspace | None) -> Source:
        if workspace is None:
            raise SourceError(f"{self.ci.workspace} is no git checkout", hint="set `source: forge`, or run the step where the clone is")
        lack = workspace.lacks(self._plain(self.folder))
        if lack is None:
            return self._borrowed(workspace)
        url = self._address(workspace)
        if url is None:
            raise SourceError(f"the workspace is {lack}, and it has no origin to complete it from", hint=COMPLETE_CLONE)
        try:
            self.console.detail(f"the workspace is {lack}: fetching the rest from {url}")
            return self._of_forge(url)
        except (SourceError, HostKeyError, SshKeyError) as error:
            hint = f"{error.hint}; or {COMPLETE_CLONE}" if error.hint else COMPLETE_CLONE
            raise SourceError(
                f"the workspace is {lack} and can't be completed: {error.message}", details=error.details, hint=hint
            ) from error

    def _borrowed(self, workspace: Workspace) -> Source:
        git = self._bare(self.folder / "repository.git")
        workspace.lend_to(git)
        refs = workspace.refs(git)
        if self.ref:
            refs = {self.ref.name: self._in_workspace(self.ref, refs)} | (_tags(refs) if self.settings.followtags else {})
        try:
            git.run("update-ref", "--stdin", input="".join(f"create {name} {value}\n" for name, value in refs.items()))
            # Walks commits only, which is where a history that was cut off ends; some clones say nowhere that they were.
            git.run("rev-list", "--count", "--all")
        except GitFailed as error:
            raise SourceError("the workspace does not have the whole history", details=error.details, hint=COMPLETE_CLONE) from error
        source = self._source(git, complete=False, label="the workspace", names=refs)
        url = self._address(workspace)
        if url is None:
            return source
        with contextlib.suppress(SourceError, HostKeyError, SshKeyError):
            # Only objects of LFS may still be missing; who has none needs no way to the forge.
            way = self.stack.enter_context(forge.access(url, self.settings, self.ci, self.folder))
            return replace(source, url=way.url, origin=way.enabled(git))
        return source

    def _in_workspace(self, ref: PipelineRef, refs: Mapping[str, str]) -> str:
        if not ref.name.startswith(TAGS):
            return ref.sha
        if ref.name not in refs:
            raise SourceError(f"the workspace has the commit of {ref.name}, but not the tag itself", hint=COMPLETE_CLONE)
        return refs[ref.name]

    def _of_forge(self, url: str) -> Source:
        if url.startswith("-"):
            raise SourceError("the address of the source begins with a dash")
        way = self.stack.enter_context(forge.access(url, self.settings, self.ci, self.folder))
        if self.settings.cache_dir:
            cache = Cache.of(self.ci.workspace / self.settings.cache_dir, url)
            source = self._kept(cache, way)
            if source:
                return source
        return self._anew(self.folder / "repository.git", way)

    def _kept(self, cache: Cache, way: Forge) -> Source | None:
        """Bring the clone in the cache up to date; None where it can't be used, which is a loss of time and nothing else."""
        try:
            with cache.locked(min(_CACHE_PATIENCE, self.deadline.left() / 2)) as mine:
                if mine:
                    return replace(self._renewed(cache, way), cache=cache)
                reason = "other runs have been at it for long"
        except OSError as error:
            reason = error.strerror or str(error)
        self.console.warn(f"the clone in `cache_dir` can't be used ({reason}); everything is fetched anew")
        return None

    def _renewed(self, cache: Cache, way: Forge) -> Source:
        if cache.folder.exists():
            try:
                return self._fetched(self._plain(cache.folder), way)
            except GitFailed as error:
                self.console.warn(f"the clone in `cache_dir` is broken and is made anew: {(*error.details, error.message)[0]}")
                cache.discard()
        return self._anew(cache.folder, way)

    def _anew(self, folder: Path, way: Forge) -> Source:
        try:
            return self._fetched(self._bare(folder), way)
        except GitFailed as error:
            raise SourceError(f"{way.label} can't be read", details=error.details) from error

    def _fetched(self, git: Git, way: Forge) -> Source:
        """Fetch in one go what is needed, and with its whole history; raises GitFailed for what the forge can't be blamed for."""
        reading = replace(way.enabled(git), secrets=way.secrets)
        try:
            gone = not self._fetch(reading, way.url)
        except GitFailed as error:
            explained = way.explain(error)
            if explained is None:
                raise
            raise explained from error
        source = self._source(git, complete=self.ref is None, label=way.label, names=None)
        tip = git.run("rev-parse", "--verify", _kept_as(self.ref.name)).stdout.strip() if self.ref and not gone else None
        return replace(source, url=way.url, origin=reading, tip=tip, gone=gone)

    def _fetch(self, git: Git, url: str) -> bool:
        """Fetch; False when the branch of this pipeline is not there any more."""
        if self.ref is None:
            _fetch(git, url, _WHOLE, "--prune")
            return True
        tags = _WHOLE[1:] if self.settings.followtags else ()
        if self.ref.name.startswith(TAGS):
            _fetch(git, url, (f"+{self.ref.name}:{_kept_as(self.ref.name)}", *tags))
            return True
        # The tip as well as this pipeline's commit: what the mirror has may be newer than this commit without having diverged.
        commit = f"+{self.ref.sha}:{_kept_as(self.ref.name)}-passed"
        try:
            _fetch(git, url, (f"+{self.ref.name}:{_kept_as(self.ref.name)}", commit, *tags))
        except GitFailed as error:
            if "find remote ref" not in error.text:
                raise
            # The branch is gone, as after a merge; its commit may still be there.
            _fetch(git, url, (commit, *tags))
            return False
        return True

    def _source(self, git: Git, *, complete: bool, label: str, names: Mapping[str, str] | None) -> Source:
        listing = _listing(git, f"{BRANCHES}{self.ci.default_branch}" if self.ci.default_branch else None)
        if self.ref and names is None:
            refs = {self.ref.name: self._passed(git, self.ref)}
            followed = _tags(listing.refs) if self.settings.followtags else {}
            peeled = {self.ref.name: self.ref.sha} if self.ref.name.startswith(TAGS) and refs[self.ref.name] != self.ref.sha else {}
            listing = replace(listing, refs={**followed, **refs}, peeled={**_within(listing.peeled, followed), **peeled})
        return Source(git=git, listing=listing, complete=complete, head=self.ci.sha or "", label=label)

    def _passed(self, git: Git, ref: PipelineRef) -> str:
        """Give the object of the ref, if it still is about the commit that has passed."""
        if not ref.name.startswith(TAGS):
            return ref.sha
        value = git.run("rev-parse", "--verify", _kept_as(ref.name)).stdout.strip()
        commit = git.run("rev-parse", "--verify", f"{value}^{{}}").stdout.strip()
        if commit != ref.sha:
            raise SourceError(
                f"the tag {ref.name.removeprefix(TAGS)} was moved: it is on {commit[:12]}, and this pipeline is about {ref.sha[:12]}",
                hint="the pipeline of the moved tag mirrors it",
            )
        return value

    def _bare(self, folder: Path) -> Git:
        return make_bare(
            folder,
            self.deadline,
            minimal_environment(self.folder),
            branch=self.ci.default_branch or "main",
            sha256=len(self.ci.sha or "") == _SHA256_DIGITS,
        )

    def _plain(self, folder: Path) -> Git:
        return Git(folder=folder, deadline=self.deadline, environment=minimal_environment(self.folder))


def _fetch(git: Git, url: str, refspecs: Sequence[str], *options: str) -> None:
    said = git.run(
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
        *options,
        url,
        *refspecs,
    )
    # git counts it as a success, and the listing would be empty: a reason to delete everything at the mirror.
    if "shallow roots are not allowed to be updated" in said.stderr:
        raise SourceError(f"{url} is shallow itself, so it has no whole history", hint="mirror from a complete repository")


def _listing(git: Git, head: str | None) -> Listing:
    """List the branches and tags; show-ref fails when an object is missing, which makes it a first look at the repository's health."""
    lines: list[str] = []
    result = git.run(
        "show-ref",
        "--heads",
        "--tags",
        "--dereference",
        check=False,
        on_line=lambda stream, line: lines.append(line) if stream == "stdout" else None,
    )
    if result.stderr.strip() or result.returncode > 1:
        # 1 is what it says of a repository without branches and tags.
        raise GitFailed("show-ref", result)
    return replace(Listing.parse(line.replace(" ", "\t", 1) for line in lines), head=head)


def _kept_as(name: str) -> str:
    """Name the ref that keeps objects in the cache; a digest, so that `a` and `a/b` of different days don't get in each other's way."""
    return f"refs/pipeline/{hashlib.sha256(name.encode()).hexdigest()[:20]}"


def _tags(refs: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in refs.items() if name.startswith(TAGS)}


def _within(values: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name in names}


def _tidy(source: Source) -> None:
    """Pack what many small fetches have left in the cache, in the time that is left."""
    if source.cache is None or not source.cache.folder.is_dir():
        return
    with contextlib.suppress(GitFailed, DeadlineOver, OSError), source.cache.locked(0) as mine:
        if mine:
            git = source.git.using(config={"gc.auto": "6700", "gc.autoDetach": "false"})
            git.run("gc", "--auto", "--quiet", timeout=_GC_SECONDS)

"""Objects of Git LFS on their way from the forge to the mirror, with the real git-lfs and a small server on either side."""

import hashlib
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from github_mirror import host_keys, keys, lfs
from github_mirror.errors import LfsError
from github_mirror.far import Far
from github_mirror.git import Deadline, make_bare, minimal_environment
from github_mirror.pieces import Refspec
from github_mirror.remote import Remote
from github_mirror.source import Source, open_source
from github_mirror.ssh import Ssh
from plugin_kit.console import Console
from tests.github_mirror.conftest import KeyPair
from tests.support.git_forge import Forge
from tests.support.histories import bare, commit, git, repository
from tests.support.lfs_server import LfsServer, lfs_server
from tests.support.local_mirror import git_in
from tests.support.sources import empty, netrc, pipeline, rev, settings
from tests.support.ssh_server import SshServer, ssh_server

NEEDS_GIT_LFS = pytest.mark.skipif(not shutil.which("git-lfs"), reason="git-lfs is not installed on this machine")
MIRROR_TOKEN = "RemoteAuth one-time-token"


@dataclass(kw_only=True)
class Scene:
    """A forge with LFS, a workspace, and a mirror with LFS."""

    upstream: Path
    workspace: Path
    forge: Forge
    source_objects: LfsServer
    mirror: SshServer
    mirror_objects: LfsServer
    key: KeyPair
    tmp_path: Path

    def add(self, path: str, content: bytes, *, at_source: bool = True) -> str:
        """Commit a pointer, as `git add` with LFS makes it; gives the id of its object."""
        oid = hashlib.sha256(content).hexdigest()
        commit(self.upstream, path, f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n")
        if at_source:
            self.source_objects.objects[oid] = content
        return oid

    def send(self, *, there: frozenset[str] = frozenset(), **given: Any) -> str:  # noqa: ANN401  as the settings take them
        """Send what the branch main needs; gives the log."""
        log = io.StringIO()
        ci = pipeline(self.workspace, rev(self.upstream), clone_url=self.forge.url("shop.git"), netrc=netrc())
        chosen = settings(known_hosts=self.mirror.known_hosts, **given)
        deadline = Deadline(60)
        with open_source(chosen, ci, deadline, Console(log)) as source, self._far(source) as far:
            refspecs = [Refspec(ref=name, oid=oid) for name, oid in source.listing.refs.items()]
            lfs.Objects(source=source, far=far, settings=chosen, console=Console(log), there=there).send(refspecs)
        return log.getvalue()

    @contextmanager
    def _far(self, source: Source) -> Iterator[Far]:
        remote = Remote.parse(self.mirror.url("mirror.git"))
        known = host_keys.known_hosts(self.mirror.known_hosts, [remote], self.workspace)
        with Ssh(key=keys.repair(self.key.private), known_hosts=known) as ssh:
            yield Far(remote=remote, git=source.git.using(ssh.environment()))


@pytest.fixture
def scene(tmp_path: Path, upstream: Path, forge: Forge, deploy_key: KeyPair) -> Iterator[Scene]:
    """Make a repository that gives its images to LFS."""
    commit(upstream, ".gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n")
    bare(tmp_path / "home/mirror.git")
    forge.lfs = LfsServer()
    with ssh_server(tmp_path / "home", deploy_key.public) as mirror, lfs_server(MIRROR_TOKEN) as objects:
        mirror.lfs = objects
        yield Scene(
            upstream=upstream,
            workspace=empty(tmp_path),
            forge=forge,
            source_objects=forge.lfs,
            mirror=mirror,
            mirror_objects=objects,
            key=deploy_key,
            tmp_path=tmp_path,
        )


@NEEDS_GIT_LFS
def test_objects_go_from_the_forge_to_the_mirror(scene: Scene) -> None:
    """All that the history refers to, by ssh and the token that it gives."""
    oids = [scene.add("a.png", b"one"), scene.add("a.png", b"two" * 1000), scene.add("pics/b c.png", b"three")]
    log = scene.send()
    assert sorted(scene.mirror_objects.uploaded) == sorted(oids)
    assert scene.mirror_objects.objects == scene.source_objects.objects
    assert "Git LFS: 3 objects for" in log
    assert scene.mirror.connections == 1


@NEEDS_GIT_LFS
def test_only_what_new_commits_need_is_fetched_and_sent(scene: Scene) -> None:
    """An old object is neither read from the forge nor asked for at the mirror."""
    scene.add("a.png", b"old")
    there = frozenset({rev(scene.upstream)})
    new = scene.add("b.png", b"new")
    scene.send(there=there)
    assert scene.source_objects.downloaded == [new]
    assert scene.mirror_objects.uploaded == [new]


@NEEDS_GIT_LFS
def test_what_the_mirror_has_is_not_sent_again(scene: Scene) -> None:
    """Its server says so."""
    oid = scene.add("a.png", b"one")
    scene.mirror_objects.objects[oid] = b"one"
    scene.send()
    assert scene.mirror_objects.uploaded == []


@NEEDS_GIT_LFS
def test_a_missing_object_is_named(scene: Scene) -> None:
    """With its path, before any ref is sent and before any other object is."""
    scene.add("a.png", b"here")
    oid = scene.add("pics/lost.png", b"lost", at_source=False)
    with pytest.raises(LfsError, match="a Git LFS object is missing at") as caught:
        scene.send()
    assert caught.value.details[0] == f"pics/lost.png: {oid} (4 bytes)"
    assert "git lfs push --all" in str(caught.value.hint)
    assert scene.mirror_objects.uploaded == []


@NEEDS_GIT_LFS
def test_an_lfsconfig_does_not_lead_astray(scene: Scene) -> None:
    """It names the server of those who work in the repository, which is no place for the mirror's objects."""
    with lfs_server() as elsewhere:
        commit(scene.upstream, ".lfsconfig", f"[lfs]\n\turl = {elsewhere.url}\n\tpushurl = {elsewhere.url}\n")
        oid = scene.add("a.png", b"one", at_source=False)
        elsewhere.objects[oid] = b"one"
        scene.send()
        assert elsewhere.downloaded == [oid]
        assert elsewhere.uploaded == []
    assert scene.mirror_objects.uploaded == [oid]


@NEEDS_GIT_LFS
def test_the_cache_keeps_objects(scene: Scene) -> None:
    """A second run fetches none of them again."""
    scene.add("a.png", b"one")
    for _ in range(2):
        scene.send(cache_dir=str(scene.tmp_path / "cache"))
    assert len(scene.source_objects.downloaded) == 1


@NEEDS_GIT_LFS
def test_objects_of_the_workspace_are_borrowed(scene: Scene) -> None:
    """Where the clone step fetched them, nothing is read twice."""
    oid = scene.add("a.png", b"one", at_source=False)
    shutil.rmtree(scene.workspace)
    git(scene.tmp_path, "clone", "--quiet", f"file://{scene.upstream}", str(scene.workspace))
    place = scene.workspace / f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"one")
    scene.send(source="workspace")
    assert scene.mirror_objects.uploaded == [oid]
    assert scene.source_objects.batches == 0


@NEEDS_GIT_LFS
def test_a_mirror_that_refuses_is_explained(scene: Scene) -> None:
    """In the words of the settings."""
    scene.add("a.png", b"one")
    scene.mirror_objects.token = "RemoteAuth another"
    scene.mirror.complaint = "ERROR: The key you are authenticating with has been marked as read only."
    with pytest.raises(LfsError, match="the deploy key may only read"):
        scene.send()


@pytest.mark.parametrize("mode", ["auto", "false"])
def test_a_repository_without_lfs_costs_nothing(scene: Scene, mode: str) -> None:
    """Nor does one whose objects are left out on purpose."""
    if mode == "auto":
        git(scene.upstream, "checkout", "--quiet", "--orphan", "fresh")
        git(scene.upstream, "branch", "--quiet", "--delete", "--force", "main")
        git(scene.upstream, "checkout", "--quiet", "--orphan", "main")
        git(scene.upstream, "rm", "--quiet", "-r", "--force", ".")
        commit(scene.upstream, "README", "no images\n")
    else:
        scene.add("a.png", b"one")
    assert scene.send(lfs=mode) == ""
    assert scene.mirror.commands == []


def test_lfs_that_the_history_has_left_behind_is_still_found(scene: Scene) -> None:
    """GitHub asks for the objects of every commit that is sent."""
    oid = scene.add("a.png", b"one")
    (scene.upstream / ".gitattributes").unlink()
    (scene.upstream / "a.png").unlink()
    commit(scene.upstream, "README", "no images any more\n")
    looking = make_bare(scene.tmp_path / "look.git", Deadline(60), minimal_environment(scene.tmp_path))
    looking.run("fetch", "--quiet", str(scene.upstream), "+refs/heads/main:refs/heads/main")
    assert lfs.uses_lfs(looking, [rev(scene.upstream)], [])
    assert [pointer.oid for pointer in lfs.pointers(looking, [rev(scene.upstream)], [])] == [oid]
    assert not lfs.uses_lfs(looking, [rev(scene.upstream)], [rev(scene.upstream, "HEAD~1"), "1" * 40])


def test_lfs_in_a_folder_and_on_a_branch_that_was_merged_is_found(tmp_path: Path) -> None:
    """Whether it is new or was there before; of what a whole history has left behind, folders are not looked into."""
    work = repository(tmp_path / "work", commits=2)
    base = rev(work)
    git(work, "switch", "--quiet", "--create", "side")
    commit(work, ".gitattributes", "*.png filter=lfs\n")
    (work / ".gitattributes").unlink()
    commit(work, "side", "no images any more\n")
    git(work, "switch", "--quiet", "main")
    git(work, "merge", "--quiet", "--no-ff", "--message", "merge", "side")
    merged = rev(work)
    nested = commit(work, "art/.gitattributes", "*.png filter=lfs\n")
    (work / "art/.gitattributes").unlink()
    gone = commit(work, "art/README", "no images any more\n")
    looking = git_in(work / ".git", tmp_path)
    assert not lfs.uses_lfs(looking, [base], [])
    assert lfs.uses_lfs(looking, [merged], [])
    assert lfs.uses_lfs(looking, [merged], [base])
    assert lfs.uses_lfs(looking, [nested], [merged])
    assert lfs.uses_lfs(looking, [gone], [merged])
    assert not lfs.uses_lfs(looking, [gone], [nested])
    git(work, "switch", "--quiet", "--create", "alone", base)
    alone = commit(work, "art/.gitattributes", "*.png filter=lfs\n")
    assert lfs.uses_lfs(looking, [alone], [])
    assert lfs.uses_lfs(looking, [base] * 5 + [alone], [])


def test_without_git_lfs_the_program_is_asked_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clear error instead of commits whose objects are nowhere."""
    programs = scene.tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "ssh", "sh", "git-upload-pack"):
        (programs / name).symlink_to(str(shutil.which(name)))
    scene.add("a.png", b"one")
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(LfsError, match="the program git-lfs is not installed") as caught:
        scene.send()
    assert "`lfs: false`" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n", True),
        (f"version https://hawser.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n", True),
        (f"version https://git-lfs.github.com/spec/v1\next-0-foo sha256:{'b' * 64}\noid sha256:{'a' * 64}\nsize 12\n", True),
        (f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12", True),
        (f"see below\nversion https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n", False),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n", False),
        (f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize big\n", False),
        (f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n{'x' * 2000}", False),
        ("", False),
    ],
)
def test_pointers_are_told_from_other_small_files(tmp_path: Path, text: str, found: bool) -> None:
    """As git-lfs itself reads them."""
    work = repository(tmp_path / "work", commits=1)
    commit(work, "a.png", text)
    commit(work, "b.txt", "small\n")
    looking = make_bare(tmp_path / "look.git", Deadline(60), minimal_environment(tmp_path))
    looking.run("fetch", "--quiet", str(work), "+refs/heads/main:refs/heads/main")
    pointers = lfs.pointers(looking, [rev(work)], [])
    assert [(pointer.oid, pointer.size, pointer.path) for pointer in pointers] == ([("a" * 64, 12, "a.png")] if found else [])

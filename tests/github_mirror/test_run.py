import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from github_mirror import report
from github_mirror.__main__ import PLUGIN
from plugin_kit.cli import main
from tests.github_mirror.conftest import KeyPair
from tests.support.commit_graph import refs_of
from tests.support.histories import bare, commit, git, repository, woodpecker_clone
from tests.support.ssh_server import SshServer, listening, ssh_server

MAIN, DEV, V1 = "refs/heads/main", "refs/heads/dev", "refs/tags/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A forge with main, dev and a tag, an ssh server with an empty mirror, and a pipeline."""

    forge: Path
    server: SshServer
    key: KeyPair
    workspace: Path
    capture: pytest.CaptureFixture[str]

    @property
    def mirror(self) -> Path:
        """The mirror's folder."""
        return self.server.home / "mirror.git"

    def sha(self, name: str = "main") -> str:
        """Give what a ref of the forge is on."""
        return git(self.forge, "rev-parse", name)

    def run(
        self, *argv: str, ci: Mapping[str, str] | None = None, values: Mapping[str, str] | None = None, **settings: str
    ) -> tuple[int, str]:
        """Run a step, by default for a push of main; gives the exit code and the log, its lines joined."""
        needed = {"REMOTE": self.server.url("mirror.git"), "SSH_KEY": self.key.private, "KNOWN_HOSTS": self.server.known_hosts}
        given = {**needed, **settings, **(values or {})}
        environ = {
            "CI": "woodpecker",
            "CI_WORKSPACE": str(self.workspace),
            "CI_REPO_CLONE_URL": str(self.forge),
            "CI_REPO_DEFAULT_BRANCH": "main",
            "CI_PIPELINE_EVENT": "push",
            "CI_COMMIT_SHA": self.sha(),
            "CI_COMMIT_REF": MAIN,
            "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_TIMESTAMP": "1700000000",
            **(ci or {}),
            **{f"PLUGIN_{name}": value for name, value in given.items()},
        }
        code = main(PLUGIN, argv, {name: value for name, value in environ.items() if value})
        log = self.capture.readouterr().out
        assert not any(line in log for line in self.key.private.splitlines() if line)
        return code, " ".join(log.split())


@pytest.fixture
def project(tmp_path: Path, deploy_key: KeyPair, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Make it, and check that a run leaves no file behind."""
    forge = repository(tmp_path / "forge", commits=3)
    git(forge, "branch", "dev", "main~1")
    git(forge, "tag", "--annotate", "--message", "v1", "v1", "main~1")
    bare(tmp_path / "far" / "mirror.git")
    temporary = Path(tempfile.mkdtemp(prefix="t"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (tmp_path / "workspace").mkdir()
    with ssh_server(tmp_path / "far", deploy_key.public) as server:
        yield Project(forge=forge, server=server, key=deploy_key, workspace=tmp_path / "workspace", capture=capsys)
    assert list(temporary.iterdir()) == []
    temporary.rmdir()


def test_the_branch_of_this_pipeline_is_mirrored_and_nothing_else(project: Project) -> None:
    """By one connection for listing and push; the table and the key's fingerprint are in the log."""
    code, log = project.run()
    assert code == 0, log
    assert refs_of(project.mirror) == {MAIN: project.sha()}
    assert f"main created -> {project.sha()[:10]}" in log
    assert "deploy key: SHA256:" in log
    assert project.server.connections == 1


def test_a_second_run_has_nothing_to_do(project: Project) -> None:
    """A rerun is a success, and pushes nothing."""
    project.run()
    project.server.commands.clear()
    code, log = project.run()
    assert (code, "1 unchanged" in log) == (0, True)
    assert not any("receive-pack" in command for command in project.server.commands)


def test_an_older_run_that_ends_later_leaves_the_newer_commit(project: Project) -> None:
    """The mirror has got further meanwhile."""
    project.run()
    code, log = project.run(ci={"CI_COMMIT_SHA": project.sha("main~2")}, ON_DIVERGENCE="overwrite")
    assert code == 0
    assert "the far side is newer" in log
    assert refs_of(project.mirror) == {MAIN: project.sha()}


def test_an_older_run_does_not_put_back_what_was_rewritten(project: Project) -> None:
    """Not even with `overwrite`, and not on a mirror that has nothing yet."""
    old = project.sha()
    git(project.forge, "reset", "--quiet", "--hard", "main~1")
    commit(project.forge)
    git(project.forge, "branch", "keeps-the-old-commit", old)
    code, log = project.run(ci={"CI_COMMIT_SHA": old}, ON_DIVERGENCE="overwrite")
    assert code == 0
    assert "rewritten at the source" in log
    assert refs_of(project.mirror) == {}


def test_the_tag_of_this_pipeline_is_mirrored(project: Project) -> None:
    """The annotated tag itself; a tag event has no branch."""
    ci = {"CI_PIPELINE_EVENT": "tag", "CI_COMMIT_REF": V1, "CI_COMMIT_TAG": "v1", "CI_COMMIT_BRANCH": ""}
    code, log = project.run(ci={**ci, "CI_COMMIT_SHA": project.sha("v1^{}")})
    assert code == 0, log
    assert refs_of(project.mirror) == {V1: project.sha("v1")}


def test_followtags_brings_the_annotated_tags_on_what_is_sent(project: Project) -> None:
    """Neither lightweight ones, nor those on commits that were not sent."""
    git(project.forge, "tag", "light", "main")
    git(project.forge, "checkout", "--quiet", "dev")
    commit(project.forge)
    git(project.forge, "tag", "--annotate", "--message", "x", "elsewhere")
    git(project.forge, "checkout", "--quiet", "main")
    code, log = project.run(FOLLOWTAGS="true")
    assert code == 0, log
    assert refs_of(project.mirror) == {MAIN: project.sha(), V1: project.sha("v1")}


def test_the_whole_repository(project: Project) -> None:
    """All branches and tags that the patterns leave, none of the forge's pull requests."""
    git(project.forge, "update-ref", "refs/pull/1/head", "main")
    git(project.forge, "branch", "wip/x")
    code, log = project.run(REFS="heads/*,tags/*", EXCLUDE="heads/wip/*")
    assert code == 0, log
    assert refs_of(project.mirror) == {MAIN: project.sha(), DEV: project.sha("dev"), V1: project.sha("v1")}


def test_prune_deletes_what_the_source_has_not(project: Project) -> None:
    """Within the patterns, and nothing else."""
    project.run(REFS="heads/*,tags/*")
    git(project.forge, "branch", "--delete", "--force", "dev")
    git(project.forge, "tag", "--delete", "v1")
    code, log = project.run(REFS="heads/*", PRUNE="true")
    assert code == 0, log
    assert refs_of(project.mirror) == {MAIN: project.sha(), V1: git(project.mirror, "rev-parse", "v1")}


def test_push_mirror_would_have_deleted_what_this_plugin_keeps(project: Project, tmp_path: Path) -> None:
    """`git push --mirror` from Woodpecker's clone, made whole, leaves one branch; the plugin in its place leaves the rest alone."""
    project.run(REFS="heads/*,tags/*")
    commit(project.forge)
    clone = woodpecker_clone(tmp_path / "src", f"file://{project.forge}", project.sha())
    before = refs_of(project.mirror)
    victim = bare(tmp_path / "victim.git")
    git(project.mirror, "push", "--quiet", "--mirror", str(victim))

    git(clone, "fetch", "--quiet", "--no-tags", "--unshallow", "--refetch", "--no-filter", "origin")
    git(clone, "push", "--quiet", "--mirror", str(victim))
    assert before.keys() - refs_of(victim).keys() == {DEV, V1}

    shallow = woodpecker_clone(project.workspace / "src", f"file://{project.forge}", project.sha())
    code, log = project.run(ci={"CI_WORKSPACE": str(shallow)}, SOURCE="workspace")
    assert code == 0, log
    assert refs_of(project.mirror) == {**before, MAIN: project.sha()}


@pytest.mark.parametrize("strict", ["false", "true"])
def test_a_pull_request_is_nothing_to_mirror(project: Project, strict: str) -> None:
    """It says so, and talks to nobody."""
    code, log = project.run(ci={"CI_PIPELINE_EVENT": "pull_request", "CI_COMMIT_REF": "refs/pull/1/head"}, STRICT=strict)
    assert (code, "nothing to mirror: this is a pull request" in log) == (0, True)
    assert project.server.connections == 0


@pytest.mark.parametrize(("options", "setting"), [(("--dry-run",), "false"), ((), "true")])
def test_dry_run_prints_the_plan_and_changes_nothing(project: Project, options: tuple[str, ...], setting: str) -> None:
    """The table that a run would produce, by the option as by the setting."""
    code, log = project.run(*options, REFS="heads/*,tags/*", DRY_RUN=setting)
    assert code == 0
    assert log.endswith("DRY RUN: nothing was sent; a real run would exit 0")
    assert f"tags/v1 create -> {project.sha('v1')[:10]}" in log
    assert "3 create" in log
    assert refs_of(project.mirror) == {}


@pytest.mark.parametrize(("divergence", "strict", "expected"), [("keep", "true", 0), ("fail", "false", 0), ("fail", "true", 1)])
def test_divergence(project: Project, tmp_path: Path, divergence: str, strict: str, expected: int) -> None:
    """Somebody's commit at the mirror stays there; whether that is a failure is a setting."""
    project.run()
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(project.mirror), str(other))
    theirs = commit(other, "theirs")
    git(other, "push", "--quiet", "origin", "HEAD:main")
    commit(project.forge)
    code, log = project.run(ON_DIVERGENCE=divergence, STRICT=strict)
    assert code == expected, log
    assert "diverged: pushed to there, or rewritten at the source" in log
    assert "nothing changed there, 1 NOT MIRRORED" in log
    assert "if somebody has pushed there, bring those commits into the source" in log
    assert refs_of(project.mirror) == {MAIN: theirs}
    code, log = project.run("--dry-run", ON_DIVERGENCE=divergence, STRICT=strict)
    assert code == expected, log
    assert f"DRY RUN: nothing was sent; a real run would exit {expected}" in log
    assert "if somebody has pushed there, bring those commits into the source" in log
    assert ("WOULD NOT BE MIRRORED" in log) == (divergence == "fail" and strict == "false")


@pytest.mark.parametrize(
    "chosen", [{}, {"REFS": "heads/*"}, {"SOURCE": "workspace", "REFS": "heads/*"}], ids=["pipeline", "whole", "workspace"]
)
@pytest.mark.parametrize("divergence", ["keep", "overwrite", "fail"])
def test_a_source_that_was_taken_back_is_not_followed(project: Project, tmp_path: Path, divergence: str, chosen: Mapping[str, str]) -> None:
    """Also with a cache that still has the commits; the way to do it by hand is in the log, and not `overwrite`, which does not do it."""
    cache = str(tmp_path / "cache")
    before = project.sha()
    project.run(CACHE_DIR=cache)
    git(project.forge, "reset", "--quiet", "--hard", "main~1")
    git(project.forge, "branch", "keeps-the-commits", before)
    git(project.forge, "clone", "--quiet", "--no-local", str(project.forge), str(project.workspace / "src"))
    ci = {"CI_WORKSPACE": str(project.workspace / "src")}
    code, log = project.run(ci=ci, values=chosen, CACHE_DIR=cache, ON_DIVERGENCE=divergence, STRICT="true")
    assert refs_of(project.mirror)[MAIN] == before
    if chosen.get("SOURCE") == "workspace":
        # It does not know what the source has by now, which may be more.
        assert (code, "the far side is newer" in log) == (0, True), log
        return
    url = project.server.url("mirror.git")
    assert code == int(divergence == "fail"), log
    assert "main kept" in log
    assert "has all that the source has, and more: pushed to there, or taken back at the source" in log
    assert f"git push --force-with-lease=refs/heads/main:{before} {url} {project.sha()}:refs/heads/main" in log
    assert "not even with `on_divergence: overwrite`" in log


@pytest.mark.parametrize(("strict", "expected"), [("false", 0), ("true", 1)])
def test_a_pattern_without_a_match_is_told(project: Project, strict: str, expected: int) -> None:
    """What there is is mirrored; a pattern of which there is nothing, neither here nor there, is misspelt or old."""
    code, log = project.run(REFS="heads/*,tags/*", EXCLUDE="heads/dve", STRICT=strict)
    assert code == expected, log
    assert "`exclude`: heads/dve matches no branch or tag, neither at the source nor at the far side" in log
    assert refs_of(project.mirror).keys() == {MAIN, DEV, V1}
    code, log = project.run(REFS="heads/relase", STRICT=strict)
    assert code == expected, log
    assert "nothing to mirror: the source has no refs that match heads/relase" in log
    assert "`refs`: heads/relase matches no branch or tag" in log


def test_a_mirror_that_can_not_be_read_may_have_what_a_pattern_is_for(project: Project) -> None:
    """So then the pattern is not blamed."""
    code, log = project.run(REMOTE=project.server.url("missing.git"), REFS="heads/*", EXCLUDE="heads/wip/*", STRICT="true")
    assert code == 1
    assert "matches no branch" not in log


def test_overwrite_puts_the_source_in_its_place(project: Project, tmp_path: Path) -> None:
    """The one setting that loses something, and says what it was, and how it comes back."""
    project.run()
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(project.mirror), str(other))
    theirs = commit(other, "theirs")
    git(other, "push", "--quiet", "origin", "HEAD:main")
    commit(project.forge)
    code, log = project.run(ON_DIVERGENCE="overwrite")
    assert code == 0
    assert f"main forced {theirs[:10]} -> {project.sha()[:10]} `on_divergence: overwrite`, drops 1 commit" in log
    url = project.server.url("mirror.git")
    assert f"main was {theirs} git fetch {url} {theirs} && git push --force-with-lease=refs/heads/main:{project.sha()} {url} " in log
    assert refs_of(project.mirror) == {MAIN: project.sha()}


@pytest.mark.parametrize(("strict", "expected"), [("false", 0), ("true", 1)])
def test_one_mirror_that_fails_does_not_stop_the_others(project: Project, strict: str, expected: int) -> None:
    """Each has its own table; the failure is said at the end."""
    remote = f"{project.server.url('missing.git')},{project.server.url('mirror.git')}"
    code, log = project.run(REMOTE=remote, STRICT=strict)
    assert code == expected
    assert "main created" in log
    assert "there is no repository at" in log
    assert refs_of(project.mirror) == {MAIN: project.sha()}


@pytest.mark.parametrize(("strict", "expected"), [("false", 0), ("true", 1)])
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"SSH_KEY": "nonsense"}, "ssh_key"),
        ({"REMOTE": "git@nowhere.example:a/b.git"}, "host key of nowhere.example is not known"),
        ({"SOURCE": "/nonexistent/repository.git"}, "/nonexistent/repository"),
    ],
)
def test_what_fails_at_run_time_blocks_only_with_strict(
    project: Project, values: Mapping[str, str], says: str, strict: str, expected: int
) -> None:
    """A key, a host and a source that are not good."""
    code, log = project.run(values=values, STRICT=strict)
    assert (code, says in log) == (expected, True), log
    assert ("NOT MIRRORED" in log) == (strict == "false")


@pytest.mark.parametrize("strict", ["false", "true"])
def test_wrong_settings_are_always_an_error(project: Project, strict: str) -> None:
    """A pipeline that has never mirrored because of a typing error must be noticed."""
    assert project.run(REMOTE="https://github.com/acme/shop", STRICT=strict)[0] == 2
    assert project.run(REFS="main", STRICT=strict)[0] == 2


def test_the_source_and_the_mirror_may_both_be_broken(project: Project) -> None:
    """One run names both, so that one look at the log is enough."""
    code, log = project.run(SOURCE="/nonexistent/repository.git", REMOTE=project.server.url("missing.git"))
    assert code == 0
    assert "/nonexistent/repository" in log
    assert "there is no repository at" in log


def test_a_server_that_never_answers_ends_with_the_timeout(project: Project) -> None:
    """The pipeline does not wait for ssh's own patience."""
    with listening() as silent:
        port = silent.getsockname()[1]
        known = project.server.known_hosts.replace(str(project.server.port), str(port))
        begin = time.monotonic()
        code, log = project.run(REMOTE=f"ssh://git@127.0.0.1:{port}/x.git", KNOWN_HOSTS=known, TIMEOUT="3s")
    assert code == 0
    assert "timeout" in log
    assert time.monotonic() - begin < 12


def test_a_changed_host_key_is_shown_as_a_line_of_known_hosts(project: Project) -> None:
    """Instead of ssh's advice to change a file in a folder that is gone by then."""
    other = paramiko.ECDSAKey.generate()
    known = f"[127.0.0.1]:{project.server.port} {other.get_name()} {other.get_base64()}"
    code, log = project.run(KNOWN_HOSTS=known, STRICT="true")
    assert code == 1
    assert "showed a host key that is not the one in known_hosts, so nothing was sent" in log
    assert f"as a line of known_hosts: {project.server.known_hosts}" in log
    assert "/known_hosts" not in log


def test_a_port_where_nobody_listens(project: Project) -> None:
    """GitHub is down, or a firewall is in between."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    known = project.server.known_hosts.replace(str(project.server.port), str(port))
    code, log = project.run(REMOTE=f"ssh://git@127.0.0.1:{port}/x.git", KNOWN_HOSTS=known)
    assert code == 0
    assert f"can't be reached at port {port}" in log


def test_a_repository_of_many_refs_is_no_log_of_many_lines(project: Project) -> None:
    """So many of a kind are listed; all are in the totals."""
    lines = "".join(f"create refs/heads/many/{number} {project.sha()}\n" for number in range(200))
    git(project.forge, "update-ref", "--stdin", data=lines)
    code, log = project.run(REFS="heads/*")
    assert (code, "202 created" in log) == (0, True), log
    assert log.count("many/") == report.MOST_LINES - len({MAIN, DEV})

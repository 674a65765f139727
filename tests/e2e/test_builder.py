"""The BuildKit that stays: gone, guarded by mTLS, interrupted, and failing in one image of many."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devtools.goyaml import Value
from devtools.services import Builder, Services, buildkit, buildkitd_toml
from tests.support.authority import Authority
from tests.support.command_lines import command_lines
from tests.support.monorepo import Monorepo, monorepo
from tests.support.plugin_step import Run
from tests.support.processes import wait_for
from tests.support.project import Project

# Nothing else on the machine sleeps for so long.
A_LONG_TIME = "86423"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A BuildKit that wants a client certificate of its own CA."""

    builder: Builder
    authority: Authority

    def settings(self, ca: str | None, *, client: Authority | None) -> dict[str, Value]:
        """Return the settings that trust `ca`, with a certificate that `client` signed."""
        settings: dict[str, Value] = {"builder": self.builder.inside, "builder_ca": ca}
        if client:
            pair = client.client("pipeline")
            settings |= {"builder_cert": pair.cert, "builder_key": pair.key}
        return settings


@pytest.fixture(scope="module")
def guarded(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Start it."""
    authority = Authority(tmp_path_factory.mktemp("tls") / "builder")
    certificate = authority.server("guarded", asks_clients=True)
    config = buildkitd_toml(mirror=services.mirror.inside, http=[services.registry.inside])
    with buildkit(services.network, alias="guarded", config=config, tls=certificate) as builder:
        yield Guarded(builder=builder, authority=authority)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """Make a CA that nobody trusts."""
    return Authority(tmp_path / "stranger")


@pytest.fixture
def small(tmp_path: Path) -> Monorepo:
    """Make a repository of one image that needs no base."""
    return monorepo(tmp_path / "small", images=1, base="scratch", on_base=False)


class TestMutualTLS:
    """A builder that asks for a certificate."""

    def test_ca_certificate_and_key_open_it(self, guarded: Guarded, project: Project, small: Monorepo) -> None:
        """Given as PEM; the key as a secret."""
        run = project.push(small, guarded.settings(guarded.authority.pem, client=guarded.authority))
        assert run.exit_code == 0, run.log
        assert project.tags("market-feed") == {small.git("rev-parse", "HEAD"), "latest"}

    def test_files_of_the_workspace_do_too(self, guarded: Guarded, project: Project, small: Monorepo) -> None:
        """By their paths."""
        pair = guarded.authority.client("pipeline")
        small.write({"tls/ca.pem": guarded.authority.pem, "tls/cert.pem": pair.cert, "tls/key.pem": pair.key})
        files = {"builder_ca": "tls/ca.pem", "builder_cert": "tls/cert.pem", "builder_key": "tls/key.pem"}
        run = project.push(small, {"builder": guarded.builder.inside, **files})
        assert run.exit_code == 0, run.log

    def test_a_wrong_ca_is_named(self, guarded: Guarded, stranger: Authority, project: Project, small: Monorepo) -> None:
        """We don't trust the builder."""
        run = project.push(small, guarded.settings(stranger.pem, client=guarded.authority))
        refused(
            run,
            project,
            "the certificate of the builder tcp://guarded:1234 is refused: unable to get local issuer certificate",
            "builder_ca",
        )

    def test_no_certificate_is_named(self, guarded: Guarded, project: Project, small: Monorepo) -> None:
        """The builder doesn't trust us."""
        run = project.push(small, guarded.settings(guarded.authority.pem, client=None))
        refused(
            run, project, "the builder tcp://guarded:1234 refuses clients without a certificate", "set `builder_cert` and `builder_key`"
        )

    def test_a_certificate_of_a_stranger_is_named(self, guarded: Guarded, stranger: Authority, project: Project, small: Monorepo) -> None:
        """The builder doesn't trust us either."""
        run = project.push(small, guarded.settings(guarded.authority.pem, client=stranger))
        refused(run, project, "the builder tcp://guarded:1234 refuses our certificate", "set `builder_cert` and `builder_key`")

    def test_plain_tcp_is_named(self, guarded: Guarded, project: Project, small: Monorepo) -> None:
        """No `builder_ca` means no TLS, and the builder speaks nothing else."""
        run = project.push(small, guarded.settings(None, client=None))
        refused(
            run, project, "the builder tcp://guarded:1234 closes connections without TLS", "set `builder_ca` to the CA of its certificate"
        )

    def test_tls_where_there_is_none_is_named(self, stranger: Authority, project: Project, small: Monorepo) -> None:
        """The other way round."""
        run = project.push(small, {"builder_ca": stranger.pem})
        refused(run, project, "the builder tcp://buildkit:1234 does not speak TLS", "leave out `builder_ca`")


class TestNoBuilder:
    """A builder that can't be reached."""

    def test_an_address_that_does_not_resolve(self, project: Project, small: Monorepo) -> None:
        """It is named at once, with the setting."""
        run = project.push(small, {"builder": "tcp://nowhere:1234"})
        reason = "can't reach the builder tcp://nowhere:1234: the name does not resolve"
        refused(run, project, reason, "`builder` is its address as seen from this step")

    def test_a_port_where_nobody_listens(self, project: Project, small: Monorepo) -> None:
        """It is given some seconds, since a BuildKit may be restarting."""
        run = project.push(small, {"builder": "tcp://registry:1234"})
        refused(run, project, "can't reach the builder tcp://registry:1234: connection refused", "check that BuildKit runs there")

    def test_something_that_is_no_buildkit(self, project: Project, small: Monorepo) -> None:
        """Such as a registry."""
        run = project.push(small, {"builder": "tcp://registry:5000"})
        refused(run, project, "what answers at tcp://registry:5000 is no BuildKit", "check `builder`")

    def test_buildkit_host_names_the_builder(self, services: Services, project: Project, small: Monorepo) -> None:
        """Where the setting does not."""
        run = project.push(small, {"builder": None}, environment={"BUILDKIT_HOST": services.builder.inside})
        assert run.exit_code == 0, run.log


class TestOneImageFails:
    """Image nine of fourteen."""

    @pytest.fixture(scope="class")
    @staticmethod
    def log(new_project: Callable[[str], Project], tmp_path_factory: pytest.TempPathFactory) -> str:
        """Push a repository whose ninth image fails, and check that nothing has got a tag."""
        repo, project = monorepo(tmp_path_factory.mktemp("git") / "shop"), new_project("one-fails")
        others = {f"services/{name}/Dockerfile": f"FROM runtime\nRUN echo 'talk of {name}'\n" for name in repo.names}
        repo.write({name: text for name, text in others.items() if "runtime" in (repo.path / name).read_text()})
        failing = "FROM debian:trixie-slim\nCOPY app.txt /app.txt\nRUN echo counting beans && echo no beans >&2 && exit 7\n"
        assert repo.names[8] == "scheduler"
        repo.commit({"services/scheduler/Dockerfile": failing})
        run = project.push(repo)
        assert run.exit_code == 1, run.log
        assert {tag for tags in project.all_tags().values() for tag in tags} == set()
        return run.log

    def test_it_is_named(self, log: str) -> None:
        """With the step that failed and its exit code."""
        assert "error: the build of scheduler failed: no tag was set" in log
        assert "RUN echo counting beans" in log
        assert "exit code: 7" in log

    def test_its_last_lines_are_shown(self, log: str) -> None:
        """Both of its streams."""
        assert "| counting beans" in log
        assert "| no beans" in log

    def test_the_others_keep_silent(self, log: str) -> None:
        """Fourteen logs mixed help nobody."""
        assert "talk of" not in log
        assert len(log.splitlines()) < 40, log


class TestCancelled:
    """SIGTERM in the middle of a build, as Woodpecker sends it."""

    def test_it_ends_in_time_and_leaves_nothing(self, project: Project, repo: Monorepo) -> None:
        """Exit code 143 within 15 seconds, no tag, and BuildKit stops building."""
        repo.commit({"services/ledger/Dockerfile": f"FROM debian:trixie-slim\nRUN echo waiting $((40+2)); sleep {A_LONG_TIME}\n"})
        image: dict[str, Value] = {"name": "ledger", "context": "services/ledger"}
        with project.started(repo, {"images": [*repo.images, image], "verbose": True}) as running:
            running.wait_for_log("waiting 42")
            assert sleeps()
            begun = time.monotonic()
            running.container.stop(timeout=30)
            seconds = time.monotonic() - begun
            run = running.end()
        assert run.exit_code == 143, run.log
        assert seconds < 15
        assert "cancelled" in run.log
        assert "Traceback" not in run.log
        assert wait_for(lambda: not sleeps()), "BuildKit goes on building for nobody"
        assert {tag for tags in project.all_tags().values() for tag in tags} == set()


def refused(run: Run, project: Project, *words: str) -> None:
    """Check that a builder was refused with these words, and that nothing came of it."""
    assert run.exit_code == 1, run.log
    text = " ".join(run.log.split())
    assert [word for word in words if word not in text] == [], run.log
    assert "Traceback" not in run.log
    assert project.all_tags() == {}


def sleeps() -> bool:
    """Tell whether the long sleep of a build runs on this machine."""
    return any(A_LONG_TIME in line for line in command_lines())


def test_the_time_limit_ends_a_build(project: Project, repo: Monorepo) -> None:
    """`timeout` is in the words of the user."""
    repo.commit({"services/market-feed/Dockerfile": f"FROM debian:trixie-slim\nRUN sleep {A_LONG_TIME}\n"})
    run = project.push(repo, {"timeout": "3s"})
    assert run.exit_code == 1, run.log
    assert "the build took longer than 3s: no tag was set" in run.log
    assert "raise `timeout`" in run.log
    assert "Traceback" not in run.log
    assert {tag for tags in project.all_tags().values() for tag in tags} == set()

"""A registry with TLS of a private CA, and one that wants a login: ours and the builder's way to it."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from devtools.goyaml import Value
from devtools.services import Builder, Registry, Services, buildkit, buildkitd_toml, registry
from tests.support.authority import Authority
from tests.support.monorepo import Monorepo, monorepo
from tests.support.plugin_step import Run
from tests.support.project import Project
from tests.support.registry_contents import RegistryContents

USER, PASSWORD = "ada", "s3cret/+word"
CA_FILE = "/etc/buildkit/registry-ca.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """The two registries, and a builder that is configured for both."""

    authority: Authority
    secure: Registry
    locked: Registry
    builder: Builder


@pytest.fixture(scope="module")
def private(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    """Start them."""
    authority = Authority(tmp_path_factory.mktemp("tls") / "registry")
    net = services.network
    with (
        registry(net, alias="secure", tls=authority.server("secure", bare=True)) as secure,
        registry(net, alias="locked", htpasswd=(USER, PASSWORD)) as locked,
    ):
        toml = buildkitd_toml(mirror=services.mirror.inside, http=[locked.inside])
        toml += f'[registry."{secure.inside}"]\n  ca = ["{CA_FILE}"]\n'
        with buildkit(net, alias="trusting", config=toml, files={CA_FILE: authority.pem.encode()}) as builder:
            yield Private(authority=authority, secure=secure, locked=locked, builder=builder)


@pytest.fixture
def repo(tmp_path: Path) -> Monorepo:
    """Make a repository of one image that needs no base."""
    return monorepo(tmp_path / "shop", images=1, base="scratch", on_base=False)


class TestPrivateCA:
    """https://secure:5000, whose CA no system knows."""

    @pytest.fixture
    def project(self, project: Project, private: Private) -> Iterator[Project]:
        """Look into this registry."""
        contents = RegistryContents(private.secure.host, scheme="https")
        yield replace(project, contents=contents)
        contents.close()

    def settings(self, private: Private, more: dict[str, Value]) -> dict[str, Value]:
        """Return the way there."""
        return {"registry": private.secure.inside, "insecure": None, "builder": private.builder.inside, **more}

    def test_ca_cert_opens_it(self, private: Private, project: Project, repo: Monorepo) -> None:
        """Where the builder has the CA as well; certificates that Go takes are good enough for us, too."""
        run = project.push(repo, self.settings(private, {"ca_cert": private.authority.pem}))
        assert run.exit_code == 0, run.log
        assert project.tags("market-feed") == {repo.git("rev-parse", "HEAD"), "latest"}

    def test_ca_cert_may_be_a_file(self, private: Private, project: Project, repo: Monorepo) -> None:
        """Of the workspace."""
        repo.write({"ca.pem": private.authority.pem})
        run = project.push(repo, self.settings(private, {"ca_cert": "ca.pem"}))
        assert run.exit_code == 0, run.log

    def test_the_embedded_builder_gets_the_ca_from_us(self, private: Private, project: Project, repo: Monorepo) -> None:
        """Nothing else has to be configured."""
        more = self.settings(private, {"ca_cert": private.authority.pem, "builder": None})
        run = project.push(repo, more, image="registry-push-embedded", privileged=True)
        assert run.exit_code == 0, run.log
        assert project.tags("market-feed") >= {"latest"}

    def test_without_ca_cert_it_is_not_trusted(self, private: Private, project: Project, repo: Monorepo) -> None:
        """Nothing is built for it."""
        run = project.push(repo, self.settings(private, {}))
        failed(
            run, "the registry secure:5000 can't be trusted: certificate refused:", "set `ca_cert` to the CA that signed its certificate"
        )
        assert "==> Building" not in run.log
        assert project.all_tags() == {}

    def test_a_builder_without_the_ca_shows_what_to_add(
        self, private: Private, services: Services, project: Project, repo: Monorepo
    ) -> None:
        """The lines of its buildkitd.toml."""
        run = project.push(repo, self.settings(private, {"ca_cert": private.authority.pem, "builder": services.builder.inside}))
        failed(
            run,
            "the builder does not trust the certificate of the registry secure:5000",
            "add to the builder's buildkitd.toml and restart it:",
            '[registry."secure:5000"]',
            f'ca = ["{CA_FILE}"]',
        )
        assert project.all_tags() == {}

    def test_insecure_takes_any_certificate(self, private: Private, services: Services, project: Project, repo: Monorepo) -> None:
        """On both ways, without a word to the builder."""
        run = project.push(repo, self.settings(private, {"insecure": True, "builder": services.builder.inside}))
        assert run.exit_code == 0, run.log


class TestLogin:
    """http://locked:5000, which wants a user and a password."""

    @pytest.fixture
    def project(self, project: Project, private: Private) -> Iterator[Project]:
        """Look into this registry."""
        contents = RegistryContents(private.locked.host, login=(USER, PASSWORD))
        yield replace(project, contents=contents)
        contents.close()

    def push(self, private: Private, project: Project, repo: Monorepo, more: dict[str, Value]) -> Run:
        """Push with the builder that knows this registry."""
        here: dict[str, Value] = {"registry": private.locked.inside, "builder": private.builder.inside}
        return project.push(repo, {**here, **more}, secrets={"password": PASSWORD, "wrong": "wrong"})

    def test_username_and_password(self, private: Private, project: Project, repo: Monorepo) -> None:
        """For us and for the builder."""
        run = self.push(private, project, repo, {"username": USER, "password": {"from_secret": "password"}})
        assert run.exit_code == 0, run.log
        assert project.tags("market-feed") == {repo.git("rev-parse", "HEAD"), "latest"}
        assert PASSWORD not in run.log

    def test_a_docker_config(self, private: Private, project: Project, repo: Monorepo) -> None:
        """As `docker login` writes it."""
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        run = self.push(private, project, repo, {"config": json.dumps({"auths": {private.locked.inside: {"auth": auth}}})})
        assert run.exit_code == 0, run.log

    def test_logins_open_registries_of_base_images(self, private: Private, services: Services, project: Project, repo: Monorepo) -> None:
        """A base in the locked registry, for images that go to the open one."""
        login: dict[str, Value] = {"username": USER, "password": {"from_secret": "password"}}
        base = self.push(private, project, repo, {**login, "images": [{"name": "base", "context": "services/market-feed"}]})
        assert base.exit_code == 0, base.log
        dockerfile = f"FROM {private.locked.inside}/{project.name}/base:latest\nCOPY app.txt /again.txt\n"
        repo.commit({"services/market-feed/Dockerfile": dockerfile})
        more: dict[str, Value] = {"registry": services.registry.inside, "project": f"{project.name}-open"}
        without = self.push(private, project, repo, more)
        failed(without, "a registry refused the builder", "`logins` for the registries of base images")
        logins: dict[str, Value] = {"logins": [{"registry": private.locked.inside, **login}]}
        run = self.push(private, project, repo, {**more, **logins})
        assert run.exit_code == 0, run.log

    def test_a_wrong_password(self, private: Private, project: Project, repo: Monorepo) -> None:
        """The user is named, the password is not, and nothing is built."""
        run = self.push(private, project, repo, {"username": USER, "password": {"from_secret": "wrong"}})
        failed(run, "locked:5000 refused", "(401 Unauthorized)", "the login of 'ada' is not accepted")
        assert "==> Building" not in run.log

    def test_no_login(self, private: Private, project: Project, repo: Monorepo) -> None:
        """What to set is said."""
        run = self.push(private, project, repo, {})
        failed(run, "the registry asks for a login and the step has none", "set `username` and `password` (from_secret)")
        assert "==> Building" not in run.log
        assert project.all_tags() == {}


def failed(run: Run, *words: str) -> None:
    """Check that the step failed and said this."""
    assert run.exit_code == 1, run.log
    text = " ".join(run.log.split())
    assert [word for word in words if word not in text] == [], run.log
    assert "Traceback" not in run.log

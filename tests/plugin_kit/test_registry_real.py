"""The registry client against Debian's docker-registry."""

from datetime import UTC, datetime

import pytest
import trustme

from plugin_kit.credentials import Login
from plugin_kit.errors import RegistryError
from plugin_kit.http import Http
from plugin_kit.manifest import Manifest
from plugin_kit.parallel import each
from plugin_kit.reference import RegistryHost, digest_of
from plugin_kit.registry import Registry
from tests.support.manifests import CONFIG, image_manifest
from tests.support.registry_client import ADA, client


@pytest.mark.engine
class TestDockerRegistry:
    """Debian's docker-registry: what the scripted server claims is what a real one does."""

    def push(self, registry: Registry, path: str, tag: str) -> Manifest:
        """Push an image with a config only."""
        registry.put_blob(path, CONFIG)
        manifest = image_manifest(revision="b" * 40, created=datetime(2026, 5, 4, tzinfo=UTC))
        registry.put_manifest(path, tag, manifest)
        return manifest

    def test_a_manifest_comes_back_as_it_was(self, docker_registry: str) -> None:
        """By tag and by digest the registry gives the same bytes."""
        with client(docker_registry) as registry:
            registry.ping()
            manifest = self.push(registry, "client/roundtrip", "1")
            assert registry.manifest("client/roundtrip", "1") == manifest
            assert registry.manifest("client/roundtrip", manifest.digest) == manifest

    def test_what_is_not_there_is_none(self, docker_registry: str) -> None:
        """Missing tags, digests, blobs and whole repositories are no errors."""
        with client(docker_registry) as registry:
            self.push(registry, "client/present", "1")
            for path in ("client/present", "client/absent"):
                assert registry.manifest(path, "2") is None
                assert registry.manifest(path, digest_of(b"nothing")) is None
                assert registry.blob(path, digest_of(b"nothing")) is None
                assert not registry.has_blob(path, digest_of(b"nothing"))
            assert list(registry.tags("client/absent")) == []

    def test_tags_are_listed_over_pages(self, docker_registry: str) -> None:
        """More tags than a page holds all arrive."""
        with client(docker_registry) as registry:
            manifest = self.push(registry, "client/many", "0")
            each(lambda tag: registry.put_manifest("client/many", tag, manifest), [str(number) for number in range(25)])
            assert set(registry.tags("client/many", page=10)) == {str(number) for number in range(25)}
            assert "client/many" in set(registry.repositories(page=1))

    def test_a_blob_is_stored_read_and_mounted(self, docker_registry: str) -> None:
        """A blob can be read where it was stored, and made another repository's without being sent again."""
        with client(docker_registry) as registry:
            digest = registry.put_blob("client/from", b"some bytes")
            assert registry.blob("client/from", digest) == b"some bytes"
            assert registry.mount_blob("client/to", digest, source="client/from")
            assert registry.has_blob("client/to", digest)

    def test_a_manifest_with_unknown_blobs_is_refused(self, docker_registry: str) -> None:
        """The registry's own words arrive with the error."""
        with client(docker_registry) as registry, pytest.raises(RegistryError) as caught:
            registry.put_manifest("client/refused", "1", image_manifest())
        assert "the push of client/refused:1 with 404" in caught.value.message or "with 400" in caught.value.message
        assert any("BLOB_UNKNOWN" in detail for detail in caught.value.details)

    def test_login_and_private_ca_work_together(self, locked_registry: str, authority: trustme.CA) -> None:
        """With CA and login a locked registry takes a push."""
        with client(f"https://{locked_registry}", login=ADA, ca=authority) as registry:
            registry.ping()
            manifest = self.push(registry, "client/locked", "1")
            assert registry.manifest("client/locked", "1") == manifest

    @pytest.mark.parametrize(
        ("login", "detail"),
        [
            (None, "the registry asks for a login and the step has none"),
            (Login(username="ada", password="wrong"), "the login of 'ada' is not accepted"),
        ],
    )
    def test_a_locked_registry_refuses_others(self, locked_registry: str, authority: trustme.CA, login: Login | None, detail: str) -> None:
        """No login and a wrong one are told apart."""
        with client(f"https://{locked_registry}", login=login, ca=authority) as registry, pytest.raises(RegistryError) as caught:
            registry.ping()
        assert caught.value.details[0] == detail

    def test_insecure_finds_https_behind_the_port(self, locked_registry: str) -> None:
        """Go's 400 to plain http turns into https without a look at the certificate, if the user allowed that."""
        with Http(verify=False, retry_for=2) as http:
            registry = Registry(RegistryHost(host=locked_registry), http, insecure=True, login=ADA)
            registry.ping()
            assert not registry.plain_http

    def test_an_unknown_ca_is_refused(self, locked_registry: str) -> None:
        """Without the CA there is no connection."""
        with Http(retry_for=1) as http, pytest.raises(RegistryError, match="can't be trusted: certificate refused"):
            Registry(RegistryHost(host=locked_registry, scheme="https"), http, login=ADA).ping()

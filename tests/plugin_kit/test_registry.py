"""The registry client: what it asks for, what it makes of the answers, and what it says when they are bad."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from plugin_kit.errors import RegistryError
from plugin_kit.http import Http
from plugin_kit.manifest import ACCEPTED
from plugin_kit.reference import RegistryHost, digest_of
from plugin_kit.registry import Registry
from tests.support.manifests import CONFIG, image_manifest
from tests.support.registry_client import ADA, client, serve
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server

IMAGE = image_manifest(revision="a" * 40)
OK = Answer(body=b"{}")


@pytest.fixture
def registry(server: ScriptedServer) -> Iterator[Registry]:
    """Open a client for the scripted server."""
    with client(server.host) as opened:
        yield opened


class TestPing:
    """Before anything is built, one request tells whether the registry is there and takes our login."""

    def test_a_registry_answers(self, server: ScriptedServer, registry: Registry) -> None:
        """A registry that says 200 at /v2/ is good."""
        server.on("GET", "^/v2/$", OK)
        registry.ping()

    @pytest.mark.parametrize(
        ("answer", "message", "hint"),
        [
            (Answer(status=401), "refused a look at /v2/ (401 Unauthorized)", "set `username` and `password`"),
            (Answer(status=403), "refused a look at /v2/ (403 Forbidden)", "an anonymous user may not do this"),
            (Answer(status=404), "is no container registry", "check `registry`"),
            (Answer(status=500), "answered a look at /v2/ with 500 Internal Server Error", "a full disk"),
            (Answer(status=507), "answered a look at /v2/ with 507 Insufficient Storage", "disk is full"),
            (Answer(status=418), "answered a look at /v2/ with 418", "the registry's own log"),
            (Answer(status=429, headers={"Retry-After": "60"}), "answered a look at /v2/ with 429 Too Many Requests", "limits requests"),
        ],
    )
    def test_a_bad_answer_has_its_own_words(
        self, server: ScriptedServer, registry: Registry, answer: Answer, message: str, hint: str
    ) -> None:
        """Each way to refuse says who refused what, and what to do."""
        server.on("GET", "/", answer)
        with pytest.raises(RegistryError) as caught:
            registry.ping()
        assert caught.value.message.startswith(server.host)
        assert message in caught.value.message
        assert hint in (caught.value.hint or "")

    def test_the_registrys_own_complaints_are_shown(self, server: ScriptedServer, registry: Registry) -> None:
        """The errors of the distribution specification become details."""
        body = {"errors": [{"code": "DENIED", "message": "quota exceeded"}, {"code": "UNKNOWN"}]}
        server.on("GET", "/", Answer(status=403, body=json.dumps(body).encode()))
        with pytest.raises(RegistryError) as caught:
            registry.ping()
        assert caught.value.details == ("DENIED: quota exceeded", "UNKNOWN")

    @pytest.mark.parametrize(
        ("body", "details"),
        [
            (b"upstream is gone\nand more", ("upstream is gone",)),
            (b"<html><body>502</body></html>", ()),
            (b'{"errors": null}', ('{"errors": null}',)),
            (b"[1]", ("[1]",)),
            (b"", ()),
        ],
    )
    def test_a_proxys_answer_is_shown_where_it_is_short_text(
        self, server: ScriptedServer, registry: Registry, body: bytes, details: tuple[str, ...]
    ) -> None:
        """What is no JSON of a registry is quoted in one line, and a page of HTML is not."""
        server.on("GET", "/", Answer(status=500, body=body))
        with pytest.raises(RegistryError) as caught:
            registry.ping()
        assert caught.value.details == details

    def test_a_wrong_password_is_named_without_being_shown(self, server: ScriptedServer) -> None:
        """The user learns whose login was refused; the password is nowhere in the error."""
        server.on("GET", "/", Answer(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
        with client(server.host, login=ADA) as registry, pytest.raises(RegistryError) as caught:
            registry.ping()
        assert caught.value.details == ("the login of 'ada' is not accepted",)
        shown = f"{caught.value.message}{caught.value.details}{caught.value.hint}{caught.value!r}"
        assert "correct horse" not in shown
        assert ADA.encoded not in shown

    def test_a_registry_that_is_down_says_what_was_wanted(self) -> None:
        """A refused connection names host and request, and is an error only after the time agreed for retries."""
        with scripted_server() as gone:
            host = gone.host
        with client(host, retry_for=0.3) as registry, pytest.raises(RegistryError) as caught:
            registry.ping()
        assert caught.value.message == f"can't reach the registry {host}: connection refused"
        assert caught.value.details == ("asked for: a look at /v2/",)

    def test_an_unknown_ca_asks_for_ca_cert(self, secure: ScriptedServer) -> None:
        """A certificate of a CA that nobody knows is never accepted, and the setting that helps is named."""
        with Http(retry_for=1) as http, pytest.raises(RegistryError) as caught:
            Registry(RegistryHost(host=secure.host, scheme="https"), http).ping()
        assert f"the registry {secure.host} can't be trusted: certificate refused" in caught.value.message
        assert "`ca_cert`" in (caught.value.hint or "")
        assert secure.asked() == []

    def test_a_known_ca_is_trusted(self, secure: ScriptedServer, authority: trustme.CA) -> None:
        """With the private CA given, https just works."""
        secure.on("GET", "/", OK)
        with client(secure.url, ca=authority) as registry:
            registry.ping()
            assert not registry.plain_http

    def test_plain_http_where_https_is_expected_asks_for_insecure(self, server: ScriptedServer) -> None:
        """There is no silent fall-back: the user is told that the registry has no TLS."""
        with client(server.url.replace("http://", "https://")) as registry, pytest.raises(RegistryError) as caught:
            registry.ping()
        assert "speaks plain http, and https was expected" in caught.value.message
        assert "`insecure: true`" in (caught.value.hint or "")

    def test_insecure_takes_plain_http(self, server: ScriptedServer) -> None:
        """With `insecure` a registry without TLS is talked to by http."""
        server.on("GET", "/", OK)
        with client(server.host, insecure=True) as registry:
            registry.ping()
            assert registry.plain_http

    def test_insecure_takes_https_where_the_registry_has_it(self, server: ScriptedServer) -> None:
        """A 400 to plain http is how a Go server says that its port is for TLS; `insecure` then means any certificate."""
        server.on("GET", "/", Answer(status=400, body=b"Client sent an HTTP request to an HTTPS server.\n"))
        with client(server.host, insecure=True) as registry:
            # The second try, by https, meets the same plain server: that it is made is what counts here.
            with pytest.raises(RegistryError, match="speaks plain http"):
                registry.ping()
            assert not registry.plain_http

    def test_a_400_is_final_where_the_user_wrote_the_scheme(self, server: ScriptedServer) -> None:
        """`http://` in the setting means http, whatever the server says."""
        server.on("GET", "/", Answer(status=400))
        with client(server.url, insecure=True) as registry, pytest.raises(RegistryError, match="400 Bad Request"):
            registry.ping()


class TestManifest:
    """Manifests are bytes, and their digest is computed here."""

    def test_the_bytes_are_kept(self, server: ScriptedServer, registry: Registry) -> None:
        """What the registry sent is what the caller gets, to the last blank."""
        serve(server, IMAGE)
        found = registry.manifest("shop/api", "latest")
        assert found == IMAGE
        assert found is not None
        assert found.content == IMAGE.content

    def test_every_type_is_accepted(self, server: ScriptedServer, registry: Registry) -> None:
        """All four types stand in Accept: a registry converts, or picks a child, where one is missing."""
        serve(server, IMAGE)
        registry.manifest("shop/api", "latest")
        assert server.asked()[0].headers["Accept"].split(", ") == list(ACCEPTED)

    def test_a_missing_manifest_is_none(self, registry: Registry) -> None:
        """404 is an answer, not an error."""
        assert registry.manifest("shop/api", "latest") is None

    def test_other_bytes_than_the_digest_asked_for_are_refused(self, server: ScriptedServer, registry: Registry) -> None:
        """A manifest asked for by digest must hash to it."""
        serve(server, IMAGE)
        wanted = digest_of(b"something else")
        with pytest.raises(RegistryError) as caught:
            registry.manifest("shop/api", wanted)
        assert caught.value.message == f"{server.host} answered shop/api@{wanted} with other bytes than it promised"
        assert caught.value.details == (f"promised {wanted}", f"received {IMAGE.digest} ({len(IMAGE.content)} bytes)")

    def test_other_bytes_than_the_header_promises_are_refused(self, server: ScriptedServer, registry: Registry) -> None:
        """A manifest asked for by tag must hash to the digest that the registry states."""
        serve(server, IMAGE, **{"Docker-Content-Digest": digest_of(b"x")})
        with pytest.raises(RegistryError, match="other bytes than it promised"):
            registry.manifest("shop/api", "latest")

    @pytest.mark.parametrize("headers", [{}, {"Docker-Content-Digest": IMAGE.digest}, {"Docker-Content-Digest": "sha512:" + "0" * 128}])
    def test_the_digest_header_is_optional(self, server: ScriptedServer, registry: Registry, headers: dict[str, str]) -> None:
        """A registry may leave the header out or use another algorithm; the digest is computed anyway."""
        serve(server, IMAGE, **headers)
        found = registry.manifest("shop/api", "latest")
        assert found is not None
        assert found.digest == IMAGE.digest

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"<html>", "not JSON"),
            (b"[]", "not a manifest of schema version 2"),
            (b'{"schemaVersion": 1}', "not a manifest of schema version 2"),
        ],
    )
    def test_what_is_no_manifest_is_an_error(self, server: ScriptedServer, registry: Registry, body: bytes, reason: str) -> None:
        """A login page of a proxy, or a manifest of the first schema, is refused with its reason."""
        server.on("GET", "/manifests/", Answer(body=body))
        with pytest.raises(RegistryError, match=f"something that is no manifest: {reason}"):
            registry.manifest("shop/api", "latest")

    def test_a_put_sends_the_same_bytes(self, server: ScriptedServer, registry: Registry) -> None:
        """Setting a tag sends the manifest's bytes under their media type."""
        server.on("PUT", "/v2/shop/api/manifests/1.0$", Answer(status=201))
        registry.put_manifest("shop/api", "1.0", IMAGE)
        (asked,) = server.asked()
        assert asked.body == IMAGE.content
        assert asked.headers["Content-Type"] == IMAGE.media_type

    def test_a_put_is_tried_again_when_the_registry_is_busy(self, server: ScriptedServer, registry: Registry) -> None:
        """A PUT is idempotent: a proxy that restarts costs a moment and nothing else."""
        server.on("PUT", "/manifests/", Answer(status=503, headers={"Retry-After": "0"}), Answer(drop=True), Answer(status=201))
        registry.put_manifest("shop/api", "1.0", IMAGE)
        assert len(server.asked()) == 3

    def test_a_refused_put_says_what_was_pushed(self, server: ScriptedServer, registry: Registry) -> None:
        """The error names image and tag, and the registry's own complaint."""
        body = json.dumps({"errors": [{"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown to registry"}]}).encode()
        server.on("PUT", "/", Answer(status=400, body=body))
        with pytest.raises(RegistryError) as caught:
            registry.put_manifest("shop/api", "1.0", IMAGE)
        assert caught.value.message == f"{server.host} answered the push of shop/api:1.0 with 400 Bad Request"
        assert caught.value.details == ("MANIFEST_BLOB_UNKNOWN: blob unknown to registry",)


class TestBlobs:
    """Blobs are fetched, stored and mounted by digest."""

    def test_a_blob_behind_a_redirect_is_fetched(self, server: ScriptedServer, registry: Registry) -> None:
        """Registries with object storage answer blobs with a redirect."""
        server.on("*", "/blobs/", Answer(status=307, headers={"Location": "/storage/1"}))
        server.on("*", "/storage/1", Answer(body=CONFIG))
        assert registry.blob("shop/api", digest_of(CONFIG)) == CONFIG
        assert registry.has_blob("shop/api", digest_of(CONFIG))

    def test_a_login_does_not_follow_a_redirect_to_another_host(self, server: ScriptedServer) -> None:
        """The password of the registry is no business of its object storage."""
        with scripted_server() as storage, client(server.host, login=ADA) as registry:
            server.on("GET", "^/v2/$", Answer(status=401, headers={"WWW-Authenticate": "Basic"}), OK)
            server.on("GET", "/blobs/", Answer(status=307, headers={"Location": f"{storage.url}/1"}))
            storage.on("GET", "/1", Answer(body=CONFIG))
            registry.ping()
            assert registry.blob("shop/api", digest_of(CONFIG)) == CONFIG
            assert "Authorization" in server.asked("/blobs/")[0].headers
            assert "Authorization" not in storage.asked()[0].headers

    def test_a_blob_with_other_bytes_is_refused(self, server: ScriptedServer, registry: Registry) -> None:
        """A digest promises bytes."""
        server.on("GET", "/blobs/", Answer(body=b"other"))
        with pytest.raises(RegistryError, match="other bytes than its digest promises"):
            registry.blob("shop/api", digest_of(CONFIG))

    def test_a_missing_blob_is_none_and_false(self, registry: Registry) -> None:
        """404 is an answer, not an error."""
        assert registry.blob("shop/api", digest_of(CONFIG)) is None
        assert not registry.has_blob("shop/api", digest_of(CONFIG))

    def test_a_blob_that_is_there_is_not_sent(self, server: ScriptedServer, registry: Registry) -> None:
        """A HEAD before the upload saves the upload."""
        server.on("HEAD", "/blobs/", Answer())
        assert registry.put_blob("shop/api", b"data") == digest_of(b"data")
        assert [asked.method for asked in server.asked()] == ["HEAD"]

    @pytest.mark.parametrize("location", ["/upload/7", "/upload/7?_state=abc", "{url}/upload/7?_state=abc"])
    def test_a_blob_is_uploaded_to_where_the_registry_says(self, server: ScriptedServer, registry: Registry, location: str) -> None:
        """The upload's address may be relative or absolute, and its own query is kept."""
        server.on("POST", "/blobs/uploads/$", Answer(status=202, headers={"Location": location.format(url=server.url)}))
        server.on("PUT", "^/upload/7", Answer(status=201))
        registry.put_blob("shop/api", b"data")
        (put,) = server.asked(method="PUT")
        query = parse_qs(urlsplit(put.path).query)
        assert query == {"digest": [digest_of(b"data")], **({"_state": ["abc"]} if "_state" in location else {})}
        assert put.body == b"data"

    @pytest.mark.parametrize(("status", "mounted"), [(201, True), (202, False)])
    def test_a_mount_may_be_declined(self, server: ScriptedServer, registry: Registry, status: int, mounted: bool) -> None:
        """201 means that the blob is there, 202 that the registry wants it uploaded instead."""
        server.on("POST", "/blobs/uploads/", Answer(status=status))
        assert registry.mount_blob("shop/api", digest_of(CONFIG), source="shop/base") is mounted
        (asked,) = server.asked()
        assert parse_qs(urlsplit(asked.path).query) == {"mount": [digest_of(CONFIG)], "from": ["shop/base"]}

    def test_a_full_registry_says_so(self, server: ScriptedServer, registry: Registry) -> None:
        """507 on an upload is told as what it is."""
        server.on("POST", "/", Answer(status=507))
        with pytest.raises(RegistryError, match="the push of a blob to shop/api with 507 Insufficient Storage") as caught:
            registry.put_blob("shop/api", b"data")
        assert caught.value.hint == "the registry's disk is full"


class TestTags:
    """Tags come in pages."""

    def test_pages_are_followed(self, server: ScriptedServer, registry: Registry) -> None:
        """A Link header leads to the next page, relative or absolute, until there is none."""
        pages = {
            None: Answer(headers={"Link": '</v2/shop/api/tags/list?n=2&last=b>; rel="next"'}, body=b'{"tags": ["a", "b"]}'),
            "b": Answer(headers={"Link": f'<{server.url}/v2/shop/api/tags/list?n=2&last=d>; rel="next"'}, body=b'{"tags": ["c", "d"]}'),
            "d": Answer(body=b'{"tags": ["e"]}'),
        }
        server.on("GET", "/tags/list", lambda asked: pages[parse_qs(urlsplit(asked.path).query).get("last", [None])[0]])
        assert list(registry.tags("shop/api", page=2)) == ["a", "b", "c", "d", "e"]

    def test_pages_are_fetched_as_they_are_needed(self, server: ScriptedServer, registry: Registry) -> None:
        """Who stops early pays for the first page only."""
        server.on("GET", "/tags", Answer(headers={"Link": '</v2/x/tags/list?last=b>; rel="next"'}, body=b'{"tags": ["a"]}'))
        assert next(registry.tags("x")) == "a"
        assert len(server.asked()) == 1

    def test_repositories_are_listed_over_pages(self, server: ScriptedServer, registry: Registry) -> None:
        """As tags are; with the scope of the catalogue, which registries with tokens ask for."""
        challenge = Answer(status=401, headers={"WWW-Authenticate": f'Bearer realm="{server.url}/token",service="r"'})
        first = Answer(headers={"Link": '</v2/_catalog?n=1&last=a>; rel="next"'}, body=b'{"repositories": ["a"]}')
        server.on("GET", "/v2/_catalog", challenge, first, Answer(body=b'{"repositories": ["b"]}'))
        server.on("GET", "/token", Answer(body=b'{"token": "t"}'))
        assert list(registry.repositories(page=1)) == ["a", "b"]
        assert parse_qs(urlsplit(server.asked("/token")[0].path).query)["scope"] == ["registry:catalog:*"]

    @pytest.mark.parametrize("answer", [Answer(status=404), Answer(body=b'{"name": "x", "tags": null}'), Answer(body=b'{"name": "x"}')])
    def test_no_repository_has_no_tags(self, server: ScriptedServer, registry: Registry, answer: Answer) -> None:
        """A repository that does not exist, or has lost its last tag, has none."""
        server.on("GET", "/tags", answer)
        assert list(registry.tags("shop/api")) == []

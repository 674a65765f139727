"""Every image of the commit is looked at: what is wrong is named, what is missing is waited for."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kargo_notify import verify as verification
from kargo_notify.content import fits
from kargo_notify.expected import Plan
from kargo_notify.verify import Flaw, Found, VerificationError, verify
from plugin_kit.manifest import Manifest
from plugin_kit.reference import digest_of
from tests.support.held_commit import CANDIDATE, OTHER, SHA, WATCHED, HeldCommit, tagged
from tests.support.scripted_server import Answer, Asked


def verified(held: HeldCommit, plan: Plan | None = None, timeout: float = 0.3) -> tuple[Found, ...]:
    """Verify with little patience."""
    return verify(plan or held.plan(), held.access(), held.console, timeout=timeout)


def flaws(held: HeldCommit, plan: Plan | None = None, timeout: float = 0.3) -> tuple[Flaw, ...]:
    """Verify what is wrong, and check that no tag has come of it."""
    with pytest.raises(VerificationError) as caught:
        verified(held, plan, timeout)
    assert caught.value.exit_code == 1
    assert "nothing was tagged" in caught.value.message
    assert held.store.server.asked(method="PUT") == []
    assert held.tags(SHA) == set()
    for flaw in caught.value.flaws[:60]:
        assert flaw.image in held.log
        assert flaw.found.split()[0] in held.log
    return caught.value.flaws


def shown(found: Sequence[Flaw]) -> list[tuple[str, str, str]]:
    """Return what the table says of each flaw: image, expected, found."""
    return [(flaw.image, flaw.expected, flaw.found) for flaw in found]


def layer_of(manifest: Manifest, number: int = 0) -> str:
    """Return the digest of a layer."""
    return manifest.layers[number].digest


def short(digest: str) -> str:
    """Return a digest as tables show it."""
    return digest[: len("sha256:") + 12]


class TestAllThere:
    """Nothing is wrong."""

    def test_every_part_of_every_image_is_asked_for(self, held: HeldCommit) -> None:
        """Manifest and config by GET, layers by HEAD, nothing else."""
        found = verified(held)
        assert [(each.expected.name, each.tag, each.blobs) for each in found] == [(name, CANDIDATE, 4) for name in held.names]
        asked = [(each.method, each.path) for each in held.store.server.asked()]
        assert len(asked) == len(set(asked)) == 3 * 5
        for name, manifest in held.images.items():
            assert manifest.config
            path = f"/v2/shop/{name}"
            assert {each for each in asked if each[1].startswith(f"{path}/")} == {
                ("GET", f"{path}/manifests/{CANDIDATE}"),
                ("GET", f"{path}/blobs/{manifest.config.digest}"),
                *(("HEAD", f"{path}/blobs/{layer.digest}") for layer in manifest.layers),
            }

    def test_the_bytes_are_kept_for_the_release(self, held: HeldCommit) -> None:
        """They are put under the released tags later."""
        assert {each.expected.name: each.manifest.content for each in verified(held)} == {
            name: manifest.content for name, manifest in held.images.items()
        }

    def test_the_log_is_two_lines(self, held: HeldCommit) -> None:
        """What it begins, and how it ended."""
        verified(held)
        lines = held.out.getvalue().splitlines()
        assert lines[0] == "==> Verifying 3 images of 4c1f0d0a7e5b"
        assert lines[1].endswith(", 12 blobs, all there")
        assert len(lines) == 2

    def test_an_index_has_all_its_images(self, held: HeldCommit) -> None:
        """Each child is looked at; attestations are not images; blobs that children share are asked for once."""
        amd, arm = (held.store.push("shop/web", SHA, platform=platform) for platform in ("linux/amd64", "linux/arm64/v8"))
        attestation = held.store.push("shop/web", None, platform="unknown/unknown", layers=1)
        shared = held.store.put("shop/web", {**arm.document, "layers": [*arm.document["layers"], *amd.document["layers"]]})
        index = {"linux/amd64": amd, "linux/arm64": shared, "unknown/unknown": attestation}
        held.images["web"] = held.store.push_index("shop/web", index, tags=[CANDIDATE])
        web = held.released("web").model_copy(update={"platforms": ("linux/amd64", "linux/arm64")})
        found = verified(held, held.plan(images=(web,), watch=(), in_registry=False), timeout=0)
        assert [each.platforms for each in found] == [("linux/amd64", "linux/arm64")]
        assert held.store.server.asked(attestation.digest) == []
        heads = [each.path for each in held.store.server.asked("/shop/web/", "HEAD")]
        assert len(heads) == len(set(heads)) == 6

    def test_a_candidate_that_a_former_run_removed(self, held: HeldCommit) -> None:
        """The released tag with the recorded digest is as good."""
        plan = held.plan()
        tags = held.store.tags["shop/api"]
        tags[SHA] = tags.pop(CANDIDATE)
        assert [each.tag for each in verified(held, plan)] == [SHA, CANDIDATE, CANDIDATE]

    def test_a_label_may_be_in_manifest_or_config(self, held: HeldCommit) -> None:
        """One of them is enough."""
        held.images["api"] = held.store.push("shop/api", SHA, tags=[CANDIDATE], annotated=False)
        assert len(verified(held)) == 3

    def test_images_by_hand_need_no_label(self, held: HeldCommit) -> None:
        """Other plugins don't set it."""
        held.store.push("shop/api", None, tags=[CANDIDATE])
        assert {each.expected.digest for each in verified(held, held.by_hand())} == {None}
        assert held.log.endswith("api names no commit, so its name is all there is to go by")
        held.store.push("shop/web", None, tags=[CANDIDATE])
        verified(held, held.by_hand())
        assert held.log.endswith("api, web name no commit, so their names are all there is to go by")

    def test_layers_that_registries_do_not_hold_are_not_asked_for(self, held: HeldCommit) -> None:
        """Windows base layers stay where Microsoft has them."""
        document = dict(held.images["api"].document)
        foreign = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": digest_of(b"windows"), "size": 7}
        held.images["api"] = held.store.put("shop/api", {**document, "layers": [foreign, *document["layers"]]}, [CANDIDATE])
        assert len(verified(held)) == 3


class TestWrong:
    """Waiting would not help: all that is wrong is shown at once, and nothing is tagged."""

    def test_a_tag_that_points_elsewhere(self, held: HeldCommit) -> None:
        """Expected and found are named, and the others are still looked at."""
        plan = held.plan()
        other = held.store.push("shop/web", SHA, tags=[CANDIDATE], layers=5)
        assert shown(flaws(held, plan, timeout=60)) == [("web", short(held.images["web"].digest), short(other.digest))]
        assert held.store.server.asked("/shop/query-api/")

    def test_wrong_bytes_under_a_right_header(self, held: HeldCommit) -> None:
        """What is hashed is the answer, not believed."""
        right = held.images["web"]
        wrong = right.content.replace(b"layers", b"loyers")
        held.store.fault("GET", "/shop/web/manifests/", Answer(headers={"Docker-Content-Digest": right.digest}, body=wrong))
        assert shown(flaws(held, timeout=60)) == [("web", short(right.digest), f"bytes of {short(digest_of(wrong))}")]

    def test_a_config_with_wrong_bytes(self, held: HeldCommit) -> None:
        """The digest of the config is in the manifest."""
        config = held.images["web"].config
        assert config
        held.store.fault("GET", config.digest, Answer(body=b"{}"))
        assert shown(flaws(held, timeout=60)) == [("web", short(config.digest), f"bytes of {short(digest_of(b'{}'))}")]

    @pytest.mark.parametrize("annotated", [True, False])
    def test_a_wrong_revision(self, held: HeldCommit, annotated: bool) -> None:
        """In the manifest or in the config: the image is of another commit."""
        held.images["api"] = held.store.push("shop/api", OTHER, tags=[CANDIDATE], annotated=annotated)
        assert shown(flaws(held, timeout=60)) == [("api", "revision 4c1f0d0a7e5b", "revision bbbbbbbbbbbb")]

    def test_a_wrong_revision_of_an_image_by_hand(self, held: HeldCommit) -> None:
        """No label is fine, a wrong one is not."""
        held.store.push("shop/api", OTHER, tags=[CANDIDATE])
        assert shown(flaws(held, held.by_hand(), timeout=60)) == [("api", "revision 4c1f0d0a7e5b", "revision bbbbbbbbbbbb")]

    def test_no_revision_where_registry_push_writes_one(self, held: HeldCommit) -> None:
        """An image of the record without a label was not built from this commit."""
        held.images["api"] = held.store.push("shop/api", None, tags=[CANDIDATE])
        assert shown(flaws(held, timeout=60)) == [("api", "revision 4c1f0d0a7e5b", "no revision label")]

    def test_a_single_image_for_another_platform(self, held: HeldCommit) -> None:
        """The config says what it is for."""
        held.images["api"] = held.store.push("shop/api", SHA, tags=[CANDIDATE], platform="linux/arm64/v8")
        assert shown(flaws(held, timeout=60)) == [("api", "platform linux/amd64", "linux/arm64/v8")]

    def test_an_index_without_a_platform(self, held: HeldCommit) -> None:
        """Which ones there are is said, too."""
        child = held.store.push("shop/api", SHA)
        held.images["api"] = held.store.push_index("shop/api", {"linux/amd64": child}, tags=[CANDIDATE])
        api = held.released("api").model_copy(update={"platforms": ("linux/amd64", "linux/arm64")})
        assert shown(flaws(held, held.plan(images=(api,), watch=(), in_registry=False), timeout=60)) == [
            ("api", "platform linux/arm64", "linux/amd64")
        ]

    def test_a_refused_login_says_what_to_do(self, held: HeldCommit) -> None:
        """It is not waited for."""
        plan = held.plan()
        held.store.fault("GET", "/manifests/", Answer(status=401))
        with pytest.raises(VerificationError) as caught:
            verified(held, plan, timeout=60)
        assert "set `username` and `password`" in (caught.value.hint or "")

    def test_a_refused_login_of_all_images_is_one_sentence(self, held: HeldCommit) -> None:
        """Whether they come from a record or are given by hand: a table would say it once for each."""
        held.store.fault("GET", "/manifests/", Answer(status=401))
        with pytest.raises(VerificationError) as caught:
            verified(held, held.by_hand(), timeout=60)
        host = held.store.host
        assert caught.value.message == (
            f"{host} refused shop/api:{CANDIDATE} (401 Unauthorized); nothing was tagged, and Kargo was not told"
        )
        assert caught.value.details == ("the registry asks for a login and the step has none",)
        assert "set `username` and `password`" in (caught.value.hint or "")
        assert "expected" not in held.log

    def test_a_login_that_is_refused_for_one_image_is_a_table(self, held: HeldCommit) -> None:
        """The others are right, which is worth knowing."""
        plan = held.plan()
        held.store.fault("GET", "/shop/web/manifests/", Answer(status=401))
        assert [flaw.image for flaw in flaws(held, plan, timeout=60)] == ["web"]

    def test_a_released_tag_that_points_elsewhere_needs_force(self, held: HeldCommit) -> None:
        """registry-push takes what it finds there for the commit's: without `force: true` a rerun changes nothing, and stops."""
        held.store.push("shop/web", SHA, tags=["1.2.3"], layers=5)
        with pytest.raises(VerificationError) as caught:
            verified(held, tagged(held.plan(), "web", "1.2.3"), timeout=60)
        assert "once with `force: true` in registry-push" in (caught.value.hint or "")
        held.store.push("shop/web", SHA, tags=[CANDIDATE], layers=5)
        with pytest.raises(VerificationError) as caught:
            verified(held, held.plan(), timeout=60)
        assert caught.value.hint == "somebody else has set the tag since; run the whole pipeline again"

    def test_all_flaws_of_one_run_are_shown(self, held: HeldCommit) -> None:
        """What is missing stands beside what is wrong."""
        held.images["api"] = held.store.push("shop/api", OTHER, tags=[CANDIDATE])
        del held.store.tags["shop/web"][CANDIDATE]
        assert [(flaw.image, flaw.final) for flaw in flaws(held, timeout=60)] == [("api", True), ("web", False)]

    def test_tags_by_hand_name_one_image(self, held: HeldCommit) -> None:
        """A tag that is left behind is an error, a missing one too."""
        other = held.store.push("shop/api", SHA, tags=["stable"], layers=1)
        plan = held.by_hand(images=["api"], tags=[CANDIDATE, "stable", "edge"])
        assert [(flaw.tag, flaw.found) for flaw in flaws(held, plan, timeout=60)] == [("stable", short(other.digest)), ("edge", "nothing")]
        with pytest.raises(VerificationError) as caught:
            verified(held, plan, timeout=60)
        assert "all of `tags` must name one image" in (caught.value.hint or "")


class TestMissing:
    """What is not there yet is waited for."""

    def test_image_7_of_14_is_missing(self, fourteen: HeldCommit) -> None:
        """The others are complete; one line of the table says which one is not."""
        plan = fourteen.plan()
        del fourteen.store.tags["shop/image-07"][CANDIDATE]
        digest = fourteen.images["image-07"].digest
        assert shown(flaws(fourteen, plan)) == [("image-07", f"manifest {short(digest)}", "nothing")]

    def test_a_missing_layer(self, held: HeldCommit) -> None:
        """Which one, by its digest."""
        plan = held.plan()
        layer = layer_of(held.images["web"], 1)
        del held.store.blobs["shop/web"][layer]
        assert shown(flaws(held, plan)) == [("web", f"layer {short(layer)}", "nothing")]

    def test_a_missing_config_and_many_missing_layers(self, held: HeldCommit) -> None:
        """One line for an image, however much it lacks."""
        plan = held.plan()
        held.store.blobs["shop/web"].clear()
        config = held.images["web"].config
        assert config
        words = f"config {short(config.digest)}, layer {short(layer_of(held.images['web']))} and 2 more"
        assert shown(flaws(held, plan)) == [("web", words, "nothing")]

    def test_a_missing_child_of_an_index(self, held: HeldCommit) -> None:
        """The platform is listed, its manifest is gone."""
        child = held.store.push("shop/api", SHA)
        held.images["api"] = held.store.push_index("shop/api", {"linux/amd64": child}, tags=[CANDIDATE])
        plan = held.plan(images=(held.released("api"),), watch=(), in_registry=False)
        del held.store.manifests["shop/api"][child.digest]
        words = f"manifest of linux/amd64 {short(child.digest)}"
        assert words in [flaw.expected for flaw in flaws(held, plan)]

    def test_only_unfinished_images_are_asked_for_again(self, held: HeldCommit) -> None:
        """And of those only what was not there."""
        plan = held.plan()
        layer = layer_of(held.images["web"], 2)
        held.store.fault("HEAD", layer, Answer(status=404), Answer(status=404), held.store.answer)
        verified(held, plan, timeout=60)
        assert len(held.store.server.asked(layer)) == 3
        assert len(held.store.server.asked(layer_of(held.images["web"], 1))) == 1
        assert len(held.store.server.asked("/shop/api/")) == 5

    def test_a_registry_that_restarts_is_waited_for(self, held: HeldCommit) -> None:
        """Dropped connections and 503 are no verdict."""
        plan = held.plan()
        held.store.fault("GET|HEAD", "/v2/", *[Answer(drop=True)] * 4, *[Answer(status=503)] * 3, held.store.answer)
        assert len(verified(held, plan, timeout=60)) == 3

    def test_a_registry_that_does_not_come_back(self, held: HeldCommit) -> None:
        """After `timeout` the step fails, and says why."""
        plan = held.plan()
        held.store.fault("GET|HEAD", "/v2/", Answer(drop=True))
        with pytest.raises(VerificationError) as caught:
            verified(held, plan)
        assert caught.value.message == (
            f"can't reach the registry {held.store.host}: the connection was reset; nothing was tagged, and Kargo was not told"
        )
        assert {flaw.image for flaw in caught.value.flaws} == {"api", "web", WATCHED}
        assert "expected" not in held.log

    def test_too_many_requests_are_not_sent_again_before_their_time(self, held: HeldCommit) -> None:
        """429 with Retry-After is obeyed."""
        plan = held.plan()
        held.store.once("GET", "/shop/web/manifests/", Answer(status=429, headers={"Retry-After": "1"}))
        verified(held, plan, timeout=60)
        first, second = (asked.at for asked in held.store.server.asked("/shop/web/manifests/"))
        assert second - first >= 0.9

    def test_a_registry_that_asks_for_more_patience_than_there_is(self, held: HeldCommit) -> None:
        """It is not asked again at all."""
        plan = held.plan()
        held.store.fault("GET", "/shop/web/manifests/", Answer(status=429, headers={"Retry-After": "50"}))
        found = flaws(held, plan, timeout=5)
        assert "429 Too Many Requests" in found[0].found
        assert len(held.store.server.asked("/shop/web/manifests/")) == 1

    def test_what_is_missing_is_printed_while_it_is_waited_for(self, held: HeldCommit, monkeypatch: pytest.MonkeyPatch) -> None:
        """By reason, with the time that is left; the image comes only after the line."""
        plan = held.plan()
        monkeypatch.setattr(verification, "FIRST_REPORT_SECONDS", 0.01)
        reported = threading.Event()
        tell = held.console.detail

        def detail(text: str) -> None:
            tell(text)
            if "web: no manifest" in text:
                reported.set()

        def late(asked: Asked) -> Answer:
            return held.store.answer(asked) if reported.is_set() else Answer(status=404)

        monkeypatch.setattr(held.console, "detail", detail)
        held.store.fault("GET", "/shop/web/manifests/", late)
        verified(held, plan, timeout=60)
        assert f"web: no manifest {short(held.images['web'].digest)}" in held.log
        assert "still waiting, for" in held.log

    def test_an_image_by_hand_that_is_missing_is_named_in_good_english(self, held: HeldCommit, monkeypatch: pytest.MonkeyPatch) -> None:
        """Which manifest it shall be is not known."""
        monkeypatch.setattr(verification, "FIRST_REPORT_SECONDS", 0.01)
        del held.store.tags["shop/web"][CANDIDATE]
        with pytest.raises(VerificationError):
            verified(held, held.by_hand(), timeout=0.3)
        assert "web: no manifest" in held.log

    def test_without_patience_there_is_one_look(self, held: HeldCommit) -> None:
        """`timeout: 0s` fails at once."""
        plan = held.plan()
        del held.store.tags["shop/web"][CANDIDATE]
        flaws(held, plan, timeout=0)
        assert len(held.store.server.asked(f"/shop/web/manifests/{CANDIDATE}")) == 1


def test_a_long_table_is_cut(held: HeldCommit) -> None:
    """A registry that has lost a thousand images is told in sixty lines."""
    plan = held.plan()
    image = plan.images[0]
    many = tuple(replace(image, name=f"image-{number}", tag="gone", digest=digest_of(b"")) for number in range(70))
    flaws_of = flaws(held, replace(plan, images=many, watched=()), timeout=0)
    assert len(flaws_of) == 70
    assert "and 10 more" in held.log


def test_the_tag_of_the_table_is_the_one_that_was_asked_for(held: HeldCommit) -> None:
    """Not the one that it shall get."""
    assert [flaw.tag for flaw in flaws(held, tagged(held.plan(), "api", "v1.2.3"), timeout=0)] == ["v1.2.3"]


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/amd64", "linux/arm64", False),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm", "linux/arm/v6", True),
        ("linux/arm/v6", "linux/arm", False),
        ("linux/arm/v7", "linux/arm", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/amd64", "windows/amd64", False),
        ("linux/amd64/v2", "linux/amd64", False),
    ],
)
def test_a_platform_fits_as_containerd_compares_them(wanted: str, found: str, expected: bool) -> None:
    """The usual variant of an architecture may be left out; where none is wanted, any will do."""
    assert fits(wanted, found) is expected


def test_documents_that_are_no_images_have_no_labels(held: HeldCommit) -> None:
    """A config may be anything; without a record nothing is demanded of it."""
    odd: list[Any] = [b"[]", b"not JSON", b'{"config": "text"}', b'{"config": {"Labels": []}}']
    for number, content in enumerate(odd):
        config = held.store._blob("shop/odd", content, "application/octet-stream")
        document = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []}
        held.store.put("shop/odd", document, [f"odd-{number}"])
    for number in range(len(odd)):
        assert [each.platforms for each in verified(held, held.by_hand(images=["odd"], tags=[f"odd-{number}"]))] == [()]

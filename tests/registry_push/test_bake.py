"""The bake file that a plan becomes."""

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from registry_push.bake import Extras, document, rfc3339, stamps
from registry_push.plan import Plan
from tests.support.plans import NOON, SHA, ci, make, settings, source

STAMPS = {
    "org.opencontainers.image.created": "2026-05-04T12:00:00Z",
    "org.opencontainers.image.revision": SHA,
    "org.opencontainers.image.source": "https://git.example.lan/acme/shop",
}


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this machine's own proxies out."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def extras(*, secret_files: Mapping[str, Mapping[str, str]] | None = None, plain: tuple[str, ...] = ()) -> Extras:
    """Return what a bake file needs beside the plan."""
    return Extras(created=NOON, secret_files=secret_files or {}, plain_hosts=plain)


def baked(plan: Plan, *build: str, plain: tuple[str, ...] = (), **given: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """Write the bake file of a plan, by default for all that is pushed, and return its targets."""
    wanted = build or tuple(target.id for target in plan.pushed)
    written = document(plan, settings(**given), wanted, extras(plain=plain))
    assert json.loads(json.dumps(written)) == written
    assert set(written) == {"target"}
    targets: dict[str, dict[str, Any]] = written["target"]
    return targets


def one(**given: Any) -> dict[str, Any]:  # noqa: ANN401  the fields of Settings
    """Write the bake file of one image and return its target."""
    return baked(make(source("api"), given=given), **given)["api"]


def attributes(text: str) -> dict[str, str]:
    """Read attributes as buildx does, with a CSV reader."""
    (fields,) = csv.reader([text])
    return dict(field.split("=", 1) for field in fields)


class TestTarget:
    """One image of the plan becomes one target."""

    def test_a_target_says_what_is_built(self) -> None:
        """The whole of a plain target: nothing more is written than is needed."""
        assert one() == {
            "context": "/workspace/services/api",
            "dockerfile": "/workspace/services/api/Dockerfile",
            "args": {},
            "labels": STAMPS,
            "output": [one()["output"][0]],
            "pull": True,
        }

    def test_an_image_is_pushed_by_digest(self) -> None:
        """No tag is set by the build, and the manifest carries what releases are ordered by."""
        assert attributes(one()["output"][0]) == {
            "type": "image",
            "name": "registry.lan:5000/shop/api",
            "push": "true",
            "push-by-digest": "true",
            "name-canonical": "true",
            "oci-mediatypes": "true",
            **{f"annotation.{key}": value for key, value in STAMPS.items()},
            "annotation.io.local-cicd.pipeline": "7",
        }

    def test_an_unknown_pipeline_is_left_out(self) -> None:
        """On a laptop there is no number, and no made-up one."""
        plan = make(run=ci(pipeline_number=None, repo_url=None))
        (output,) = baked(plan)["api"]["output"]
        assert "pipeline" not in output
        assert "image.source" not in output

    def test_a_version_is_stamped_on_a_git_tag(self) -> None:
        """The git tag is the image's version."""
        plan = make(run=ci(tag="v1.2.3", branch=None))
        target = baked(plan)["api"]
        assert target["labels"]["org.opencontainers.image.version"] == "v1.2.3"
        assert attributes(target["output"][0])["annotation.org.opencontainers.image.version"] == "v1.2.3"

    def test_several_platforms_have_annotations_on_the_index_too(self) -> None:
        """Kargo reads the index, `docker inspect` the image."""
        target = one(platforms=["linux/amd64", "linux/arm64"])
        output = attributes(target["output"][0])
        assert target["platforms"] == ["linux/amd64", "linux/arm64"]
        for key, value in STAMPS.items():
            assert output[f"annotation.{key}"] == value
            assert output[f"annotation-index.{key}"] == value

    def test_one_platform_has_no_index(self) -> None:
        """BuildKit refuses annotations of an index where there is none."""
        target = one(platforms=["linux/arm64"])
        assert target["platforms"] == ["linux/arm64"]
        assert "annotation-index" not in target["output"][0]

    @pytest.mark.parametrize(
        ("given", "attest"),
        [
            ({}, None),
            ({"provenance": "false"}, None),
            ({"provenance": "true"}, ["type=provenance"]),
            ({"provenance": "mode=max"}, ["type=provenance,mode=max"]),
            ({"sbom": True}, ["type=sbom"]),
            ({"provenance": "mode=min", "sbom": True}, ["type=provenance,mode=min", "type=sbom"]),
        ],
    )
    def test_attestations_are_off_unless_asked_for(self, given: dict[str, Any], attest: list[str] | None) -> None:
        """They turn an image into an index, which then carries the annotations."""
        target = one(**given)
        assert target.get("attest") == attest
        assert ("annotation-index." in target["output"][0]) is (attest is not None)

    @pytest.mark.parametrize(("plain", "insecure"), [((), False), (("registry.lan:5000",), True), (("other.lan",), False)])
    def test_plain_http_is_an_attribute_of_the_push(self, plain: tuple[str, ...], insecure: bool) -> None:
        """It needs no configuration of the builder, so it works with a shared one."""
        (output,) = baked(make(), plain=plain)["api"]["output"]
        assert (attributes(output).get("registry.insecure") == "true") is insecure

    @pytest.mark.parametrize(
        ("key", "given", "value"),
        [
            ("pull", {"pull_image": False}, False),
            ("no-cache", {"no_cache": True}, True),
            ("extra-hosts", {"add_host": ["db:10.0.0.1", "six:fd00::1"]}, {"db": "10.0.0.1", "six": "fd00::1"}),
        ],
    )
    def test_settings_of_the_step_reach_every_target(self, key: str, given: dict[str, Any], value: object) -> None:
        """They are written for all images alike."""
        targets = baked(make(source("api"), source("web"), given=given), **given)
        assert [target[key] for target in targets.values()] == [value, value]

    def test_an_images_own_values_win(self) -> None:
        """Arguments and labels of the image come on top of the step's; nobody overrides the stamps."""
        plan = make(
            source(
                "api",
                build_args={"A": "image", "B": "1"},
                labels={"team": "api", "org.opencontainers.image.revision": "fake"},
                target="prod",
            )
        )
        target = baked(plan, build_args={"A": "step", "C": "2"}, labels={"team": "all", "tier": "1"})["api"]
        assert target["args"] == {"A": "image", "B": "1", "C": "2"}
        assert target["labels"] == {"team": "api", "tier": "1", **STAMPS}
        assert target["target"] == "prod"

    def test_arguments_may_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`build_args_from_env` names variables of the step; unset ones are left to the Dockerfile's default."""
        monkeypatch.setenv("CI_COMMIT_SHA", SHA)
        monkeypatch.delenv("NOT_SET", raising=False)
        assert one(build_args_from_env=["CI_COMMIT_SHA", "NOT_SET"])["args"] == {"CI_COMMIT_SHA": SHA}

    def test_proxies_are_passed_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """They are predefined arguments, in both cases, and part of no image."""
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.lan:3128")
        monkeypatch.setenv("no_proxy", "localhost,.lan")
        assert one()["args"] == {"HTTPS_PROXY": "http://proxy.lan:3128", "no_proxy": "localhost,.lan"}

    def test_secrets_are_named_by_file(self) -> None:
        """The value is in a file that only buildx reads, and nowhere in the bake file."""
        written = document(make(), settings(), ["api"], extras(secret_files={"api": {"token": "/run/s/1", "npm,rc": "/run/s/2"}}))
        assert written["target"]["api"]["secret"] == ['"id=npm,rc",src=/run/s/2', "id=token,src=/run/s/1"]

    def test_keys_of_a_bake_file_are_kept(self) -> None:
        """What the plan knows nothing of is passed on, what it decides is not left to the file."""
        bake = {"ssh": ["default"], "no-cache-filter": ["deps"], "secret": ["id=a,src=/a"], "output": ["type=local,dest=."], "pull": False}
        written = document(make(source("api", bake=bake)), settings(), ["api"], extras(secret_files={"api": {"b": "/b"}}))
        target = written["target"]["api"]
        assert (target["ssh"], target["no-cache-filter"]) == (["default"], ["deps"])
        assert target["secret"] == ["id=a,src=/a", "id=b,src=/b"]
        assert target["output"][0].startswith("type=image,")
        assert target["pull"] is True


class TestQuoting:
    """Attributes are CSV, as buildx reads them."""

    @pytest.mark.parametrize("value", ["plain", "with, comma", 'with "quotes"', "with = sign", "ümläut", 'all, "of = them"'])
    def test_a_value_survives(self, value: str) -> None:
        """Whatever stands in a value, buildx reads the same."""
        (output,) = baked(make(run=ci(repo_url=value)))["api"]["output"]
        assert attributes(output)["annotation.org.opencontainers.image.source"] == value

    def test_a_field_with_a_comma_is_quoted_as_a_whole(self) -> None:
        """Go's encoding/csv takes quotes around a whole field only."""
        (output,) = baked(make(run=ci(repo_url="a,b")))["api"]["output"]
        assert '"annotation.org.opencontainers.image.source=a,b"' in output


class TestCache:
    """Where the cache comes from and goes to."""

    def test_a_builder_that_stays_needs_none(self) -> None:
        """Nothing is said about the cache."""
        assert "cache-from" not in one()
        assert "cache-to" not in one()

    def test_the_registry_keeps_one_cache_per_image(self) -> None:
        """Several targets writing one reference would overwrite each other."""
        targets = baked(make(source("api"), source("web"), builders=()))
        for name, target in targets.items():
            ref = f"registry.lan:5000/shop/{name}:buildcache"
            assert [attributes(text) for text in target["cache-from"]] == [{"type": "registry", "ref": ref}]
            assert [attributes(text) for text in target["cache-to"]] == [
                {
                    "type": "registry",
                    "ref": ref,
                    "mode": "max",
                    "image-manifest": "true",
                    "oci-mediatypes": "true",
                    "ignore-error": "true",
                }
            ]

    def test_plain_http_is_an_attribute_of_the_cache_too(self) -> None:
        """Import and export both need it."""
        target = baked(make(builders=()), plain=("registry.lan:5000",))["api"]
        assert all("registry.insecure=true" in text for text in (*target["cache-from"], *target["cache-to"]))

    def test_a_cache_on_another_host_keeps_its_protocol(self) -> None:
        """Only the hosts that the user called insecure are."""
        given = {"cache_from": [{"type": "registry", "ref": "other.lan/cache"}, {"type": "registry", "ref": "registry.lan:5000/cache"}]}
        first, second = baked(make(given=given), plain=("registry.lan:5000",), **given)["api"]["cache-from"]
        assert "insecure" not in first
        assert "registry.insecure=true" in second

    def test_explicit_sources_replace_the_default(self) -> None:
        """Maps are passed on as they are, a bare reference is a registry's; nothing is written that was not asked for."""
        given: dict[str, Any] = {"cache_from": [{"type": "s3", "bucket": "b,c"}, {"": "registry.lan:5000/cache:x"}]}
        target = baked(make(given=given, builders=()), **given)["api"]
        assert [attributes(text) for text in target["cache-from"]] == [
            {"type": "s3", "bucket": "b,c"},
            {"type": "registry", "ref": "registry.lan:5000/cache:x"},
        ]
        assert "cache-to" not in target

    def test_explicit_destinations_leave_the_default_source(self) -> None:
        """Who says only where the cache goes still reads the usual one."""
        given: dict[str, Any] = {"cache_to": [{"type": "registry", "ref": "registry.lan:5000/cache", "mode": "min"}]}
        target = baked(make(given=given, builders=()), **given)["api"]
        assert [attributes(text)["mode"] for text in target["cache-to"]] == ["min"]
        assert [attributes(text)["ref"] for text in target["cache-from"]] == ["registry.lan:5000/shop/api:buildcache"]

    def test_cache_images_go_both_ways(self) -> None:
        """As in plugin-docker-buildx: source and destination with all layers."""
        given: dict[str, Any] = {"cache_images": ["registry.lan:5000/cache"]}
        target = baked(make(given=given), **given)["api"]
        assert [attributes(text) for text in target["cache-from"]] == [{"type": "registry", "ref": "registry.lan:5000/cache"}]
        assert [attributes(text)["mode"] for text in target["cache-to"]] == ["max"]

    def test_what_is_not_pushed_writes_no_cache(self) -> None:
        """A dry run leaves nothing behind."""
        target = baked(make(given={"dry_run": True}, builders=()), dry_run=True)["api"]
        assert target["output"] == ["type=cacheonly"]
        assert "cache-to" not in target
        assert "cache-from" in target


class TestClosure:
    """What is written beside the targets asked for: what they are built from, and nothing else."""

    def plan(self) -> Plan:
        """Plan two bases upon each other, two images on the second, and one that stands alone."""
        return make(
            source("os", push=False),
            source("python", push=False, contexts={"os": "target:os"}),
            source("api", contexts={"base": "target:python"}),
            source("worker", contexts={"base": "target:python", "web": "target:web", "docs": "/workspace/docs"}),
            source("web"),
        )

    @pytest.mark.parametrize(
        ("build", "targets"),
        [
            (("web",), ["web"]),
            (("api",), ["os", "python", "api"]),
            (("worker",), ["os", "python", "worker", "web"]),
            (("api", "web"), ["os", "python", "api", "web"]),
            (("api", "worker", "web"), ["os", "python", "api", "worker", "web"]),
        ],
    )
    def test_bases_come_along(self, build: tuple[str, ...], targets: list[str]) -> None:
        """A target that is built from others brings them, however deep."""
        assert list(baked(self.plan(), *build)) == targets

    def test_only_what_was_asked_for_is_pushed(self) -> None:
        """An image that is kept as it is, and needed as base, is not pushed a second time."""
        targets = baked(self.plan(), "worker")
        assert {name: target["output"][0].split(",")[0] for name, target in targets.items()} == {
            "os": "type=cacheonly",
            "python": "type=cacheonly",
            "worker": "type=image",
            "web": "type=cacheonly",
        }
        assert targets["worker"]["contexts"] == {"base": "target:python", "web": "target:web", "docs": "/workspace/docs"}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 5, 4, 12, 0, 0, 999, tzinfo=UTC), "2026-05-04T12:00:00Z"),
        (datetime(2026, 5, 4, 12, 0, tzinfo=timezone(timedelta(hours=2))), "2026-05-04T10:00:00Z"),
    ],
)
def test_times_are_utc_and_whole_seconds(moment: datetime, text: str) -> None:
    """As the image specification writes them."""
    assert rfc3339(moment) == text


def test_all_images_of_a_run_carry_the_same_stamps() -> None:
    """Kargo sorts equal times by tag: one time for all keeps a commit together."""
    targets = baked(make(source("api"), source("web")))
    assert targets["api"]["labels"] == targets["web"]["labels"] == stamps(make(), NOON)

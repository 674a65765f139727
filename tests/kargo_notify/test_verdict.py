"""What two readings of a Warehouse say about a commit's Freight."""

from typing import Any

import pytest

from kargo_notify.commit import Commit, matches
from kargo_notify.freight import Artifact
from kargo_notify.verdict import Before, State, Verdict, advice, judge, shortened
from kargo_notify.warehouse import Warehouse
from tests.support.kargo_recording import DIGEST, REPOSITORY, TAG, body

OLDER = "c00dbbc9dadfbe1e232e93a729dd4752fade0abf"
OLDER_DIGEST = "sha256:8dcc05264d2609803ada9fee1e834e6429488801755562dd2d2a1c2a2b163ea8"
NOW = "2026-11-23T14:00:00Z"
NEVER_PUSHED = (
    'Artifact discovery failed: error discovering artifacts: error discovering newest applicable images "r/a": error listing tags: '
    "error listing tags for repo URL r/a: GET http://r/v2/a/tags/list?n=1000: NAME_UNKNOWN: repository name not known to registry"
)


def commit(tag: str = TAG, digest: str = DIGEST, repository: str = REPOSITORY) -> Commit:
    """Make a commit of one image."""
    return Commit(revision=tag, artifacts=(Artifact(repo_url=repository, tag=tag, digest=digest),))


def verdict(document: dict[str, Any], of: Commit, *, handled: str | None = None, discovered_at: str | None = None) -> Verdict:
    """Judge a Warehouse by what it said before: by default that it had never handled or discovered anything."""
    now = Warehouse.read(document)
    before = Warehouse.read({"status": {"lastHandledRefresh": handled, "discoveredArtifacts": {"discoveredAt": discovered_at}}})
    return judge(Before.of(before), now, of, matches(now, of))


def listed(document: dict[str, Any], *images: tuple[str, str, str]) -> dict[str, Any]:
    """Let the Warehouse have discovered images of (tag, digest, created)."""
    references = [{"tag": tag, "digest": digest, "createdAt": created} for tag, digest, created in images]
    document["status"]["discoveredArtifacts"] = {"discoveredAt": NOW, "images": [{"repoURL": REPOSITORY, "references": references}]}
    return document


def test_our_image_comes_first() -> None:
    """The Freight is there or about to be."""
    assert verdict(body("warehouse, discovered"), commit()).state is State.READY


def test_a_refresh_that_is_not_handled_decides_nothing() -> None:
    """The list of before is not taken for an answer."""
    document = body("warehouse, discovered")
    document["metadata"]["annotations"]["kargo.akuity.io/refresh"] = NOW
    assert verdict(document, commit("b" * 40)).state is State.PENDING


def test_an_older_image_that_comes_late_is_superseded() -> None:
    """Recorded: it stands in the list and not first, and what is first is newer."""
    found = verdict(body("warehouse, older image discovered but not newest"), commit(OLDER, OLDER_DIGEST))
    assert found.state is State.SUPERSEDED
    assert found.message == "c00dbbc9dadf is superseded by the newer 0737bdd18b11"
    assert found.details == (f"{REPOSITORY}: {TAG[:12]} (created 2026-11-23T13:21:21Z) before {OLDER[:12]} (created 2020-01-01T00:00:00Z)",)


@pytest.mark.parametrize(
    "name", ["warehouse, discovery failed", "warehouse, 12 s after failed discovery (the trap: Ready again from old data)"]
)
def test_handled_is_not_discovered(name: str) -> None:
    """Recorded: the refresh is handled and the Warehouse Ready, but `discoveredAt` is that of before."""
    found = verdict(body(name), commit("b" * 40), handled="2026-11-23T13:22:08Z", discovered_at="2026-11-23T13:22:08Z")
    assert found.state is State.FAILED
    assert "without a new look at the registry" in found.message


def test_a_failure_that_kargo_still_tells_of_is_passed_on() -> None:
    """Recorded: a registry that is down; the cause is cut out of the chain of errors, with advice."""
    document = body("warehouse, registry down")
    document["metadata"]["annotations"] = {"kargo.akuity.io/refresh": NOW}
    document["status"]["lastHandledRefresh"] = NOW
    found = verdict(document, commit(repository="127.0.0.1:5999/shop/query-api"))
    assert found.state is State.FAILED
    (detail,) = found.details
    assert detail.startswith('Get "https://127.0.0.1:5999/v2/": dial tcp 127.0.0.1:5999: connect: connection refused')
    assert found.hint == "Kargo's controller can't reach the registry under this address"


def test_a_refresh_taken_for_the_one_before_is_asked_again() -> None:
    """Kargo writes whole seconds: two requests within one are one, and ours may not have been looked at."""
    found = verdict(body("warehouse, discovered"), commit("b" * 40), handled="2026-11-23T13:21:22Z", discovered_at="2026-11-23T13:21:20Z")
    assert found.state is State.FAILED


def test_a_tag_that_kargo_did_not_find() -> None:
    """The discovery is new: what it found instead is told."""
    found = verdict(body("warehouse, discovered"), commit("b" * 40))
    assert found.state is State.ABSENT
    assert found.details == (f"{REPOSITORY}: 1 image discovered, the first is {TAG[:12]}",)


def test_a_platform_hides_single_manifests() -> None:
    """Kargo knows platforms of an index's children only."""
    document = body("warehouse, discovered")
    document["spec"]["subscriptions"][0]["image"]["platform"] = "linux/amd64"
    assert any("platform linux/amd64" in line for line in verdict(document, commit("b" * 40)).details)


def test_filters_that_only_kargo_understands_are_named() -> None:
    """A tag that was not found may have been filtered out."""
    document = body("warehouse, discovered")
    document["spec"]["subscriptions"][0]["image"]["allowTagsRegexes"] = ["^[[:xdigit:]]{7}$"]
    assert any("with ^[[:xdigit:]]{7}$ may not take" in line for line in verdict(document, commit("b" * 40)).details)


def test_images_of_the_same_second_are_sorted_by_chance() -> None:
    """A tie that is lost is nobody's newer commit: an error."""
    document = listed(body("warehouse, discovered"), ("f" * 40, "sha256:f", NOW), (TAG, DIGEST, NOW))
    found = verdict(document, commit())
    assert found.state is State.BEATEN
    assert "same second" in found.message


def test_an_older_image_may_be_first_by_another_order() -> None:
    """Lexical sorts by name: which commit is newer does not matter there."""
    document = listed(body("warehouse, discovered"), ("f" * 40, "sha256:f", "2020-01-01T00:00:00Z"), (TAG, DIGEST, NOW))
    document["spec"]["subscriptions"][0]["image"]["imageSelectionStrategy"] = "Lexical"
    found = verdict(document, commit())
    assert found.state is State.BEATEN
    assert "sorts by Lexical" in found.message
    assert found.hint
    assert "NewestBuild" in found.hint


def test_a_tag_with_another_digest_is_explained() -> None:
    """`cacheByTag` never looks at a tag twice: the Freight of the new bytes can't come."""
    found = verdict(listed(body("warehouse, discovered"), (TAG, "sha256:other", NOW)), commit())
    assert found.state is State.BROKEN
    assert found.hint
    assert "cacheByTag" in found.hint


def test_a_full_list_of_newer_images_crowds_ours_out() -> None:
    """Kargo keeps the newest only; ours is superseded, not lost."""
    document = listed(body("warehouse, discovered"), ("f" * 40, "sha256:f", NOW), ("d" * 40, "sha256:d", NOW))
    document["spec"]["subscriptions"][0]["image"]["discoveryLimit"] = 2
    ours = Commit(revision=TAG, artifacts=commit().artifacts, created=Warehouse.read(body("warehouse, discovered")).discovered_at)
    assert verdict(document, ours).state is State.SUPERSEDED


def test_criteria_that_are_not_met_name_the_images_that_differ() -> None:
    """The first image of each repository is what Kargo compares."""
    document = body("warehouse, discovered")
    other, third = "127.0.0.1:5000/shop/ingest", "127.0.0.1:5000/shop/web"
    for url, tag in ((other, OLDER), (third, TAG)):
        document["spec"]["subscriptions"].append({"image": {"repoURL": url, "imageSelectionStrategy": "NewestBuild"}})
        document["status"]["discoveredArtifacts"]["images"].append({"repoURL": url, "references": [{"tag": tag, "digest": "sha256:0"}]})
    document["spec"]["freightCreationCriteria"] = {"expression": "imageFrom('a').Tag ==\n  imageFrom('b').Tag"}
    condition = next(each for each in document["status"]["conditions"] if each["type"] == "FreightCreationCriteriaSatisfied")
    condition |= {"status": "False", "reason": "CriteriaNotSatisfied", "message": "Freight creation criteria were not satisfied"}
    found = verdict(document, commit())
    assert found.state is State.UNMET
    assert found.details == (f"{other} has {OLDER[:12]}", f"2 of 3 have {TAG[:12]}", "criteria: imageFrom('a').Tag == imageFrom('b').Tag")


@pytest.mark.parametrize("reason", ["CriteriaEvaluationFailed", "FreightBuildFailure", "MissingImageReferences"])
def test_a_kargo_that_can_make_no_freight_says_why(reason: str) -> None:
    """Its own sentence is passed on."""
    document = body("warehouse, discovered")
    document["status"]["conditions"][0] |= {"status": "False", "reason": reason, "message": "something is wrong"}
    found = verdict(document, commit())
    assert (found.state, found.details) == (State.BROKEN, ("something is wrong",))
    assert reason in found.message


@pytest.mark.parametrize("reason", ["DiscoveryInProgress", "AwaitingFreightCreation"])
def test_a_kargo_at_work_is_not_broken(reason: str) -> None:
    """Its conditions are False for a moment."""
    document = body("warehouse, discovered")
    document["status"]["conditions"][0] |= {"status": "False", "reason": reason}
    assert verdict(document, commit()).state is State.READY


@pytest.mark.parametrize(
    ("complaint", "end", "sign"),
    [
        (
            NEVER_PUSHED,
            "GET http://r/v2/a/tags/list?n=1000: NAME_UNKNOWN: repository name not known to registry",
            "no such repository",
        ),
        (
            'Unable to discover: Get "https://r/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
            'Get "https://r/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
            "does not trust",
        ),
        (
            "GET http://r/v2/a/manifests/b: MANIFEST_UNKNOWN: gone",
            "GET http://r/v2/a/manifests/b: MANIFEST_UNKNOWN: gone",
            "tag without manifest",
        ),
        ('Get "https://r/v2/": http: server gave HTTP response to HTTPS client', "HTTPS client", "speaks https"),
        ('Get "https://r/v2/": dial tcp: lookup r: no such host', "no such host", "resolve"),
        ("GET https://r/v2/a/tags/list: UNAUTHORIZED: authentication required", "authentication required", "cred-type"),
    ],
)
def test_kargos_complaints_are_shortened_and_explained(complaint: str, end: str, sign: str) -> None:
    """The cause stands at the end of a chain of errors; most have a cure."""
    assert shortened(complaint).endswith(end)
    assert len(shortened(complaint)) <= len(complaint)
    hint = advice(complaint)
    assert hint
    assert sign in hint


def test_an_endless_complaint_is_cut() -> None:
    """Kargo's messages may hold 32 kB."""
    assert len(shortened("x" * 30000)) == 240

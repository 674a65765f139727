"""Whole repositories: migrated, written, and looked at by `bootstrap check` and a real Helm."""

import pytest

from bootstrap.results.result import Outcome
from tests.bootstrap.migrate.conftest import Place
from tests.bootstrap.migrate.large_layouts import LIKE_THE_DEMO, SEED
from tests.bootstrap.migrate.layouts import ANCHORS, SERVICES, SINGLE, Layout
from tests.bootstrap.migrate.migrating import touched

each_layout = pytest.mark.parametrize("layout", [SINGLE, SERVICES, ANCHORS, LIKE_THE_DEMO, SEED], ids=lambda layout: layout.name)


@each_layout
def test_a_repository_is_off_ghcr_and_in_order_afterwards(layout: Layout, place: Place, helm: str) -> None:
    """By every check that looks at it, and nothing is left for a second run."""
    place.lay(layout.files, platform=layout.platform, remote=layout.remote)
    assert place.check(helm)["ghcr-remnants"].outcome is Outcome.FAILED
    assert place.migrate("--write")[0] == 0
    results = place.check(helm)
    assert [finding for finding in results["ghcr-remnants"].findings if not finding.is_warning] == []
    assert results["helm-rendering"].outcome is Outcome.OK, results["helm-rendering"].findings
    assert results["pipeline-file"].outcome is Outcome.OK, results["pipeline-file"].findings
    assert [name for name, result in results.items() if result.outcome is Outcome.FAILED] == []
    before = place.files()
    code, answer = place.answer("--write")
    assert (code, answer["outcome"], answer["changes"]) == (0, "nothing", [])
    assert place.files() == before


@each_layout
def test_only_what_was_meant_changes(layout: Layout, place: Place) -> None:
    """To the byte; what git has afterwards is what was shown before."""
    place.lay(layout.files, platform=layout.platform, remote=layout.remote)
    code, answer = place.answer()
    assert code == 2
    assert place.files() == {name: text.encode() for name, text in layout.files.items()}
    place.migrate("--write")
    after = place.files()
    for name, text in layout.after.items():
        assert after[name].decode() == text
    assert not after.keys() & set(layout.gone)
    shown = {change["path"]: change["action"] for change in answer["changes"]}
    made = {".woodpecker.yml": "create"} if ".woodpecker.yml" not in layout.files else {}
    deleted = dict.fromkeys(layout.gone, "delete")
    edited = {name: "edit" for name, text in layout.files.items() if name in after and after[name] != text.encode()}
    assert shown == {**made, **deleted, **edited}


@each_layout
def test_every_line_that_goes_has_to_do_with_github(layout: Layout, place: Place) -> None:
    """In the files that stay."""
    place.lay(layout.files, platform=layout.platform, remote=layout.remote)
    place.migrate("--write")
    for name, content in place.files().items():
        if name in layout.files:
            before, after = layout.files[name], content.decode()
            gone, come = touched(before, after)
            assert len(come) <= len(gone)
            ends = {"\r\n" if line.endswith("\r\n") else "\n" for line in come}
            assert not ends or ends == ({"\r\n"} if "\r\n" in before else {"\n"})


@each_layout
def test_the_first_pipeline_builds_what_is_deployed(layout: Layout, place: Place) -> None:
    """By the Dockerfiles that are there."""
    place.lay(layout.files, platform=layout.platform, remote=layout.remote)
    place.migrate("--write")
    lines = (place.root / ".woodpecker.yml").read_text(encoding="utf-8").splitlines()
    built = [line.partition("name: ")[2].partition(",")[0].partition("}")[0] for line in lines if line.startswith("        - {name: ")]
    assert sorted(built) == sorted(layout.built)


def test_a_demo_of_fourteen_images_is_built_as_its_own_pipeline_does(place: Place) -> None:
    """From the folder of each service, or from the root where its Dockerfile copies from there."""
    place.lay(LIKE_THE_DEMO.files, platform=LIKE_THE_DEMO.platform, remote=LIKE_THE_DEMO.remote)
    place.migrate("--write")
    text = (place.root / ".woodpecker.yml").read_text(encoding="utf-8")
    assert "- {name: market-feed, context: services/market-feed}\n" in text
    assert "- {name: order-router, dockerfile: services/order-router/Dockerfile}\n" in text
    assert "- {name: dashboard, context: frontend}  # is it this one?" in text
    assert "# - {name: base, context: base}  # nothing deploys it under this name\n" in text


def test_what_can_not_be_known_is_left_to_a_person(place: Place) -> None:
    """With the line."""
    place.lay(SERVICES.files, platform=SERVICES.platform, remote=SERVICES.remote)
    said = [f"{each['file']}:{each['line']}: {each['text']}" for each in place.answer()[1]["look_at"]]
    assert said == ["chart/values.yaml:11: ghcr.io/dexidp/dex is an image of others, and still comes from GHCR"]


def test_no_secret_is_shown(place: Place) -> None:
    """Neither in the diff nor as JSON; and a person is told that git still has it."""
    place.lay(SERVICES.files, platform=SERVICES.platform, remote=SERVICES.remote)
    shown = place.migrate()[1]
    assert "not-a-real-one-1" not in shown + str(place.answer())
    assert "password or token for GHCR stands in the repository" in shown
    place.lay(SEED.files, platform=SEED.platform, remote=None, commit=False)
    assert "eyJhdXRocyI6" not in place.migrate("--project", "stonks-oracle")[1]

"""What Dockerfiles build on: changed where this repository makes it, else left and named; and what is deployed and made nowhere."""

from pathlib import PurePosixPath

import pytest
import yaml

from bootstrap.migrate.builds import Build, Builds, with_bases
from bootstrap.migrate.dockerfile import Base, bases
from tests.bootstrap.migrate.conftest import Place
from tests.bootstrap.migrate.migrating import migrated

OURS = "registry.example.lan/shop/"
NOBODYS = "which nothing here builds"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM a:1\n", [Base(name="a:1", line=0)]),
        ("from --platform=$BUILDPLATFORM a:1 AS b\nFROM b\n", [Base(name="a:1", line=0), Base(name="b", line=1)]),
        ('ARG A=a X="y"\nFROM ${A}/$X:1\n', [Base(name="a/y:1", line=1, arguments=frozenset({0}))]),
        ("FROM ${A:-a:1}\nFROM $B\n", [Base(name="a:1", line=0), Base(name="", line=1)]),
        ("COPY --chown=1:1 --from=a:1 /x /y\nCOPY /x /y\n", [Base(name="a:1", line=0)]),
        ("RUN --mount=type=bind,from=a:1,target=/x --mount=from=b,target=/y z\n", [Base(name="a:1", line=0), Base(name="b", line=0)]),
        ("# FROM a\nLABEL from=a\n", []),
    ],
)
def test_what_a_dockerfile_builds_on(text: str, found: list[Base]) -> None:
    """By every instruction that takes an image."""
    assert list(bases(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "FROM ghcr.io/ann/base:1\nCOPY a /a\n",
        "FROM ghcr.io/ann/shop/base:1\n",
        "COPY --from=ghcr.io/ann/base:1 /a /a\n",
        "RUN --mount=type=bind,from=ghcr.io/ann/base,target=/x y\n",
        "FROM ${BASE:-ghcr.io/ann/base:1}\n",
    ],
)
def test_a_base_that_nothing_here_builds_stays_and_is_named(text: str) -> None:
    """In the platform's registry it would be nowhere, and the first build would fail."""
    outcome = migrated({"query-api/Dockerfile": text})
    name = "ghcr.io/ann/shop/base" if "/shop/" in text else "ghcr.io/ann/base"
    assert outcome.files["query-api/Dockerfile"] == text
    assert outcome.looks == (f"query-api/Dockerfile:1: builds on {name}, {NOBODYS}",)
    assert outcome.plan.looks[0].hint == f"copy it to {OURS}base, and name it with --from {name}; until then it comes from GHCR"


@pytest.mark.parametrize("before", ["ARG BASE=ghcr.io/ann/base:1\nFROM ${BASE}\n", "ARG R=ghcr.io/ann/shop\nFROM $R/base:1\n"])
def test_an_argument_that_a_base_is_named_by_stays_with_it(before: str) -> None:
    """Whole names, and the beginning of one."""
    outcome = migrated({"api/Dockerfile": before})
    assert outcome.files["api/Dockerfile"] == before
    name = "ghcr.io/ann/base" if "BASE" in before else "ghcr.io/ann/shop/base"
    assert outcome.looks == (f"api/Dockerfile:2: builds on {name}, {NOBODYS}",)


def test_a_base_that_a_person_names_is_changed() -> None:
    """It has been copied."""
    files = {"api/Dockerfile": "FROM ghcr.io/ann/base:1\n"}
    assert migrated(files, given=("ghcr.io/ann/base",)).files["api/Dockerfile"] == f"FROM {OURS}base:1\n"
    files = {"api/Dockerfile": "FROM ghcr.io/acme/base:1\n"}
    outcome = migrated(files, given=("ghcr.io/acme",))
    assert (outcome.files["api/Dockerfile"], len(outcome.looks)) == (files["api/Dockerfile"], 1)


def test_an_image_is_not_built_on_itself() -> None:
    """An older one of the same name is not there yet."""
    text = "FROM ghcr.io/ann/shop/api:v1\n"
    assert migrated({"api/Dockerfile": text}).files["api/Dockerfile"] == text


def test_a_base_that_is_built_here_comes_from_the_same_run(place: Place) -> None:
    """No registry has it under that tag, and nothing deploys it: it is not pushed."""
    place.lay(
        {
            "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
            "chart/values.yaml": "image: ghcr.io/ann/shop/api:v1\n",
            "api/Dockerfile": "FROM ghcr.io/ann/shop/base:v1\nCOPY --from=ghcr.io/ann/shop/tools /a /a\n",
            "base/Dockerfile": "FROM ghcr.io/ann/shop/root:latest\n",
            "root/Dockerfile": "FROM scratch\n",
            "tools/Dockerfile": "FROM scratch\n",
            "spare/Dockerfile": "FROM scratch\n",
        }
    )
    assert place.migrate("--write")[0] == 0
    assert place.files()["api/Dockerfile"].decode() == f"FROM {OURS}base:v1\nCOPY --from={OURS}tools /a /a\n"
    text = place.files()[".woodpecker.yml"].decode()
    assert yaml.safe_load(text)["steps"][0]["settings"]["images"] == [
        {"name": "base", "context": "base", "build_contexts": {f"{OURS}root": "target:root"}, "push": False},
        {"name": "root", "context": "root", "push": False},
        {"name": "tools", "context": "tools", "push": False},
        {
            "name": "api",
            "context": "api",
            "build_contexts": {f"{OURS}base:v1": "target:base", f"{OURS}tools": "target:tools"},
        },
    ]
    assert "# - {name: spare, context: spare}" in text
    assert {result.outcome.value for result in place.check().values()} <= {"ok", "skipped"}


def test_a_base_that_is_deployed_too_is_pushed() -> None:
    """And one of others is none of ours."""
    found = Builds(sure=(Build(name="api", context="api"), Build(name="web", context="web")))
    made = with_bases(found, {PurePosixPath("web/Dockerfile"): f"FROM {OURS}api\nFROM {OURS}gone\nFROM a/api\n"}, folder=OURS)
    assert made.sure == (Build(name="api", context="api"), Build(name="web", context="web", contexts=((f"{OURS}api", "api"),)))


PIPELINE = """\
steps:
  - name: images
    image: registry.example.lan/local-cicd/registry-push:0.1.0
    settings:
      images:
        - {name: root, context: root}
        - name: api
          context: api
"""


def test_a_pipeline_that_is_there_is_told_what_its_images_are_built_on(place: Place) -> None:
    """With the lines to add, and no longer once they are there."""
    place.lay(
        {
            ".woodpecker.yml": PIPELINE,
            "api/Dockerfile": "FROM ghcr.io/ann/shop/base:v1\n",
            "base/Dockerfile": "FROM ghcr.io/ann/shop/root:latest\nCOPY --from=ghcr.io/ann/shop/tools /a /a\n",
            "root/Dockerfile": "FROM scratch\n",
            "tools/Dockerfile": "FROM scratch\n",
        }
    )
    code, printed = place.migrate("--write")
    assert code == 0
    assert (
        f"    .woodpecker.yml:7: api is built on {OURS}base:v1 of the same run, which no registry has by then\n"
        "        hint: add to api:\n"
        f'              build_contexts: {{"{OURS}base:v1": "target:base"}}\n'
        "              and to the same list `images`:\n"
        f'              - {{name: base, context: base, build_contexts: {{"{OURS}root": "target:root",\n'
        f'              "{OURS}tools": "target:tools"}}, push: false}}\n'
        "              - {name: tools, context: tools, push: false}\n"
    ) in printed
    told = [line.strip() for line in printed.partition("hint: add to api:\n")[2].splitlines()[:5]]
    added = PIPELINE + f"          {told[0]}\n        {told[2]} {told[3]}\n        {told[4]}\n"
    (place.root / ".woodpecker.yml").write_text(added)
    assert place.migrate() == (0, "nothing to do\n")
    images = yaml.safe_load(added)["steps"][0]["settings"]["images"]
    assert [image["name"] for image in images] == ["root", "api", "base", "tools"]


@pytest.mark.parametrize(
    "pipeline",
    [
        "steps: []\n",
        # Of another list, so of another run.
        PIPELINE.replace("- name: api\n          context: api", "- {name: web, context: web}"),
        PIPELINE + f'          build_contexts: {{"{OURS}base:v1": docker-image://registry.example.lan/bases/base:v1}}\n',
    ],
    ids=["no images", "another image", "a context of its own"],
)
def test_a_pipeline_that_needs_nothing_is_told_nothing(pipeline: str) -> None:
    """It does not build the image, or knows already where its base is."""
    files = {".woodpecker.yml": pipeline, "api/Dockerfile": "FROM ghcr.io/ann/shop/base:v1\n", "base/Dockerfile": "FROM scratch\n"}
    outcome = migrated(files)
    assert (outcome.files["api/Dockerfile"], outcome.looks) == (f"FROM {OURS}base:v1\n", ())


@pytest.mark.parametrize(("dockerfile", "at"), [("docker/api.Dockerfile", "docker"), ("api.Dockerfile", "api")])
def test_the_dockerfile_of_an_entry_is_named_from_the_root_or_from_its_context(dockerfile: str, at: str) -> None:
    """As registry-push takes it."""
    pipeline = (
        f"steps:\n  - settings:\n      images:\n        - {{name: api, context: api, dockerfile: {dockerfile}}}\n        - name: base\n"
    )
    files = {".woodpecker.yml": pipeline, f"{at}/api.Dockerfile": "FROM ghcr.io/ann/shop/base:v1\n", "base/Dockerfile": "FROM scratch\n"}
    (look,) = migrated(files).plan.looks
    assert (look.where, look.hint) == (".woodpecker.yml:4", f'add to api:\nbuild_contexts: {{"{OURS}base:v1": "target:base"}}')


def test_what_is_deployed_and_built_nowhere_is_named(place: Place) -> None:
    """With its line, beside the comment in the pipeline; what is only built on is not deployed."""
    place.lay(
        {
            "chart/values.yaml": "image:\n  repository: ghcr.io/ann/shop/api\nworker:\n  image: ghcr.io/ann/shop/worker:1\n",
            "jobs.yaml": "kind: ghcr\njobs: {registry: ghcr.io/ann, repository: nightly}\n",
            "api/Dockerfile": "FROM ghcr.io/ann/base:1\n",
        }
    )
    said = [f"{each['file']}:{each['line']}: {each['text']}" for each in place.answer("--write")[1]["look_at"]]
    assert said == [
        f"api/Dockerfile:1: builds on ghcr.io/ann/base, {NOBODYS}",
        f"chart/values.yaml:4: deploys {OURS}worker, {NOBODYS}",
        f"jobs.yaml:2: deploys {OURS}nightly, {NOBODYS}",
    ]
    assert "name: base" not in place.files()[".woodpecker.yml"].decode()


def test_a_watched_image_that_nothing_builds_is_named(place: Place) -> None:
    """Where no file says what is deployed."""
    place.lay({"README.md": "# Shop\n"})
    (look,) = place.answer()[1]["look_at"]
    assert (look["file"], look["text"]) == ("platform.yaml", f"deploys {OURS}api, {NOBODYS}")

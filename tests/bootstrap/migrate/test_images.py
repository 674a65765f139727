"""Names of images in YAML, in every form that charts, manifests and Compose write them."""

from dataclasses import dataclass

import pytest

from tests.bootstrap.check.trees import PLATFORM
from tests.bootstrap.migrate.migrating import migrated

CHART = {"chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n"}
VALUES = "chart/values.yaml"

SHARED = """\
defaults: &image
  registry: ghcr.io
api:
  <<: *image
  repository: ann/shop/api
dex:
  <<: *image
  repository: dexidp/dex
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A way to write an image, and what becomes of it; `looks` begins what is said beside."""

    name: str
    before: str
    after: str
    looks: tuple[str, ...] = ()


FORMS = (
    Form(name="whole name", before="image: ghcr.io/ann/shop/api:v1\n", after="image: registry.example.lan/shop/api:v1\n"),
    Form(
        name="whole name, quoted",
        before='image: "ghcr.io/ann/shop/api:v1"  # it\n',
        after='image: "registry.example.lan/shop/api:v1"  # it\n',
    ),
    Form(name="single quotes", before="image: 'ghcr.io/ann/shop/api'\n", after="image: 'registry.example.lan/shop/api'\n"),
    Form(name="without a folder", before="image: ghcr.io/ann/api:v1\n", after="image: registry.example.lan/shop/api:v1\n"),
    Form(name="the one image of a repository", before="image: ghcr.io/ann/shop:v1\n", after="image: registry.example.lan/shop/shop:v1\n"),
    Form(name="upper case owner", before="image: ghcr.io/Ann/Shop/api:v1\n", after="image: registry.example.lan/shop/api:v1\n"),
    Form(
        name="repository and tag",
        before="image:\n  repository: ghcr.io/ann/shop/api\n  tag: v1\n",
        after="image:\n  repository: registry.example.lan/shop/api\n  tag: v1\n",
    ),
    Form(
        name="registry and repository",
        before="image:\n  registry: ghcr.io\n  repository: ann/shop/api\n",
        after="image:\n  registry: registry.example.lan\n  repository: shop/api\n",
    ),
    Form(
        name="registry with owner",
        before="image:\n  registry: ghcr.io/ann\n  repository: shop/api\n",
        after="image:\n  registry: registry.example.lan\n  repository: shop/api\n",
    ),
    Form(
        name="registry with folder",
        before="image:\n  registry: ghcr.io/ann/shop\n  repository: api\n",
        after="image:\n  registry: registry.example.lan/shop\n  repository: api\n",
    ),
    Form(
        name="registry and name in a flow map",
        before="images:\n  api: {registry: ghcr.io, name: ann/shop/api, tag: v1}\n",
        after="images:\n  api: {registry: registry.example.lan, name: shop/api, tag: v1}\n",
    ),
    Form(
        name="a registry alone",
        before="image:\n  registry: ghcr.io/ann/shop\n  tag: latest\n",
        after="image:\n  registry: registry.example.lan/shop\n  tag: latest\n",
    ),
    Form(
        name="global registry before paths",
        before="global:\n  imageRegistry: ghcr.io\napi:\n  repository: ann/shop/api\nweb:\n  repository: ann/shop/web\n",
        after="global:\n  imageRegistry: registry.example.lan\napi:\n  repository: shop/api\nweb:\n  repository: shop/web\n",
    ),
    Form(
        name="global registry with owner",
        before="global:\n  imageRegistry: ghcr.io/ann\napi:\n  repository: shop/api\n",
        after="global:\n  imageRegistry: registry.example.lan\napi:\n  repository: shop/api\n",
    ),
    Form(
        name="global registry, and one of others",
        before="global:\n  imageRegistry: ghcr.io\napi:\n  repository: ann/shop/api\ndex:\n  repository: dexidp/dex\n",
        after="global:\n  imageRegistry: registry.example.lan\napi:\n  repository: shop/api\ndex:\n  repository: dexidp/dex\n",
        looks=("chart/values.yaml:6: dexidp/dex is of others, and would come from registry.example.lan",),
    ),
    Form(
        name="a digest",
        before=f"image: ghcr.io/ann/shop/api:v1@sha256:{'ab' * 32}\n",
        after=f"image: registry.example.lan/shop/api:v1@sha256:{'ab' * 32}\n",
        looks=("chart/values.yaml:1: ghcr.io/ann/shop/api is pinned to sha256:abababababab..., which only GHCR has",),
    ),
    Form(
        name="a digest of its own",
        before=f"image:\n  registry: ghcr.io\n  repository: ann/shop/api\n  digest: sha256:{'cd' * 32}\n",
        after=f"image:\n  registry: registry.example.lan\n  repository: shop/api\n  digest: sha256:{'cd' * 32}\n",
        looks=("chart/values.yaml:3: ghcr.io/ann/shop/api is pinned to sha256:cdcdcdcdcdcd",),
    ),
    Form(
        name="an anchor and its alias",
        before="base: &registry ghcr.io/ann/shop\nregistry: *registry\n",
        after="base: &registry registry.example.lan/shop\nregistry: *registry\n",
    ),
    Form(
        name="a merged registry",
        before="defaults: &image\n  registry: ghcr.io\napi:\n  <<: *image\n  repository: ann/shop/api\n",
        after="defaults: &image\n  registry: registry.example.lan\napi:\n  <<: *image\n  repository: shop/api\n",
    ),
    Form(
        name="a merged registry, also of others",
        before=SHARED,
        after=SHARED,
        looks=(
            "chart/values.yaml:2: ghcr.io is used more than once (by an alias), and not everything that uses it is the project's",
            "chart/values.yaml:8: ghcr.io/dexidp/dex is an image of others",
        ),
    ),
    Form(
        name="an image of others",
        before="dex: ghcr.io/dexidp/dex:v2\napi: ghcr.io/ann/shop/api\n",
        after="dex: ghcr.io/dexidp/dex:v2\napi: registry.example.lan/shop/api\n",
        looks=("chart/values.yaml:1: ghcr.io/dexidp/dex is an image of others, and still comes from GHCR",),
    ),
    Form(
        name="another repository of the owner",
        before="image: ghcr.io/ann/bank/api\n",
        after="image: ghcr.io/ann/bank/api\n",
        looks=("chart/values.yaml:1: ghcr.io/ann/bank/api is of ann, but not of shop by its name",),
    ),
    Form(
        name="arguments and variables",
        before="args: [--image=ghcr.io/ann/shop/api:v1, '--x']\nenv: [{name: RUNNER_IMAGE, value: ghcr.io/ann/shop/runner}]\n",
        after=(
            "args: [--image=registry.example.lan/shop/api:v1, '--x']\n"
            "env: [{name: RUNNER_IMAGE, value: registry.example.lan/shop/runner}]\n"
        ),
    ),
    Form(
        name="inside of a text block",
        before="config: |\n  # ghcr.io/ann/shop/api is ours\n  image: ghcr.io/ann/shop/api\n\n  rest\n",
        after="config: |\n  # registry.example.lan/shop/api is ours\n  image: registry.example.lan/shop/api\n\n  rest\n",
    ),
    Form(
        name="comments stay",
        before="# image: ghcr.io/ann/shop/api\nimage: ghcr.io/ann/shop/api # ghcr.io/ann/shop\n",
        after="# image: ghcr.io/ann/shop/api\nimage: registry.example.lan/shop/api # ghcr.io/ann/shop\n",
    ),
    Form(
        name="charts have another way",
        before="chart: oci://ghcr.io/ann/charts/shop\n",
        after="chart: oci://ghcr.io/ann/charts/shop\n",
    ),
    Form(
        name="other hosts that end alike",
        before="image: notghcr.io/ann/shop/api\nother: my-ghcr.io/ann/shop/api\nthird: ghcr.io.example.lan/ann/shop/api\n",
        after="image: notghcr.io/ann/shop/api\nother: my-ghcr.io/ann/shop/api\nthird: ghcr.io.example.lan/ann/shop/api\n",
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_an_image_is_named_with_the_platforms_registry(form: Form) -> None:
    """And nothing but the name changes."""
    outcome = migrated({**CHART, VALUES: form.before})
    assert outcome.files[VALUES] == form.after
    assert len(outcome.looks) == len(form.looks), outcome.looks
    assert all(said.startswith(wanted) for said, wanted in zip(outcome.looks, form.looks, strict=True)), outcome.looks


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_what_was_changed_is_left_alone_the_second_time(form: Form) -> None:
    """A second run has nothing to do."""
    once = migrated({**CHART, VALUES: form.before})
    assert not migrated(once.files).plan.changes


def test_windows_line_ends_stay() -> None:
    """All of them."""
    before = "image:\r\n  registry: ghcr.io\r\n  repository: ann/shop/api # it\r\n"
    assert (
        migrated({**CHART, VALUES: before}).files[VALUES] == "image:\r\n  registry: registry.example.lan\r\n  repository: shop/api # it\r\n"
    )


def test_a_registry_with_a_port_needs_no_quotes_and_one_that_is_an_address_in_brackets_gets_them() -> None:
    """What was no text before the change must be one afterwards."""
    with_port = PLATFORM.replace("host: registry.example.lan", "host: 'registry.example.lan:5000'")
    files = {**CHART, VALUES: "image: ghcr.io/ann/shop/api\n"}
    assert migrated(files, platform=with_port).files[VALUES] == "image: registry.example.lan:5000/shop/api\n"
    with_brackets = PLATFORM.replace("host: registry.example.lan", "host: '[2001:db8::5]:5000'")
    assert migrated(files, platform=with_brackets).files[VALUES] == "image: '[2001:db8::5]:5000/shop/api'\n"


def test_images_under_another_name_are_the_projects_when_a_person_says_so() -> None:
    """`--from`."""
    outcome = migrated({**CHART, VALUES: "image: ghcr.io/acme/backend/api:v1\n"}, given=("ghcr.io/acme/backend",))
    assert outcome.files[VALUES] == "image: registry.example.lan/shop/api:v1\n"


def test_a_kustomization_names_what_the_manifests_name() -> None:
    """`name` is what is looked for: it changes where the manifests do."""
    files = {
        "deploy/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: ghcr.io/ann/shop/api}]}\n",
        "deploy/kustomization.yaml": "resources: [pod.yaml]\nimages:\n  - name: ghcr.io/ann/shop/api\n    newTag: abc\n",
    }
    after = migrated(files).files
    assert "image: registry.example.lan/shop/api}" in after["deploy/pod.yaml"]
    assert "  - name: registry.example.lan/shop/api\n    newTag: abc\n" in after["deploy/kustomization.yaml"]


def test_a_kustomization_of_something_elsewhere_keeps_the_name_that_it_looks_for() -> None:
    """Only the new name changes."""
    text = "resources: [https://example.lan/base]\nimages:\n  - name: ghcr.io/ann/shop/api\n    newName: ghcr.io/ann/shop/api\n"
    after = migrated({"deploy/kustomization.yaml": text}).files["deploy/kustomization.yaml"]
    assert after.endswith("  - name: ghcr.io/ann/shop/api\n    newName: registry.example.lan/shop/api\n")


def test_compose_files_change_as_everything_else() -> None:
    """Also the beginning of a name in a variable's default."""
    text = "services:\n  api: {image: 'ghcr.io/ann/shop/api:v1', build: api}\n  web:\n    image: ${REGISTRY:-ghcr.io/ann/shop}/web\n"
    after = migrated({"docker-compose.yml": text}).files["docker-compose.yml"]
    assert after == text.replace("ghcr.io/ann/shop", "registry.example.lan/shop")


def test_scripts_and_dockerfiles_change_outside_of_comments() -> None:
    """A login on a line of its own goes; what does not stand alone is named."""
    script = "#!/bin/sh\n# ghcr.io/ann/shop/api\ndocker login ghcr.io -u ann\ndocker push ghcr.io/ann/shop/api # now\n"
    outcome = migrated({"push.sh": script, "Dockerfile": "RUN wget ghcr.io/ann/shop/api\n", "x.sh": "docker login ghcr.io && true\n"})
    assert outcome.files["push.sh"] == "#!/bin/sh\n# ghcr.io/ann/shop/api\ndocker push registry.example.lan/shop/api # now\n"
    assert outcome.files["Dockerfile"] == "RUN wget registry.example.lan/shop/api\n"
    assert outcome.looks == ("x.sh:1: logs in to GHCR",)


def test_prose_is_named_and_not_rewritten() -> None:
    """A README may tell of the past."""
    outcome = migrated({"README.md": "# Shop\n\nPull ghcr.io/ann/shop/api.\n"})
    assert outcome.looks == ("README.md:3: names ghcr.io/ann/shop/api, and is not changed",)

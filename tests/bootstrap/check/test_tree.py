"""What is read of a folder, and what is left alone."""

import subprocess
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.check import tree
from bootstrap.check.facts import of_rendered
from bootstrap.results.result import Outcome
from tests.bootstrap.check.trees import PLATFORM, RENDERED, REPOSITORY, Scene, changed, failed, told, write


def test_what_git_ignores_is_no_part_of_a_repository(tmp_path: Path) -> None:
    """But what is not committed yet is."""
    write(tmp_path, {".gitignore": "out/\n", "out/a.yaml": "a: 1: 2\n", "b.yaml": "b: 1\n"})
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    found = tree.read(tmp_path)
    assert (found.yaml_files, found.faults) == (1, ())


def test_no_file_is_lost_among_many(tmp_path: Path) -> None:
    """Git's list of them is more than a megabyte, which is taken in pieces; special characters stand in it in quotes."""
    folder = tmp_path / ("a" * 250) / ("b" * 250)
    folder.mkdir(parents=True)
    files = [folder / f"{'c' * 200}-{number:04}.sh" for number in range(2500)]
    files += [tmp_path / name for name in ('a "b".sh', "c\\d.sh", "e\nf.sh", "grün.sh", "with blanks.sh")]
    for file in files:
        file.touch()
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert {text.path for text in tree.read(tmp_path).scripts} == {PurePosixPath(file.relative_to(tmp_path)) for file in files}


def test_without_git_what_nobody_commits_is_left_out(tmp_path: Path) -> None:
    """Dependencies bring YAML files by the thousand."""
    write(tmp_path, {"node_modules/x/a.yaml": "a: 1: 2\n", ".venv/b.yml": "b: 1: 2\n", "c.yaml": "c: 1\n"})
    assert tree.read(tmp_path).yaml_files == 1


def test_the_rendered_platform_inside_of_the_repository_is_looked_at_once(tmp_path: Path) -> None:
    """As in examples/stonks-oracle."""
    write(tmp_path, {"a.yaml": "a: 1\n", **{f"platform/{name}": text for name, text in RENDERED.items()}})
    assert tree.read(tmp_path, without=[tmp_path / "platform"]).yaml_files == 1


def test_templates_of_charts_are_not_read_as_yaml(tmp_path: Path) -> None:
    """They become YAML only in Helm's hands."""
    found = tree.read(write(tmp_path, REPOSITORY))
    assert [text.path.name for text in found.templates] == ["api.yaml"]
    assert found.faults == ()


def test_yaml_that_is_none_of_the_platforms_business_is_a_warning(scene: Scene) -> None:
    """A test's broken file must not fail a pipeline."""
    result = scene.check(None, {**REPOSITORY, "tests/data/broken.yaml": "a: b: c\n"})["manifest-syntax"]
    assert result.outcome is Outcome.WARNING
    assert told(result)[0].startswith("tests/data/broken.yaml:1: has a second `: `")


def test_an_object_that_is_broken_as_yaml_fails(scene: Scene) -> None:
    """Wherever it lies."""
    results = scene.check(None, {**REPOSITORY, "deploy/x.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a\n"})
    assert failed(results) == ["manifest-syntax"]


def test_a_file_that_is_too_large_or_no_text_is_said(scene: Scene, tmp_path: Path) -> None:
    """Rather than passed over."""
    write(tmp_path / "repository", {"big.yaml": "a: 1\n" * 300_000})
    (tmp_path / "repository/latin.yaml").write_bytes(b"a: \xe4\n")
    result = scene.check(None, REPOSITORY)["manifest-syntax"]
    assert any(unseen.endswith("big.yaml: larger than a megabyte") for unseen in result.looked.unseen)
    assert told(result) == ["latin.yaml:1: is not UTF-8 text"]


def test_what_most_files_say_is_right_where_no_platform_yaml_does(tmp_path: Path) -> None:
    """Registry, Gitea, and the projects with their stages."""
    facts = of_rendered(tree.read(write(tmp_path, RENDERED)))
    assert (facts.registry, facts.forge) == ("registry.example.lan", "http://gitea.git-server.svc:3000")
    (project,) = facts.projects
    assert (project.images, project.watched_image, project.chart_path) == ("shop", "api", "chart")
    assert [(stage.name, stage.namespace, stage.values_files) for stage in project.stages] == [
        ("beta", "shop-beta", ("values.yaml", "values-beta.yaml")),
        ("live", "shop-live", ("values.yaml", "values-live.yaml")),
    ]


def test_a_public_registry_is_never_taken_for_the_platforms(scene: Scene) -> None:
    """Even where every file says so: the design's old ones do."""
    files = {
        name: text.replace("registry.example.lan", "ghcr.io").replace("http://gitea.git-server.svc:3000", "https://github.com")
        for name, text in RENDERED.items()
    }
    results = scene.check(files, platform=None)
    assert failed(results) == ["repository-urls", "warehouse-url"]
    assert "watches ghcr.io/shop/api, which is in a public registry" in told(results["warehouse-url"])[0]


def test_a_workflow_of_github_that_pushes_to_ghcr_is_a_warning(scene: Scene) -> None:
    """GitHub would still run it for every commit that is mirrored."""
    workflow = "on: push\njobs: {build: {env: {IMAGE: ghcr.io/ann/shop}}}\n"
    result = scene.check(None, {**REPOSITORY, ".github/workflows/ci.yml": workflow})["ghcr-remnants"]
    assert result.outcome is Outcome.WARNING
    assert told(result) == [
        ".github/workflows/ci.yml:2: GitHub still runs this for what is mirrored to it, and it has to do with ghcr.io/ann/shop"
    ]


@pytest.mark.parametrize(
    "image",
    ["image: ghcr.io/cloudnative-pg/postgresql:16", "image: {registry: ghcr.io, repository: cloudnative-pg/postgresql}"],
    ids=["whole", "registry apart"],
)
def test_an_image_of_others_from_ghcr_is_a_warning(scene: Scene, image: str) -> None:
    """It is no remnant, but a deployment waits for GitHub."""
    values = f"{REPOSITORY['chart/values.yaml']}db:\n  {image}\n"
    result = scene.check(None, {**REPOSITORY, "chart/values.yaml": values})["ghcr-remnants"]
    assert result.outcome is Outcome.WARNING
    assert told(result)[0].startswith("chart/values.yaml:7: ghcr.io/cloudnative-pg/postgresql is an image of others")


def test_what_only_a_comment_says_is_no_remnant(scene: Scene) -> None:
    """People write down what it was."""
    files = changed(REPOSITORY, "chart/values.yaml", "registry.example.lan/shop\n", "registry.example.lan/shop  # was: ghcr.io/ann/shop\n")
    files = changed(files, "api/Dockerfile", "FROM", "# was ghcr.io/ann/shop\nFROM")
    assert scene.check(None, files)["ghcr-remnants"].outcome is Outcome.OK


def test_a_registry_that_speaks_plain_http_under_a_name_fails(scene: Scene) -> None:
    """Kargo never speaks http to a name; platform.yaml says how the registry speaks."""
    plain = PLATFORM.replace("host: registry.example.lan,", "host: registry.example.lan, plain_http: true,")
    results = scene.check(RENDERED, platform=plain)
    assert failed(results) == ["warehouse-url"]
    assert "Kargo speaks https to a name like registry.example.lan: it will never find an image" in told(results["warehouse-url"])[0]


def test_no_finding_shows_a_secret(scene: Scene) -> None:
    """Not even one that stands where something else belongs."""
    secret = "hunter2-hunter2"
    files = changed(RENDERED, "kargo/credentials.yaml", "password: put-in-by-a-person", f"password: [{secret}]")
    pipeline = changed(REPOSITORY, ".woodpecker.yml", "kargo_token: {from_secret: kargo_token}", f"kargo_token: {secret}")
    results = scene.check(files, pipeline)
    assert failed(results) == ["manifest-syntax", "pipeline-file"]
    assert secret not in str([(finding.text, finding.hint) for result in results.values() for finding in result.findings])

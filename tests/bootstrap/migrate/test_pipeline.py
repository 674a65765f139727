"""The first pipeline: it passes what `bootstrap check` asks of pipelines, on every kind of platform."""

from pathlib import Path

import pytest
import yaml

from bootstrap.migrate.builds import Build, Builds, Suite
from bootstrap.migrate.pipeline import pipeline
from bootstrap.results.result import Outcome
from tests.bootstrap.check.trees import PLATFORM, Scene
from tests.bootstrap.migrate.conftest import Place
from tests.bootstrap.migrate.migrating import LOGIN, a_platform

REGISTRY = "registry: {mode: external, host: registry.example.lan, namespace: git-server}"
MIRROR = "    mirror: {remote: 'git@github.com:ann/shop.git', deploy_key: {env: KEY}}\n"
PLATFORMS = {
    "as it is": PLATFORM,
    "with a login": PLATFORM.replace(REGISTRY, LOGIN),
    "with a mirror": PLATFORM + MIRROR,
    "with a CA": PLATFORM + "ca: {file: ca.pem}\n",
    "without certificates": PLATFORM + "buildkit: {mtls: false}\n",
    "without BuildKit": PLATFORM + "buildkit: {enabled: false}\n",
    "plain http": PLATFORM.replace(REGISTRY, "registry: {mode: external, host: '192.0.2.5:5000', plain_http: true}"),
    "another branch": PLATFORM.replace("watched_image: api", "watched_image: api\n    repository: {branch: release/1.x}"),
}
FOUND = Builds(
    sure=(Build(name="api", context="services/api"), Build(name="web", dockerfile="docker/Dockerfile.web")),
    unnamed=(Build(name="base", context="base"),),
    unbuilt=("worker",),
)
TESTS = (Suite(name="test-python", image="docker.io/library/python:3.13-slim", commands=("pip install --quiet . pytest", "pytest")),)


@pytest.mark.parametrize("text", PLATFORMS.values(), ids=PLATFORMS)
@pytest.mark.parametrize("found", [FOUND, Builds(sure=())], ids=["images", "none"])
def test_the_first_pipeline_passes_the_check(text: str, found: Builds, tmp_path: Path) -> None:
    """Without a warning, and it is YAML that Woodpecker reads as meant."""
    platform = a_platform(text)
    made = pipeline(platform, platform.projects[0], found, TESTS)
    result = Scene(folder=tmp_path).check(None, {".woodpecker.yml": made}, platform=text)["pipeline-file"]
    assert (result.outcome, result.findings) == (Outcome.OK, ())
    steps = {step["name"]: step for step in yaml.safe_load(made)["steps"]}
    assert list(steps)[:3] == ["test-python", "images", "release"]
    assert steps["images"]["settings"]["registry"] == platform.registry.host
    assert [image["name"] for image in steps["images"]["settings"]["images"]] == (["api", "web"] if found.sure else ["api"])
    assert ("mirror-github" in steps) == (platform.projects[0].mirror is not None)
    assert max(map(len, made.splitlines())) < 140


def test_a_pipeline_that_is_there_is_left_alone(place: Place) -> None:
    """In a file or in a folder."""
    for name in (".woodpecker.yml", ".woodpecker.yaml", ".woodpecker/build.yml"):
        (place.root / name).parent.mkdir(exist_ok=True)
        (place.root / name).write_text("steps: []\n")
        place.platform.write_text(PLATFORM)
        assert place.migrate()[0] == 0
        (place.root / name).unlink()


@pytest.mark.parametrize(
    ("files", "steps"),
    [
        pytest.param({"tests/test_a.py": "", "requirements.txt": ""}, ["test-python"], id="Python"),
        pytest.param({"tests/test_a.py": "", "pyproject.toml": ""}, ["test-python"], id="a Python project"),
        pytest.param({"requirements.txt": ""}, [], id="Python without tests"),
        pytest.param({"package.json": '{"scripts": {"test": "vitest"}}'}, ["test-node"], id="Node"),
        pytest.param({"frontend/package.json": '{"scripts": {"test": "vitest"}}'}, ["test-frontend"], id="Node in a folder"),
        pytest.param({"package.json": '{"scripts": {"build": "vite"}}'}, [], id="Node without tests"),
        pytest.param({"package.json": "no JSON"}, [], id="a broken package.json"),
        pytest.param({"go.mod": "module x\n"}, ["test-go"], id="Go"),
    ],
)
def test_tests_run_as_the_usual_files_say(place: Place, files: dict[str, str], steps: list[str]) -> None:
    """Nothing is guessed where nothing is there."""
    place.lay({**files, "Dockerfile": "FROM scratch\n"})
    place.migrate("--write")
    made = yaml.safe_load((place.root / ".woodpecker.yml").read_text())
    assert [step["name"] for step in made["steps"]] == [*steps, "images", "release"]
    assert made["steps"][-2]["settings"]["images"] == [{"name": "api", "context": "."}]


def test_what_compose_and_workflows_build_is_known(place: Place) -> None:
    """Names, folders and Dockerfiles, also those of a matrix."""
    place.lay(
        {
            "docker-compose.yml": (
                "services:\n  web:\n    build: {context: ./web, dockerfile: Prod.Dockerfile}\n    image: 'ghcr.io/ann/shop/web:v1'\n"
            ),
            "web/Prod.Dockerfile": "FROM scratch\n",
            ".github/workflows/a.yml": (
                "jobs:\n  a:\n    strategy: {matrix: {include: [{name: api, folder: backend}, {name: worker, folder: jobs}]}}\n"
                "    steps:\n"
                "      - uses: docker/build-push-action@v6\n        with:\n          context: ${{ matrix.folder }}\n          tags: |\n"
                "            ghcr.io/ann/shop/${{ matrix.name }}:latest\n"
                "            ghcr.io/ann/shop/${{ matrix.name }}:${{ github.sha }}\n"
            ),
            "backend/Dockerfile": "FROM scratch\n",
            "jobs/Dockerfile": "FROM scratch\n",
        }
    )
    place.migrate("--write")
    made = yaml.safe_load((place.root / ".woodpecker.yml").read_text())
    assert made["steps"][0]["settings"]["images"] == [
        {"name": "api", "context": "backend"},
        {"name": "web", "context": "web", "dockerfile": "web/Prod.Dockerfile"},
        {"name": "worker", "context": "jobs"},
    ]

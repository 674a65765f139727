"""The first pipeline: it passes what `bootstrap check` asks of pipelines, on every kind of platform."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bootstrap.migrate.builds import Build, Builds, Suite
from bootstrap.migrate.pipeline import pipeline
from bootstrap.results.result import Outcome
from devtools.paths import ROOT
from tests.bootstrap.check.trees import PLATFORM, Scene
from tests.bootstrap.migrate.conftest import Place
from tests.bootstrap.migrate.layouts import SERVICES
from tests.bootstrap.migrate.migrating import LOGIN, a_platform

REGISTRY = "registry: {mode: external, host: registry.example.lan, namespace: git-server}"
MIRROR = "    mirror: {remote: 'git@github.com:ann/shop.git', deploy_key: {env: KEY}}\n"
PLATFORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "with a registry": lambda text: text.replace(REGISTRY, "registry: {mode: install}"),
    "with a login": lambda text: text.replace(REGISTRY, LOGIN),
    "with a mirror": lambda text: text + MIRROR,
    "with a CA": lambda text: text + "ca: {file: ca.pem}\n",
    "without certificates": lambda text: text + "buildkit: {mtls: false}\n",
    "without BuildKit": lambda text: text + "buildkit: {enabled: false}\n",
    "plain http": lambda text: text.replace(REGISTRY, "registry: {mode: external, host: '192.0.2.5:5000', plain_http: true}"),
    "another branch": lambda text: text.replace("watched_image: api", "watched_image: api\n    repository: {branch: release/1.x}"),
}
GITEA = PLATFORM[PLATFORM.index("gitea:") : PLATFORM.index("registry:")]
ISSUER = "{mode: external, issuer: ca-issuer}"
FORGES = {
    "a Gitea that is there": PLATFORM,
    "a Gitea without TLS": PLATFORM.replace("https://gitea.example.lan", "http://192.0.2.5:30300"),
    "a Gitea of the platform": PLATFORM.replace(GITEA, "gitea: {mode: install}\n"),
    "all of the platform": PLATFORM.replace(GITEA, "gitea: {mode: install}\n").replace(ISSUER, "{mode: install}"),
}
BRINGS_CA = [
    {
        "name": "ca",
        "image": "docker.io/woodpeckerci/plugin-git:2.9.3",
        "environment": {"CA": {"from_secret": "platform_ca"}},
        "commands": ["printf '%s\\n' \"$CA\" > /woodpecker/ca.pem"],
    },
    {
        "name": "git",
        "image": "docker.io/woodpeckerci/plugin-git:2.9.3",
        "settings": {"partial": False, "depth": 0, "custom-ssl-path": "/woodpecker/ca.pem"},
    },
]
BASE = "registry.example.lan/shop/base:1"
FOUND = Builds(
    sure=(
        Build(name="base", context="base", is_base=True),
        Build(name="api", context="services/api", contexts=((BASE, "base"),)),
        Build(name="web", dockerfile="docker/Dockerfile.web"),
    ),
    unnamed=(Build(name="tool", context="tool"),),
    unbuilt=("worker",),
)
TESTS = (Suite(name="test-python", image="docker.io/library/python:3.13-slim", commands=("pip install --quiet . pytest", "pytest")),)


@pytest.mark.parametrize("forge", FORGES.values(), ids=FORGES)
@pytest.mark.parametrize("variant", PLATFORMS.values(), ids=PLATFORMS)
@pytest.mark.parametrize("found", [FOUND, Builds(sure=())], ids=["images", "none"])
def test_the_first_pipeline_passes_the_check(forge: str, variant: Callable[[str], str], found: Builds, tmp_path: Path) -> None:
    """Without a warning, and it is YAML that Woodpecker reads as meant."""
    text = variant(forge)
    platform = a_platform(text)
    made = pipeline(platform, platform.projects[0], found, TESTS)
    result = Scene(folder=tmp_path).check(None, {".woodpecker.yml": made}, platform=text)["pipeline-file"]
    assert (result.outcome, result.findings) == (Outcome.OK, ())
    steps = {step["name"]: step for step in yaml.safe_load(made)["steps"]}
    assert list(steps)[:3] == ["test-python", "images", "release"]
    assert steps["images"]["settings"]["registry"] == platform.registry.host
    assert [image["name"] for image in steps["images"]["settings"]["images"]] == (["base", "api", "web"] if found.sure else ["api"])
    assert ("mirror-github" in steps) == (platform.projects[0].mirror is not None)
    assert max(map(len, made.splitlines())) < 140


@pytest.mark.parametrize(
    ("text", "brings_ca"),
    [
        (FORGES["a Gitea that is there"], False),
        (FORGES["a Gitea that is there"] + "ca: {file: ca.pem}\n", True),
        (FORGES["a Gitea without TLS"] + "ca: {file: ca.pem}\n", False),
        (FORGES["a Gitea of the platform"], False),
        (FORGES["a Gitea of the platform"] + "ca: {file: ca.pem}\n", True),
        (FORGES["all of the platform"], True),
    ],
)
def test_the_clone_brings_the_ca_that_only_the_platform_knows(text: str, brings_ca: bool) -> None:
    """As the tutorial does; with the single step, which a check would let pass, no pipeline gets past Gitea's certificate."""
    platform = a_platform(text)
    clone = yaml.safe_load(pipeline(platform, platform.projects[0], FOUND, TESTS))["clone"]
    assert clone == BRINGS_CA if brings_ca else [step["name"] for step in clone] == ["git"]


def test_the_clone_is_that_of_the_tutorial() -> None:
    """Which `check` names in its hint, and which has been run."""
    page = (ROOT / "docs/tutorial/first-pipeline-on-k3s.md").read_text(encoding="utf-8")
    shown = page[page.index("\n## 8. Push\n") :]
    assert yaml.safe_load(shown[shown.index("clone:") : shown.index("\nsteps:")])["clone"] == BRINGS_CA


def test_what_is_migrated_on_the_tutorials_platform_passes_its_check(place: Place) -> None:
    """From the command to the command."""
    place.lay(SERVICES.files, platform=SERVICES.platform.replace(GITEA, "gitea: {mode: install}\n").replace(ISSUER, "{mode: install}"))
    assert place.check()["ghcr-remnants"].outcome is Outcome.FAILED
    assert place.migrate("--write")[0] == 0
    assert [name for name, result in place.check().items() if result.outcome is Outcome.FAILED] == []


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

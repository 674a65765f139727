"""What can be built, and how: bake files, discovery, build arguments and secrets, remote contexts and stages."""

import gzip
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

from tests.support.monorepo import Monorepo
from tests.support.project import Project

if TYPE_CHECKING:
    from devtools.goyaml import Value

BAKE = """
variable "GREETING" { default = "hello" }
group "default" { targets = ["app", "web"] }
target "_common" {
  args = { GREETING = GREETING }
  labels = { "team" = "platform" }
}
target "base" { context = "base" }
target "app" {
  inherits = ["_common"]
  context = "services"
  dockerfile-inline = "FROM base\\nARG GREETING\\nLABEL greeting=$GREETING\\nCOPY market-feed/app.txt /\\n"
  contexts = { base = "target:base" }
  tags = ["somewhere.else/app:7"]
}
target "web" {
  inherits = ["_common"]
  context = "services/signal-engine"
}
target "unwanted" { context = "services/nowhere" }
"""


def test_a_bake_file_with_groups_and_inheritance(project: Project, repo: Monorepo) -> None:
    """Its default group is built and pushed, under our tags; a base of it is only built."""
    sha = repo.commit({"docker-bake.hcl": BAKE})
    run = project.push(repo, {"images": None, "bake_file": "docker-bake.hcl"})
    assert run.exit_code == 0, run.log
    assert {name: tags for name, tags in project.all_tags().items() if name != "releases"} == {
        name: {sha, "latest"} for name in ("app", "web")
    }
    labels = project.config("app", sha)["config"]["Labels"]
    assert (labels["team"], labels["greeting"]) == ("platform", "hello")


def test_targets_choose_from_a_bake_file(project: Project, repo: Monorepo) -> None:
    """Only those, and what they need."""
    repo.commit({"docker-bake.hcl": BAKE})
    run = project.push(repo, {"images": None, "bake_file": "docker-bake.hcl", "targets": ["web"]})
    assert run.exit_code == 0, run.log
    assert project.contents.repositories(project.name) == {"web", "releases"}


def test_a_broken_bake_file_fails_with_the_words_of_bake(project: Project, repo: Monorepo) -> None:
    """Line and reason."""
    repo.commit({"docker-bake.hcl": 'target "app" {\n  context = \n}\n'})
    run = project.push(repo, {"images": None, "bake_file": "docker-bake.hcl"})
    assert run.exit_code == 1, run.log
    assert "bake_file: docker-bake.hcl can't be used" in run.log
    assert "docker-bake.hcl:2" in run.log
    assert "Traceback" not in run.log


def test_discover_builds_every_dockerfile_of_a_glob(project: Project, repo: Monorepo) -> None:
    """Each image is called like its folder."""
    repo.write({f"services/{name}/Dockerfile": "FROM scratch\nCOPY app.txt /\n" for name in repo.names})
    repo.commit()
    run = project.push(repo, {"images": None, "discover": "services/*/Dockerfile"})
    assert run.exit_code == 0, run.log
    assert project.contents.repositories(project.name) == {*repo.names, "releases"}


def test_a_build_secret_reaches_the_build_and_not_the_image(project: Project, repo: Monorepo) -> None:
    """A proof of it does: the hash of what RUN could read."""
    sha = repo.commit(
        {
            "services/market-feed/Dockerfile": "FROM debian:trixie-slim\n"
            "RUN --mount=type=secret,id=token sha256sum </run/secrets/token >/proof\n"
            "RUN --mount=type=secret,id=own sha256sum </run/secrets/own >>/proof\n"
        }
    )
    image: dict[str, Value] = {"name": "feed", "context": "services/market-feed", "secrets": {"own": {"from_secret": "own"}}}
    settings: dict[str, Value] = {"images": [image], "secrets": {"token": {"from_secret": "token"}}}
    run = project.push(repo, settings, secrets={"token": "correct horse\nbattery", "own": "staple"})
    assert run.exit_code == 0, run.log
    proof = _file(project, "feed", sha, "proof").split()
    assert [proof[0], proof[2]] == [hashlib.sha256(text.encode()).hexdigest() for text in ("correct horse\nbattery", "staple")]


def test_build_arguments_and_stages(project: Project, repo: Monorepo) -> None:
    """Those of an image stand above those of the step."""
    dockerfile = "ARG WHO=nobody\nFROM scratch AS small\nARG WHO\nLABEL who=$WHO\nCOPY app.txt /\nFROM small\nLABEL stage=last\n"
    sha = repo.commit({"services/market-feed/Dockerfile": dockerfile})
    feed: dict[str, Value] = {"context": "services/market-feed"}
    images: list[Value] = [{"name": "one", **feed, "target": "small"}, {"name": "two", **feed, "build_args": {"WHO": "bob"}}]
    run = project.push(repo, {"images": images, "build_args": {"WHO": "ada"}})
    assert run.exit_code == 0, run.log
    labels = [project.config(name, sha)["config"]["Labels"] for name in ("one", "two")]
    assert [(label["who"], label.get("stage")) for label in labels] == [("ada", None), ("bob", "last")]


def test_a_dockerfile_elsewhere_sees_the_whole_repository(project: Project, repo: Monorepo) -> None:
    """Context `.` and a Dockerfile in a folder of its own, as real monorepos have; .dockerignore counts."""
    repo.commit({"docker/odd/Dockerfile": "FROM scratch\nCOPY services /services\n", ".dockerignore": "services/market-feed\n"})
    run = project.push(repo, {"images": [{"name": "odd", "dockerfile": "docker/odd/Dockerfile"}]})
    assert run.exit_code == 0, run.log
    assert "services/signal-engine/app.txt" in _layer(project, "odd", "latest")
    assert "services/market-feed/app.txt" not in _layer(project, "odd", "latest")


def _layer(project: Project, image: str, tag: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for digest in project.manifest(image, tag).layers:
        content = gzip.decompress(project.contents.blob(f"{project.name}/{image}", digest))
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                files[member.name] = file.read() if file else b""
    return files


def _file(project: Project, image: str, tag: str, name: str) -> str:
    return _layer(project, image, tag)[name].decode()


def test_a_base_of_another_platform_is_refused(project: Project, repo: Monorepo) -> None:
    """BuildKit would build it all the same, with programs that don't run there; nothing gets a tag."""
    repo.commit({"foreign/Dockerfile": "FROM debian:trixie-slim\nCOPY Dockerfile /\n"})
    run = project.push(repo, {"images": [{"name": "foreign", "context": "foreign", "platforms": ["linux/arm64"]}]})
    assert run.exit_code == 1
    assert "error: foreign can't be built for that platform: no tag was set" in run.log
    assert project.tags("foreign") == set()


def test_what_buildkit_finds_odd_is_shown(project: Project, repo: Monorepo) -> None:
    """Its warnings name the image; with `verbose` each step is shown, too."""
    repo.commit({"odd/Dockerfile": "FROM debian:trixie-slim\nRUN echo to-be-read-in-the-log\nCMD echo hi\n"})
    run = project.push(repo, {"images": [{"name": "odd", "context": "odd"}], "verbose": True})
    assert run.exit_code == 0, run.log
    assert "warning: odd: JSONArgsRecommended" in run.log
    assert "odd | [2/2] RUN echo to-be-read-in-the-log" in run.log
    assert "odd | to-be-read-in-the-log" in run.log

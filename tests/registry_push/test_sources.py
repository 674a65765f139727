"""What there is to build is looked up in the workspace, and what is not there is a sentence for the YAML user."""

import sys
from pathlib import Path
from typing import Any

import pytest

from registry_push.settings import Image
from registry_push.sources import Found, Source, find
from tests.support.plans import settings, write


def found(workspace: Path, *images: dict[str, Any], **given: Any) -> Found:  # noqa: ANN401  the fields of Settings
    """Look up images, or whatever the settings name."""
    return find(settings(**({"images": [Image(**image) for image in images]} if images else {}), **given), workspace)


def one(workspace: Path, **image: Any) -> Source:  # noqa: ANN401  the fields of Image
    """Look up one image that must be fine."""
    result = found(workspace, {"name": "api", **image})
    assert result.problems == ()
    (source,) = result.sources
    return source


def refused(workspace: Path, **image: Any) -> list[str]:  # noqa: ANN401  the fields of Image
    """Look up one image that must not be fine, and return why."""
    return [problem.removeprefix("images[0] (api): ") for problem in found(workspace, {"name": "api", **image}).problems]


class TestImages:
    """The `images` list: contexts and Dockerfiles in the repository."""

    def test_a_context_has_its_dockerfile_inside(self, tmp_path: Path) -> None:
        """Without `dockerfile` it is the one in the context; paths become absolute."""
        write(tmp_path, "services/api/Dockerfile")
        source = one(tmp_path, context="services/api")
        assert (source.context, source.dockerfile) == (f"{tmp_path}/services/api", f"{tmp_path}/services/api/Dockerfile")

    def test_the_root_is_the_default_context(self, tmp_path: Path) -> None:
        """An image with only a name is built from the repository's root."""
        write(tmp_path, "Dockerfile")
        source = one(tmp_path)
        assert (source.context, source.dockerfile) == (str(tmp_path), f"{tmp_path}/Dockerfile")

    @pytest.mark.parametrize("dockerfile", ["services/api/Dockerfile", "./services/api/Dockerfile", "Dockerfile"])
    def test_a_dockerfile_counts_from_the_root_or_from_the_context(self, tmp_path: Path, dockerfile: str) -> None:
        """People come from `docker build -f`, and from Compose."""
        write(tmp_path, "services/api/Dockerfile")
        assert one(tmp_path, context="services/api", dockerfile=dockerfile).dockerfile == f"{tmp_path}/services/api/Dockerfile"

    def test_the_root_wins_where_both_places_have_one(self, tmp_path: Path) -> None:
        """As with `docker build -f`, which most pipelines were written for."""
        write(tmp_path, "docker/api.Dockerfile", "services/docker/api.Dockerfile")
        assert one(tmp_path, context="services", dockerfile="docker/api.Dockerfile").dockerfile == f"{tmp_path}/docker/api.Dockerfile"

    def test_everything_else_is_passed_on(self, tmp_path: Path) -> None:
        """Target, arguments, labels, platforms, secrets and push are the user's."""
        write(tmp_path, "Dockerfile", "docs/index.md")
        contexts = {"docs": "docs", "base": "target:base", "go": "docker-image://golang:1.26", "src": "https://git.example.lan/x.git"}
        source = one(
            tmp_path,
            target="prod",
            build_args={"A": "1"},
            labels={"team": "shop"},
            platforms=["linux/arm64"],
            secrets={"token": "s3cr3t"},
            push=False,
            build_contexts=contexts,
        )
        assert (source.target, source.build_args, source.labels, source.platforms, source.push) == (
            "prod",
            {"A": "1"},
            {"team": "shop"},
            ("linux/arm64",),
            False,
        )
        assert source.secrets["token"].get_secret_value() == "s3cr3t"
        assert source.contexts == {**contexts, "docs": f"{tmp_path}/docs"}
        assert "s3cr3t" not in repr(source)

    @pytest.mark.parametrize(
        "context", ["https://git.example.lan/shop.git#main", "git@git.example.lan:shop.git", "ssh://git@git.example.lan/x"]
    )
    def test_a_remote_context_is_passed_on(self, tmp_path: Path, context: str) -> None:
        """BuildKit fetches it itself, and its Dockerfile is inside of it."""
        source = one(tmp_path, context=context, dockerfile="docker/Dockerfile")
        assert (source.context, source.dockerfile) == (context, "docker/Dockerfile")

    def test_links_inside_the_repository_are_followed(self, tmp_path: Path) -> None:
        """A link that stays inside is as good as what it points to."""
        write(tmp_path, "real/Dockerfile")
        (tmp_path / "link").symlink_to("real")
        assert one(tmp_path, context="link").context == f"{tmp_path}/real"

    def test_a_workspace_that_is_a_link_is_no_trouble(self, tmp_path: Path) -> None:
        """The checkout may itself be reached by a link."""
        write(tmp_path / "checkout", "Dockerfile")
        (tmp_path / "link").symlink_to("checkout")
        assert one(tmp_path / "link").context == f"{tmp_path}/checkout"


class TestRefused:
    """Missing and outside: one sentence each."""

    @pytest.mark.parametrize(
        ("image", "problem"),
        [
            ({"context": "services/nope"}, "context: the folder services/nope does not exist in the repository"),
            ({"context": "Dockerfile"}, "context: the folder Dockerfile does not exist in the repository"),
            ({"context": ".."}, "context: .. is outside the repository"),
            ({"context": "services/../../other"}, "context: services/../../other is outside the repository"),
            ({"context": "/etc"}, "context: /etc is outside the repository"),
            ({"context": "leaves"}, "context: leaves is outside the repository"),
            ({"context": "services"}, "dockerfile: there is no Dockerfile at services/Dockerfile"),
            ({"dockerfile": "nope"}, "dockerfile: there is no Dockerfile at nope"),
            ({"context": "services", "dockerfile": "nope"}, "dockerfile: there is no Dockerfile at nope or services/nope"),
            ({"dockerfile": "services"}, "dockerfile: there is no Dockerfile at services"),
            ({"dockerfile": "../Dockerfile"}, "dockerfile: ../Dockerfile is outside the repository"),
            ({"dockerfile": "/etc/passwd"}, "dockerfile: /etc/passwd is outside the repository"),
            ({"dockerfile": "Dockerfile.link"}, "dockerfile: Dockerfile.link is outside the repository"),
            ({"build_contexts": {"docs": "nope"}}, "build_contexts.docs: nope does not exist in the repository"),
            ({"build_contexts": {"docs": "../docs"}}, "build_contexts.docs: ../docs is outside the repository"),
            ({"build_contexts": {"docs": "leaves"}}, "build_contexts.docs: leaves is outside the repository"),
        ],
    )
    def test_missing_or_outside(self, tmp_path: Path, image: dict[str, Any], problem: str) -> None:
        """Nothing outside the repository gets into an image, by path, dots or link; what is missing is named as it was written."""
        workspace = write(tmp_path / "checkout", "Dockerfile", "services/readme")
        write(tmp_path, "outside/Dockerfile", "Dockerfile", "docs/x")
        (workspace / "leaves").symlink_to("../outside")
        (workspace / "Dockerfile.link").symlink_to("../outside/Dockerfile")
        assert refused(workspace, **image) == [problem]

    def test_every_problem_of_every_image_is_found(self, tmp_path: Path) -> None:
        """One look finds them all, with the image's number and name."""
        write(tmp_path, "Dockerfile")
        images: list[dict[str, Any]] = [
            {"name": "a", "context": "x"},
            {"name": "b"},
            {"name": "c", "dockerfile": "y", "build_contexts": {"z": "z"}},
        ]
        assert found(tmp_path, *images).problems == (
            "images[0] (a): context: the folder x does not exist in the repository",
            "images[2] (c): dockerfile: there is no Dockerfile at y",
            "images[2] (c): build_contexts.z: z does not exist in the repository",
        )

    def test_nothing_to_build(self, tmp_path: Path) -> None:
        """A step that names no images is told what it may name."""
        assert found(tmp_path).problems == (
            "there is nothing to build: set `images`, `discover`, `bake_file`, or `repo` for a single image",
        )

    def test_two_ways_at_once(self, tmp_path: Path) -> None:
        """Which of them is meant can't be guessed."""
        (problem,) = found(tmp_path, {"name": "api"}, discover=["*/Dockerfile"], repo=["acme/shop"]).problems
        assert problem == "`images` and `discover` and `repo` are set together; each of them says what to build, choose one"


class TestDiscover:
    """Globs of Dockerfiles: one image each, named like the folder."""

    def test_folders_become_images(self, tmp_path: Path) -> None:
        """The Dockerfile's folder is name and context; the order is that of the names."""
        write(tmp_path, "services/web/Dockerfile", "services/Api/Dockerfile", "services/readme", "other/Dockerfile")
        result = found(tmp_path, discover=["services/*/Dockerfile"])
        assert result.problems == ()
        assert [(source.name, source.context, source.dockerfile) for source in result.sources] == [
            ("api", f"{tmp_path}/services/Api", f"{tmp_path}/services/Api/Dockerfile"),
            ("web", f"{tmp_path}/services/web", f"{tmp_path}/services/web/Dockerfile"),
        ]

    def test_the_context_may_be_the_same_for_all(self, tmp_path: Path) -> None:
        """Monorepos with shared code build every image from one folder above."""
        write(tmp_path, "src/services/api/Dockerfile")
        (source,) = found(tmp_path, discover=["src/services/*/Dockerfile"], context="src").sources
        assert (source.context, source.dockerfile) == (f"{tmp_path}/src", f"{tmp_path}/src/services/api/Dockerfile")

    def test_several_globs_find_each_file_once(self, tmp_path: Path) -> None:
        """Overlapping patterns are no trouble, `**` goes down any number of folders."""
        write(tmp_path, "a/Dockerfile", "deep/er/b/Dockerfile", "deep/c/Containerfile")
        result = found(tmp_path, discover=["a/Dockerfile", "**/Dockerfile", "deep/*/Containerfile"])
        assert sorted(source.name for source in result.sources) == ["a", "b", "c"]

    @pytest.mark.parametrize(
        ("pattern", "problem"),
        [
            ("services/*/Dockerfile", "discover: no Dockerfile matches services/*/Dockerfile"),
            ("../*/Dockerfile", "discover: ../*/Dockerfile is outside the repository"),
            ("/etc/*", "discover: /etc/* is outside the repository"),
        ],
    )
    def test_a_glob_that_finds_nothing_is_a_problem(self, tmp_path: Path, pattern: str, problem: str) -> None:
        """A pattern is a promise: nothing found is a mistake, not an empty run."""
        assert found(tmp_path, discover=[pattern]).problems == (problem,)

    @pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python 3.13 takes such a pattern")
    def test_a_pattern_that_python_refuses_is_a_problem(self, tmp_path: Path) -> None:
        """Never a traceback."""
        problem = "discover: services/**Dockerfile is no pattern like services/*/Dockerfile or **/Dockerfile"
        assert found(tmp_path, discover=["services/**Dockerfile"]).problems == (problem,)

    def test_two_folders_of_one_name_are_both_found(self, tmp_path: Path) -> None:
        """That they collide is the plan's to say."""
        write(tmp_path, "a/api/Dockerfile", "b/api/Dockerfile")
        assert [source.name for source in found(tmp_path, discover=["*/api/Dockerfile"]).sources] == ["api", "api"]

    def test_a_link_out_of_the_repository_is_refused(self, tmp_path: Path) -> None:
        """A glob that meets a link to somewhere else says so."""
        workspace = write(tmp_path / "checkout", "readme")
        write(tmp_path, "outside/Dockerfile")
        (workspace / "api").symlink_to("../outside")
        assert found(workspace, discover=["*/Dockerfile"]).problems == ("discover: api/Dockerfile is outside the repository",)


class TestSingle:
    """The single-image settings of plugin-docker-buildx."""

    def test_a_repo_is_built_from_the_root(self, tmp_path: Path) -> None:
        """`repo` alone is enough where the Dockerfile is at the root."""
        write(tmp_path, "Dockerfile")
        (source,) = found(tmp_path, repo=["acme/shop"]).sources
        assert (source.name, source.context, source.dockerfile) == ("acme/shop", str(tmp_path), f"{tmp_path}/Dockerfile")

    def test_context_dockerfile_and_target_are_the_steps_own(self, tmp_path: Path) -> None:
        """The top-level settings mean the single image."""
        write(tmp_path, "docker/Dockerfile.prod", "src/x")
        (source,) = found(tmp_path, repo=["acme/shop"], context="src", dockerfile="docker/Dockerfile.prod", target="prod").sources
        assert (source.context, source.dockerfile, source.target) == (f"{tmp_path}/src", f"{tmp_path}/docker/Dockerfile.prod", "prod")

    def test_several_repos_get_the_same_build(self, tmp_path: Path) -> None:
        """As in plugin-docker-buildx, one build may go to several places."""
        write(tmp_path, "Dockerfile")
        first, second = found(tmp_path, repo=["acme/shop", "ghcr.io/acme/shop"]).sources
        assert (first.context, first.dockerfile) == (second.context, second.dockerfile)

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"context": "nope"}, "`context`: the folder nope does not exist in the repository"),
            ({"dockerfile": "nope"}, "`dockerfile`: there is no Dockerfile at nope"),
            ({"dockerfile": "../x"}, "`dockerfile`: ../x is outside the repository"),
        ],
    )
    def test_what_is_missing_is_named_as_the_setting(self, tmp_path: Path, given: dict[str, Any], problem: str) -> None:
        """The words are those of the YAML."""
        write(tmp_path, "checkout/Dockerfile", "x")
        assert found(tmp_path / "checkout", repo=["acme/shop"], **given).problems == (problem,)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("docker-bake.hcl", "bake_file: docker-bake.hcl does not exist in the repository"),
        ("../docker-bake.hcl", "`bake_file`: ../docker-bake.hcl is outside the repository"),
    ],
)
def test_a_bake_file_that_is_not_there_is_a_problem(tmp_path: Path, path: str, problem: str) -> None:
    """Missing and outside are told apart here, too."""
    write(tmp_path, "checkout/readme", "docker-bake.hcl")
    assert found(tmp_path / "checkout", bake_file=path).problems == (problem,)

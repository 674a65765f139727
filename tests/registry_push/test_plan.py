"""The plan: everything that is wrong with the input is refused here, in the user's words, before anything is built."""

from pathlib import Path
from typing import Any

import pytest

from plugin_kit.ci import CI, Event
from plugin_kit.errors import SettingsError
from plugin_kit.reference import RegistryHost
from registry_push import plan as planning
from registry_push.sources import Found
from tests.support.plans import NOON, PUSH, SHA, ci, make, plan_of, settings, source, write


def problems_of(*sources: Any, **options: Any) -> list[str]:  # noqa: ANN401  the arguments of `make`
    """Make a plan that must be refused, and return what is wrong."""
    with pytest.raises(SettingsError) as caught:
        make(*sources, **options)
    return list(caught.value.problems)


class TestWhatIsPlanned:
    """Good input becomes targets, tags and places."""

    def test_every_image_goes_to_registry_and_project(self) -> None:
        """The name is `<registry>/<project>/<name>`, the project by default the repository's name on the forge in lower case."""
        plan = make(source("api"), source("web"))
        assert [str(target.repository) for target in plan.targets] == ["registry.lan:5000/shop/api", "registry.lan:5000/shop/web"]

    @pytest.mark.parametrize(
        ("project", "path"), [("tools", "tools/api"), ("acme/tools", "acme/tools/api"), ("/tools/", "tools/api"), ("", "shop/api")]
    )
    def test_the_project_may_be_set(self, project: str, path: str) -> None:
        """A project may have several parts; slashes around it don't matter."""
        (target,) = make(source("api"), given={"project": project}).targets
        assert target.repository is not None
        assert target.repository.path == path

    def test_names_may_have_parts(self) -> None:
        """`jobs/nightly` is a repository below the project, and gets an id that BuildKit takes."""
        (target,) = make(source("jobs/nightly.v2")).targets
        assert (str(target.repository), target.id, target.name) == (
            "registry.lan:5000/shop/jobs/nightly.v2",
            "jobs-nightly-v2",
            "jobs/nightly.v2",
        )

    def test_a_base_that_is_not_pushed_has_no_repository(self) -> None:
        """`push: false` is a base for others, and stays in the builder."""
        plan = make(source("base", push=False), source("api", contexts={"base": "target:base"}))
        assert plan.targets[0].repository is None
        assert [target.name for target in plan.pushed] == ["api"]
        assert plan.pushed[0].contexts == {"base": "target:base"}

    def test_a_context_names_the_id_of_its_target(self) -> None:
        """What the user calls `python.base` BuildKit calls `python-base`."""
        plan = make(source("python.base", push=False), source("api", contexts={"base": "target:python.base", "docs": "/workspace/docs"}))
        assert plan.pushed[0].contexts == {"base": "target:python-base", "docs": "/workspace/docs"}

    def test_platforms_of_an_image_replace_those_of_the_step(self) -> None:
        """An image's own platforms win."""
        plan = make(source("api"), source("web", platforms=("linux/arm64",)), given={"platforms": ["linux/amd64", "linux/arm/v7"]})
        assert [target.platforms for target in plan.targets] == [("linux/amd64", "linux/arm/v7"), ("linux/arm64",)]

    def test_the_commit_is_known_by_all_its_names(self) -> None:
        """Revision, time, source and pipeline come from the run."""
        plan = make()
        assert (plan.revision, plan.created, plan.source, plan.pipeline, plan.pipeline_url, plan.version) == (
            SHA,
            NOON,
            "https://git.example.lan/acme/shop",
            7,
            "https://ci.example.lan/7",
            None,
        )

    @pytest.mark.parametrize(
        ("run", "expected"),
        [
            (ci(repo_url=None, clone_url="https://git.example.lan/acme/shop.git"), "https://git.example.lan/acme/shop"),
            (ci(repo_url=None, clone_url="git@git.example.lan:acme/shop.git"), None),
            (ci(repo_url=None), None),
        ],
    )
    def test_the_source_may_come_from_the_clone_address(self, run: CI, expected: str | None) -> None:
        """A browser can follow https addresses only."""
        assert make(run=run).source == expected

    @pytest.mark.parametrize(
        ("given", "run", "push"),
        [
            ({}, PUSH, True),
            ({"dry_run": True}, PUSH, False),
            ({}, ci(event=Event.PULL_REQUEST), False),
            ({"auto_tag": True}, ci(branch="feature"), False),
            ({"hold": True}, PUSH, True),
        ],
    )
    def test_nothing_is_pushed_without_tags_or_on_a_dry_run(self, given: dict[str, Any], run: CI, push: bool) -> None:
        """A pull request, a branch that auto_tag skips, and `dry_run` push nothing and write no record."""
        plan = make(given=given, run=run)
        assert plan.push is push
        assert (plan.releases is not None) is push

    @pytest.mark.parametrize(
        ("given", "releases"),
        [
            ({}, "registry.lan:5000/shop/releases"),
            ({"project": "acme/tools"}, "registry.lan:5000/acme/tools/releases"),
            ({"record": "workspace"}, None),
            ({"record": "registry"}, "registry.lan:5000/shop/releases"),
        ],
    )
    def test_the_record_stands_beside_the_images(self, given: dict[str, Any], releases: str | None) -> None:
        """Even where images have names of several parts, the records are directly below the project."""
        plan = make(source("jobs/nightly"), given=given)
        assert (str(plan.releases) if plan.releases else None) == releases

    @pytest.mark.parametrize(("record", "releases"), [("auto", None), ("registry", "registry.lan:5000/acme/releases"), ("workspace", None)])
    def test_a_single_image_writes_a_record_on_request_only(self, record: str, releases: str | None) -> None:
        """A pipeline of plugin-docker-buildx may have no right to push another repository."""
        plan = make(source("acme/api"), given={"repo": ["acme/api"], "record": record})
        assert (str(plan.releases) if plan.releases else None) == releases

    @pytest.mark.parametrize(
        ("given", "builders", "export"),
        [
            ({}, (), True),
            ({}, ("tcp://b:1",), False),
            ({"cache": "registry"}, ("tcp://b:1",), True),
            ({"cache": "none"}, (), False),
            ({"repo": ["acme/api"]}, (), False),
            ({"repo": ["acme/api"], "cache": "registry"}, (), True),
        ],
    )
    def test_the_cache_goes_to_the_registry_where_the_builder_forgets(
        self, given: dict[str, Any], builders: tuple[str, ...], export: bool
    ) -> None:
        """A BuildKit that stays has its own cache; the embedded one starts empty each time."""
        plan = make(source("acme/api"), given=given, builders=builders)
        assert plan.export_cache is export
        assert plan.embedded is (not builders)

    @pytest.mark.parametrize(
        ("registry", "expected"),
        [
            ("registry.lan:5000", RegistryHost(host="registry.lan:5000")),
            ("https://registry.lan", RegistryHost(host="registry.lan", scheme="https")),
            ("https://index.docker.io/v1/", RegistryHost(host="docker.io", scheme="https")),
            ("https://registry.lan/v2", RegistryHost(host="registry.lan", scheme="https")),
        ],
    )
    def test_a_login_address_is_a_registry(self, registry: str, expected: RegistryHost) -> None:
        """Pipelines of plugin-docker-buildx hold the address that `docker login` took."""
        assert make(given={"registry": registry}).registry == expected

    @pytest.mark.parametrize(
        ("repo", "registry", "expected"),
        [
            ("acme/shop", "", "docker.io/acme/shop"),
            ("acme/shop", "registry.lan:5000", "registry.lan:5000/acme/shop"),
            ("ghcr.io/acme/shop", "registry.lan:5000", "ghcr.io/acme/shop"),
        ],
    )
    def test_a_single_images_name_may_hold_its_registry(self, repo: str, registry: str, expected: str) -> None:
        """`repo` is read as plugin-docker-buildx reads it."""
        (target,) = make(source(repo), given={"repo": [repo], "registry": registry}).targets
        assert str(target.repository) == expected


class TestWhatIsRefused:
    """Wrong input: every problem at once, nothing built."""

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("Api", "images: 'Api' has upper-case letters; repository names are lower case: 'api'"),
            ("my api", "images: 'my api' is not a repository name: letters a-z, digits, and single . _ - between them"),
            ("../api", "images: '../api' is not a repository name: letters a-z, digits, and single . _ - between them"),
            ("api:1.0", "images: 'api:1.0' is not a repository name: letters a-z, digits, and single . _ - between them"),
            ("", "images: the repository name is empty"),
            ("releases", "images: the name `releases` is reserved for the release records"),
        ],
    )
    def test_a_name_that_the_registry_would_refuse(self, name: str, problem: str) -> None:
        """Names are checked before anything is built."""
        assert problem in problems_of(source(name))

    def test_a_whole_name_that_is_too_long(self) -> None:
        """Project and name together have at most 255 characters."""
        assert any("has at most 255" in problem for problem in problems_of(source("x" * 100), given={"project": "y" * 200}))

    def test_two_images_with_one_name(self) -> None:
        """The second would silently replace the first."""
        assert problems_of(source("api"), source("web"), source("api")) == ["images: the name 'api' is given 2 times"]

    def test_two_images_whose_names_buildkit_cannot_tell_apart(self) -> None:
        """Ids of bake targets know no dots."""
        assert problems_of(source("my.api"), source("my-api")) == [
            "images: my-api and my.api differ only in characters that BuildKit can't tell apart"
        ]

    @pytest.mark.parametrize(
        ("context", "problem"),
        [
            ("target:nowhere", "images (api): build_contexts: target:nowhere names no image of this run"),
            ("target:", "images (api): build_contexts: target: names no image of this run"),
            ("target:api", "images: api is built from itself"),
        ],
    )
    def test_a_base_that_is_not_in_the_run(self, context: str, problem: str) -> None:
        """`target:` must name another image of the run."""
        assert problems_of(source("api", contexts={"base": context})) == [problem]

    def test_images_that_are_built_from_each_other(self) -> None:
        """A circle is refused with its members, and what only builds on it is not blamed alone."""
        circle = [source("a", contexts={"x": "target:b"}), source("b", contexts={"x": "target:a"})]
        assert problems_of(*circle, source("free")) == ["images: a and b are built from each other in a circle"]

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"registry": ""}, "registry: required, but not set (such as registry.lan:5000)"),
            (
                {"registry": "registry.lan/shop"},
                "registry: 'registry.lan/shop' has a path; write host or host:port here and the path as `project`",
            ),
            ({"registry": "ftp://registry.lan"}, "registry: ftp:// is not a registry address; write host or host:port"),
            ({"registry": "not a host"}, "registry: 'not a host' is not a host or host:port"),
            (
                {"registry": "http://registry.lan:5000"},
                "registry: http:// sends images and logins unprotected; set `insecure: true` if you accept that",
            ),
            ({"project": "Shop"}, "project: 'Shop' has upper-case letters; repository names are lower case: 'shop'"),
            ({"platforms": ["amd64"]}, "platforms: 'amd64' is no platform like linux/amd64"),
            ({"platforms": ["linux/AMD64"]}, "platforms: 'linux/AMD64' is no platform like linux/amd64"),
            ({"builder_cert": "PEM"}, "builder_cert and builder_key: mTLS needs both of them"),
            ({"builder_key": "PEM"}, "builder_cert and builder_key: mTLS needs both of them"),
            ({"cache_from": [{"ref": "registry.lan/x"}]}, "cache_from[0]: `type` is missing"),
            ({"cache_to": [{"type": "inline"}, {"ref": "x"}]}, "cache_to[1]: `type` is missing"),
        ],
    )
    def test_a_setting_that_cannot_be_used(self, given: dict[str, Any], problem: str) -> None:
        """The message begins with the setting as it is written in YAML."""
        assert problems_of(given=given) == [problem]

    def test_http_is_fine_where_the_user_accepts_it(self) -> None:
        """With `insecure: true` plain http is what was asked for."""
        assert make(given={"registry": "http://registry.lan:5000", "insecure": True}).registry.scheme == "http"

    @pytest.mark.parametrize(
        "address", ["buildkit:1234", "tcp://buildkit", "http://buildkit:1234", "unix://run/buildkitd.sock", "tcp://a b:1"]
    )
    def test_a_builder_that_is_no_address(self, address: str) -> None:
        """What buildx would wait for in vain is refused at once."""
        assert problems_of(builders=(address,)) == [
            f"builder: {address!r} is no address; write tcp://host:1234 or unix:///path/to/buildkitd.sock"
        ]

    @pytest.mark.parametrize(
        "address", ["tcp://buildkit:1234", "tcp://10.0.0.1:1234", "tcp://[fd00::1]:1234", "unix:///run/buildkitd.sock"]
    )
    def test_a_builder_may_be_a_host_or_a_socket(self, address: str) -> None:
        """Both kinds of address are taken."""
        assert make(builders=(address,)).builders == (address,)

    @pytest.mark.parametrize(
        ("tag", "problem"),
        [
            ("x" * 129, f"tags: tag {'x' * 40}... has 129 characters, a tag has at most 128"),
            ("1.0 beta", "tags: '1.0 beta' is not a tag: letters, digits and . _ - with no . or - in front"),
        ],
    )
    def test_a_tag_that_the_registry_would_refuse(self, tag: str, problem: str) -> None:
        """Tags are checked before anything is built."""
        assert problems_of(tags=(tag,)) == [problem]

    def test_only_bases_and_nothing_to_push(self) -> None:
        """A run that builds bases for nobody is a mistake."""
        assert problems_of(source("base", push=False)) == ["images: every image says `push: false`, so there is nothing to push"]

    def test_an_unknown_commit(self) -> None:
        """Without a commit there is nothing to name the images after."""
        assert "the commit is not known: run in a git checkout with a commit, or set CI_COMMIT_SHA" in problems_of(run=ci(sha=None))

    def test_an_unknown_project(self) -> None:
        """On a laptop the forge's name may be missing."""
        assert "project: required here, since the repository's name on the forge is not known" in problems_of(run=ci(repo=None))

    def test_a_bad_repo(self) -> None:
        """The single image's name is checked like the others."""
        assert problems_of(source("acme/Shop"), given={"repo": ["acme/Shop"]}) == [
            "repo: 'acme/Shop' has upper-case letters; repository names are lower case: 'acme/shop'"
        ]

    def test_everything_at_once(self) -> None:
        """One run shows all the problems, each once; what was found on disk comes first."""
        found = Found(sources=(source("Api"), source("releases"), source("releases")), problems=("images[3] (x): there is no Dockerfile",))
        wanted = settings(registry="http://registry.lan", platforms=["amd64"])
        with pytest.raises(SettingsError) as caught:
            planning.make(wanted, PUSH, found, explicit_tags=["bad tag"], builders=["buildkit"])
        assert caught.value.problems == (
            "images[3] (x): there is no Dockerfile",
            "registry: http:// sends images and logins unprotected; set `insecure: true` if you accept that",
            "tags: 'bad tag' is not a tag: letters, digits and . _ - with no . or - in front",
            "images: the name 'releases' is given 2 times",
            "platforms: 'amd64' is no platform like linux/amd64",
            "images: 'Api' has upper-case letters; repository names are lower case: 'api'",
            "images: the name `releases` is reserved for the release records",
            "builder: 'buildkit' is no address; write tcp://host:1234 or unix:///path/to/buildkitd.sock",
        )
        assert caught.value.exit_code == 2
        assert caught.value.message == "8 settings can't be used"

    def test_nothing_to_build(self, tmp_path: Path) -> None:
        """A step without images says what may be set."""
        with pytest.raises(SettingsError, match="there is nothing to build: set `images`, `discover`, `bake_file`, or `repo`"):
            plan_of(tmp_path)


def test_two_hundred_images_are_planned_at_once(tmp_path: Path) -> None:
    """The plan of a big monorepo has them all, each with its base."""
    names = [f"service-{number}" for number in range(200)]
    write(tmp_path, "base/Dockerfile", *(f"services/{name}/Dockerfile" for name in names))
    base = {"name": "base", "context": "base", "push": False}
    images = [{"name": name, "context": f"services/{name}", "build_contexts": {"base": "target:base"}} for name in names]
    plan = plan_of(tmp_path, images=[base, *images])
    assert [target.name for target in plan.pushed] == names
    assert {target.contexts["base"] for target in plan.pushed} == {"target:base"}

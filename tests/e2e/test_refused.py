"""What is refused before anything is built: each message, and that neither builder nor registry was touched.

The builder of these steps does not exist. A step that got as far as a build would say so instead.
"""

from collections.abc import Mapping

import pytest

from devtools.goyaml import Value
from tests.support.monorepo import Monorepo
from tests.support.project import Project

NOWHERE = "tcp://builder-that-does-not-exist:1234"
ONE: dict[str, Value] = {"name": "ledger", "context": "services/ledger"}

REFUSED: Mapping[str, tuple[Mapping[str, Value], str]] = {
    "nothing to build": (
        {"images": None},
        "there is nothing to build: set `images`, `discover`, `bake_file`, or `repo` for a single image",
    ),
    "an empty list": ({"images": []}, "there is nothing to build"),
    "two ways of saying what to build": ({"discover": "services/*/Dockerfile"}, "`images` and `discover` are set together"),
    "two images of one name": ({"images": [ONE, {**ONE, "context": "base"}]}, "the name 'ledger' is given 2 times"),
    "an upper-case name": (
        {"images": [{**ONE, "name": "Ledger"}]},
        "'Ledger' has upper-case letters; repository names are lower case: 'ledger'",
    ),
    "a name with a blank": ({"images": [{**ONE, "name": "my ledger"}]}, "'my ledger' is not a repository name"),
    "the reserved name": ({"images": [{**ONE, "name": "releases"}]}, "the name `releases` is reserved for the release records"),
    "a project with bad characters": ({"project": "shop$"}, "project: 'shop$' is not a repository name"),
    "a tag of 129 characters": ({"tags": ["x" * 129]}, "has 129 characters, a tag has at most 128"),
    "a tag with bad characters": ({"tags": ["feature/x"]}, "tags: 'feature/x' is not a tag"),
    "a missing context": (
        {"images": [{**ONE, "context": "services/nope"}]},
        "images[0] (ledger): context: the folder services/nope does not exist",
    ),
    "a context outside": ({"images": [{**ONE, "context": "../.."}]}, "images[0] (ledger): context: ../.. is outside the repository"),
    "a context that is a link to the outside": ({"images": [{**ONE, "context": "link"}]}, "context: link is outside the repository"),
    "a missing Dockerfile": (
        {"images": [{**ONE, "dockerfile": "Dockerfile.prod"}]},
        "images[0] (ledger): dockerfile: there is no Dockerfile at Dockerfile.prod or services/ledger/Dockerfile.prod",
    ),
    "a Dockerfile outside": ({"images": [{**ONE, "dockerfile": "../../etc/passwd"}]}, "../../etc/passwd is outside the repository"),
    "malformed JSON": ({"images": '[{"name": "ledger", "context": }]'}, "images: not valid JSON"),
    "an unknown key of an image": (
        {"images": [{**ONE, "contxt": "x"}]},
        'images[0] (ledger): unknown key "contxt", did you mean "context"?',
    ),
    "an image without a name": ({"images": [{"context": "services/ledger"}]}, "images[0]: name: required"),
    "a base that nobody builds": (
        {"images": [{**ONE, "build_contexts": {"base": "target:runtimes"}}]},
        "build_contexts: target:runtimes names no image of this run",
    ),
    "plain http without insecure": (
        {"registry": "http://registry:5000", "insecure": None},
        "registry: http:// sends images and logins unprotected; set `insecure: true` if you accept that",
    ),
    "no registry": ({"registry": None}, "registry: required, but not set"),
    "a registry with a path": ({"registry": "registry:5000/shop"}, "'registry:5000/shop' has a path"),
    "a builder that is no address": ({"builder": "buildkit"}, "builder: 'buildkit' is no address; write tcp://host:1234"),
    "a platform that is none": ({"platforms": ["amd64"]}, "platforms: 'amd64' is no platform like linux/amd64"),
    "half a login": ({"username": "ada"}, "username and password: a login needs both of them"),
    "a CA that is none": ({"ca_cert": "services/ledger/app.txt"}, "ca_cert: no certificate in PEM form"),
    "a missing bake file": ({"images": None, "bake_file": "bake.hcl"}, "bake_file: bake.hcl does not exist in the repository"),
    "a glob that finds nothing": ({"images": None, "discover": "apps/*/Dockerfile"}, "discover: no Dockerfile matches apps/*/Dockerfile"),
    "a word that is no boolean": ({"hold": "maybe"}, "hold: "),
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Monorepo:
    """Make a repository with one service, and a link that leads out of it."""
    made = Monorepo(tmp_path_factory.mktemp("git") / "shop")
    (made.path / "link").symlink_to("/etc")
    made.commit(
        {
            "services/ledger/Dockerfile": "FROM scratch\nCOPY app.txt /\n",
            "services/ledger/app.txt": "ledger\n",
            "base/Dockerfile": "FROM scratch\n",
        }
    )
    made.images.append(dict(ONE))
    return made


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_is_built(case: str, project: Project, repo: Monorepo) -> None:
    """Exit code 2, one sentence in the words of the YAML, no traceback, nothing in the registry."""
    settings, message = REFUSED[case]
    run = project.push(repo, {"builder": NOWHERE, **settings})
    assert run.exit_code == 2, run.log
    assert message in " ".join(run.log.split()), run.log
    assert "Traceback" not in run.log
    assert "Building" not in run.log
    assert project.all_tags() == {}


def test_all_problems_are_reported_together(project: Project, repo: Monorepo) -> None:
    """One run shows the user everything that is wrong."""
    run = project.push(
        repo, {"registry": "http://registry:5000", "insecure": None, "tags": ["a b"], "images": [{**ONE, "context": "nope"}]}
    )
    assert run.exit_code == 2
    assert "error: 3 settings can't be used" in run.log


def test_plain_http_without_insecure_never_falls_back(project: Project, repo: Monorepo) -> None:
    """A registry without TLS is told from one with it, and nothing is sent to it."""
    run = project.push(repo, {"insecure": None})
    assert run.exit_code == 1, run.log
    assert "the registry registry:5000 speaks plain http, and https was expected" in run.log
    assert "set `insecure: true`" in run.log
    assert "Building" not in run.log
    assert project.all_tags() == {}

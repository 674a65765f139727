"""A secret of the settings is nowhere but where it has to be: looked for in everything that a run leaves or shows."""

import base64
import contextlib
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest

from devtools.services import Services, buildkit, buildkitd_toml, registry
from tests.support.authority import Authority
from tests.support.command_lines import sampled
from tests.support.monorepo import Monorepo, monorepo
from tests.support.plugin_step import Run, Running
from tests.support.project import Project
from tests.support.registry_contents import RegistryContents

if TYPE_CHECKING:
    from devtools.goyaml import Value

USER = "ada"
# Characters that each encoding writes in its own way, and lines as a file has them.
SECRETS: Mapping[str, str] = {
    "password": "p4ss/w+rd=\"&<one>'%41",
    "token": "t0ken-of-the-step/+==",
    "own": "first line of own\nsecond line of own\\n\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """All that a run showed or left: texts by where they were found; and the key for the builder that it was given."""

    run: Run
    key: str
    texts: Mapping[str, str]


@pytest.fixture(scope="module")
def traces(services: Services, new_project: Callable[[str], Project], tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """Push with a login, with build secrets that RUN prints, and with a key for the builder; collect everything."""
    authority = Authority(tmp_path_factory.mktemp("tls") / "builder")
    pair = authority.client("pipeline")
    repo, project = _repository(tmp_path_factory), new_project("secrets")
    with (
        registry(services.network, alias="vault", htpasswd=(USER, SECRETS["password"])) as store,
        buildkit(
            services.network,
            alias="keyed",
            config=buildkitd_toml(mirror=services.mirror.inside, http=[store.inside]),
            tls=authority.server("keyed", asks_clients=True),
        ) as builder,
        contextlib.closing(RegistryContents(store.host, login=(USER, SECRETS["password"]))) as contents,
        sampled() as lines,
    ):
        image: dict[str, Value] = {"name": "app", "context": "app", "secrets": {"own": {"from_secret": "own"}}}
        settings: dict[str, Value] = {
            "registry": store.inside,
            "username": USER,
            "password": {"from_secret": "password"},
            "builder": builder.inside,
            "builder_ca": authority.pem,
            "builder_cert": pair.cert,
            "builder_key": {"from_secret": "builder_key"},
            "secrets": {"token": {"from_secret": "token"}},
            "images": [image],
            "verbose": True,
        }
        secrets = {**SECRETS, "builder_key": pair.key}
        with project.started(repo, settings, secrets=secrets) as running, sampled(lambda: _bake_files(running), every=0.05) as files:
            run = running.end()
            left = {path: content for path, content in running.files() if "/.git/" not in path}
        assert run.exit_code == 0, run.log
        assert files, "no bake file was seen during the run"
        texts = {
            "the log": run.log,
            "a command line": "\n".join(lines),
            "the bake file": "\n".join(files),
            "the record": json.dumps(run.record, ensure_ascii=False),
            **{f"the file {path}": content.decode(errors="replace") for path, content in left.items()},
            **_pushed(contents, project, repo),
            "the builder's log": builder.container.logs().decode(errors="replace"),
            "the builder's history": str(builder.container.exec_run(["buildctl", "debug", "histories"]).output),
        }
    return Traces(run=run, key=pair.key, texts=texts)


def _repository(factory: pytest.TempPathFactory) -> Monorepo:
    repo = monorepo(factory.mktemp("git") / "shop", images=0, on_base=False)
    talkative = (
        "FROM debian:trixie-slim\n"
        "RUN --mount=type=secret,id=token --mount=type=secret,id=own \\\n"
        "    cat /run/secrets/token; echo; base64 -w0 /run/secrets/token; echo; \\\n"
        "    printf 'x:%s' \"$(cat /run/secrets/token)\" | base64 -w0; echo; \\\n"
        "    cat /run/secrets/own; sleep 1\n"
    )
    repo.commit({"app/Dockerfile": talkative})
    return repo


def _bake_files(running: Running) -> Iterator[str]:
    """Yield what buildx is told and answers, while it is there: the files that hold no credentials by purpose."""
    return (text for name, text in running.temporary_files() if name in {"bake.json", "metadata.json"})


def _pushed(contents: RegistryContents, project: Project, repo: Monorepo) -> dict[str, str]:
    sha = repo.git("rev-parse", "HEAD")
    texts = {}
    for name in ("app", "releases"):
        path = f"{project.name}/{name}"
        manifest = contents.manifest(path, sha)
        texts[f"the manifest of {name}"] = json.dumps(manifest.document, ensure_ascii=False)
        texts[f"the config of {name}"] = contents.blob(path, manifest.document["config"]["digest"]).decode()
        # The lowest layer of the image is Debian's.
        for number, digest in enumerate(manifest.layers[name == "app" :]):
            content = contents.blob(path, digest)
            plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
            texts[f"layer {number} of {name}"] = plain.decode(errors="replace")
    return texts


def forms(secret: str) -> set[str]:
    """Return what a secret looks like in the encodings of configuration files, URLs and headers."""
    values = {secret.strip(), *(line.strip() for line in secret.splitlines())}
    found = set()
    for value in values:
        data = value.encode()
        found |= {value, json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value)}
        found |= {base64.b64encode(data).decode().rstrip("="), base64.urlsafe_b64encode(data).decode().rstrip("=")}
        # Within a longer text, such as user:secret, the base64 depends on what stands in front.
        found |= {base64.b64encode(bytes(front) + data).decode()[4:-4] for front in (1, 2)}
    return found


@pytest.mark.parametrize("name", [*SECRETS, "builder_key"])
def test_a_secret_is_nowhere(name: str, traces: Traces) -> None:
    """Not in the log, not in argv, not in what is pushed, not in what is left."""
    secret = traces.key if name == "builder_key" else SECRETS[name]
    # The first and last line of every key are the same.
    sought = {form for form in forms(secret) if "PRIVATE" not in form}
    found = {where for where, text in traces.texts.items() if any(form in text for form in sought)}
    assert found == set()


def test_the_log_shows_that_something_was_hidden(traces: Traces) -> None:
    """The build printed its secrets, or the test above would prove nothing."""
    assert traces.run.log.count("********") >= 4, traces.run.log


def test_the_search_would_find_a_secret(traces: Traces) -> None:
    """Names that are no secret are found where they belong."""
    assert "docker-buildx bake" in traces.texts["a command line"]
    assert "id=token" in traces.texts["the bake file"]
    assert "org.opencontainers.image.revision" in traces.texts["the config of app"]


def test_no_temporary_file_is_left(traces: Traces) -> None:
    """Logins, keys and secrets went through a folder of their own, which is gone."""
    assert [where for where in traces.texts if where.startswith("the file /tmp")] == []

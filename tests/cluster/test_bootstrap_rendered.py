"""The rendered platform on a real API server, as somebody uses it who has kubectl, Helm and curl, and reads the pages beside the files."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.components import COMPONENTS
from bootstrap.gitea import wizard
from bootstrap.gitea.browser import Browser
from bootstrap.gitea.web import Web
from bootstrap.gitea.wizard import Administrator
from bootstrap.render.folder import write
from bootstrap.render.render import render
from bootstrap.woodpecker import login
from bootstrap.woodpecker.login import Login
from devtools.controlplane import programs
from devtools.platform.description import Document
from devtools.platform.world import PlatformWorld
from tests.support.cluster_snapshot import Snapshot

# A world of its own, the scripts four times, and `up`: all of it before the first test.
pytestmark = pytest.mark.timeout(1200)
# Quotes, backslashes and dollars mean nothing to shell, curl and YAML.
PASSWORD = 'a password with "quotes", a \\ and $& in it'
HASH = "$2y$10$" + "e" * 53
# What Kubernetes and Helm make anew each time, hooks of charts among it.
ANEW = re.compile(r"^(IPAddress|ControllerRevision|ReplicaSet|Secret \S+/sh\.helm\.release|\w+ argocd/argocd-redis-secret-init)\b")


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody in the rendered folder."""

    world: PlatformWorld
    folder: Path
    said: dict[str, str] = field(default_factory=dict)
    """What was printed, by the name of the run."""
    seen: dict[str, Snapshot] = field(default_factory=dict)
    """What there was afterwards."""
    services: dict[str, Any] = field(default_factory=dict)
    """What Gitea and Woodpecker had afterwards."""

    def start(self, name: str, helm: str, script: str, *arguments: str) -> None:
        """Run a script with this Helm."""
        self.world.use_helm(helm)
        self.look(name, self.run([str(self.folder / script), *arguments]))

    def look(self, name: str, said: str) -> None:
        """Keep what was printed, and what there is now."""
        self.said[name], self.seen[name], self.services[name] = said, Snapshot.of(self.world.plane), services(self.world)

    def type(self, *lines: str) -> str:
        """Type lines into a shell; whoever asks for the password gets it, as from the keyboard."""
        typed = "\n".join(lines).replace("--user platform ", f"--user {shlex.quote(f'platform:{PASSWORD}')} ")
        return self.run(["bash", "-euo", "pipefail", "-c", typed])

    def run(self, command: Sequence[str]) -> str:
        """Run a program in the folder; its own words are shown where it fails."""
        done = subprocess.run(command, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def read(self, page: str, *beginnings: str) -> list[str]:
        """Return the commands of a page that begin like this, each with the lines that it goes on in."""
        text = (self.folder / page).read_text(encoding="utf-8")
        found = re.findall(r"^ {4,}(\S.*(?:(?<=[|\\])\n.*)*)$", text, re.MULTILINE)
        return [each for each in found if each.startswith(beginnings)]

    def note(self, secret: str, value: str) -> None:
        """Write a secret into its file, as an editor does, with a line feed behind it."""
        (self.folder / "secrets" / secret).write_text(f"{value}\n", encoding="utf-8")

    @property
    def _environment(self) -> Mapping[str, str]:
        # git reaches the Gitea of here under the address that it has for browsers.
        here, public = self.world.gitea.url.replace("://", "://platform@"), self.world.platform.gitea.endpoint.public_url
        answer = self.folder.parent / "answer"
        answer.write_text(f"#!/bin/sh\ncat <<'EOF'\n{PASSWORD}\nEOF\n", encoding="utf-8")
        answer.chmod(0o755)
        git = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{here}/.insteadOf", "GIT_CONFIG_VALUE_0": f"{public}/"}
        return {**self.world.environment, **git, "GIT_ASKPASS": str(answer)}


def described(document: Document) -> None:
    """Let the password of Gitea's administrator be one that somebody has chosen."""
    document["gitea"]["admin"]["password"] = {"env": "GITEA_ADMIN_PASSWORD"}


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Go the whole way: Gitea, install, again, Woodpecker, away and back; then let `bootstrap up` have it."""
    with (
        pytest.MonkeyPatch.context() as patched,
        PlatformWorld.start(tmp_path_factory.mktemp("rendered") / "world", edit=described) as world,
    ):
        patched.setenv("GITEA_ADMIN_PASSWORD", PASSWORD)
        output = world.folder / "rendered"
        write(output, render(world.platform, COMPONENTS, world.folder, output=output, source="platform.yaml"))
        world.children.use("kubectl", programs.command("kubectl")[0])
        found = Person(world=world, folder=output)
        prepare_gitea(found)
        found.start("first", "helm3", "runmefirst.sh")
        prepare_woodpecker(found)
        found.start("again", "helm4", "runmefirst.sh")
        found.start("away", "helm4", "runmelast.sh", "--yes")
        found.start("back", "helm3", "runmefirst.sh")
        for name, arguments in {"plan": ("plan", "--json"), "up": ("up", "--yes")}.items():
            done = world.command_line.run(*arguments)
            assert done.code in {0, 2}, done.stdout[-6000:] + done.stderr[-6000:]
            found.look(name, done.stdout)
        yield found


def services(world: PlatformWorld) -> dict[str, Any]:
    """Return what there is in Gitea and Woodpecker, but for values that are secret."""
    gitea, woodpecker = world.gitea.world, world.woodpecker.world
    return {
        "applications": [(each.name, each.redirect_uris, each.confidential) for each in gitea.applications],
        "repositories": {name: (len(each.hooks), each.bare.refs()) for name, each in gitea.repositories.items()},
        "active": {each["full_name"]: each["active"] for each in woodpecker.repositories.values()},
        "secrets": {name: (sorted(each["events"]), each["images"]) for kept in woodpecker.secrets.values() for name, each in kept.items()},
    }


def prepare_gitea(person: Person) -> None:
    """Do what gitea/README.md says, and note the secrets that README.md asks for."""
    world = person.world
    someone = Administrator(name="platform", email="platform@example.lan", password=PASSWORD)
    with Web(world.gitea.url) as web:
        wizard.install(web, public_url=world.platform.gitea.endpoint.public_url, administrator=someone)
    # It restarts.
    person.type(f"curl -sSf --retry 60 --retry-delay 1 --retry-all-errors {world.gitea.url}/api/v1/version")
    listed, made = person.read("gitea/README.md", "curl")[:2]
    assert person.type(listed).strip() == "[]"
    application = json.loads(person.type(made))
    person.type(*person.read("gitea/README.md", "curl")[2:3], *person.read("gitea/README.md", "git"))
    person.type(*person.read("gitea/README.md", "curl")[3:])
    person.note("WOODPECKER_CLIENT_ID", application["client_id"])
    person.note("WOODPECKER_CLIENT_SECRET", application["client_secret"])
    person.note("GITEA_ADMIN_PASSWORD", PASSWORD)
    person.note("KARGO_ADMIN_PASSWORD_HASH", HASH)
    person.note("STONKS_ORACLE_MIRROR_DEPLOY_KEY", world.secrets["STONKS_GITHUB_DEPLOY_KEY"].strip())


def prepare_woodpecker(person: Person) -> None:
    """Do what woodpecker/README.md says; the numbers in the commands are those of the answers before."""
    platform = person.world.platform
    who = Login(user="platform", password=PASSWORD, host=platform.woodpecker.public_url, gitea="")
    with Web(person.world.gitea.url) as gitea, Web(person.world.woodpecker.url, service="Woodpecker") as woodpecker:
        token = login.token(woodpecker, Browser(gitea, platform.gitea.endpoint.public_url), who)
    person.note("woodpecker-header", f"Authorization: Bearer {token}")
    page = "woodpecker/README.md"
    beginning = person.read(page, "source", "call()")
    number = json.loads(person.type(*person.read(page, "curl")))["id"]
    activate = person.read(page, "call -X POST")[0].replace("NUMBER", str(number))
    active = json.loads(person.type(*beginning, activate))["id"]
    for secret in person.read(page, "printf"):
        person.type(*beginning, secret.replace("/ID/", f"/{active}/"))


def changed(before: Snapshot, after: Snapshot, *but: str) -> list[str]:
    """Return what is another one afterwards, without what is made anew each time."""
    return before.changed(after, but=lambda name: bool(ANEW.match(name)) or name.startswith(but))


def test_the_scripts_say_what_they_do_and_to_which_cluster(person: Person) -> None:
    """Some sixty lines for the whole platform, and no chatter of kubectl and Helm."""
    lines = person.said["first"].splitlines()
    assert lines[0] == f"==> Cluster {person.world.plane.url}"
    assert "==> Kargo" in lines
    assert len(lines) < 75
    assert [line for line in lines if not line.startswith(("==> ", "    ", "The rest is done"))] == []


def test_a_second_run_with_the_other_helm_changes_nothing(person: Person) -> None:
    """The same files, the same secrets: no pod restarts."""
    assert changed(person.seen["first"], person.seen["again"]) == []
    assert [name for name in person.seen["first"].new(person.seen["again"]) if not ANEW.match(name)] == []


def test_what_the_scripts_have_made_is_what_up_would_make(person: Person) -> None:
    """Its plan has nothing to change in a manifest: it records secrets, copies images, and adopts."""
    document = json.loads(person.said["plan"])
    assert [component["name"] for component in document["components"] if component.get("problems")] == []
    changes = [change for component in document["components"] for change in component["changes"] if not is_bootstraps_own(change)]
    assert [f"{change['action']} {change['resource']}" for change in changes] == ["rotate Gitea OAuth2 application woodpecker"]


def is_bootstraps_own(change: Mapping[str, Any]) -> bool:
    """Tell whether a change is one of what bootstrap alone has: records, images, looks, and how it marks what it has made."""
    marks = [path for path in (each["path"] for each in change["fields"]) if "local-cicd.dev/" not in path]
    if change["action"] == "adopt":
        return not marks or str(change["resource"]).startswith("Helm release ")
    return str(change["resource"]).startswith(
        ("Secret of record ", "Image ", "Pod local-cicd/probe-", "Nodes that pull", "Woodpecker token")
    )


def test_up_takes_the_platform_over_and_touches_no_more_than_secrets_and_their_readers(person: Person) -> None:
    """What it has generated itself it has to write; volumes, claims and everything else stay the same objects."""
    own = ("Secret woodpecker/", "Secret kargo/", "StatefulSet ", "Deployment kargo/")
    assert changed(person.seen["back"], person.seen["up"], *own) == []
    assert (
        person.seen["back"].objects["StatefulSet buildkit/buildkitd"]["metadata"]["uid"]
        == (person.seen["up"].objects["StatefulSet buildkit/buildkitd"]["metadata"]["uid"])
    )


def test_the_pages_lead_to_the_same_gitea_and_woodpecker_as_up(person: Person) -> None:
    """One application, an active repository with one webhook and a branch for each stage, and the secrets with their events."""
    by_hand, by_up = person.services["again"], person.services["up"]
    assert by_hand["active"] == {"platform/stonks-oracle": True}
    assert by_hand == by_up


def test_what_is_taken_away_leaves_volumes_applications_and_data(person: Person) -> None:
    """And the namespaces of the platform itself are gone."""
    namespaces = {name.split()[1] for name in person.seen["away"].objects if name.startswith("Namespace ")}
    assert {"stonks-beta", "stonks-paper", "stonks-oracle", "stonks-oracle-cd", "local-cicd", "git-server"} <= namespaces
    assert not {"woodpecker", "argocd", "kargo", "buildkit", "argo-rollouts", "stonks-inttest", "arc-system"} & namespaces
    volumes = {name for name in person.seen["again"].objects if name.startswith("PersistentVolume pipeline-")}
    assert len(volumes) == 3
    assert volumes <= set(person.seen["away"].objects)


def test_what_comes_back_binds_the_same_volumes(person: Person) -> None:
    """The data is there again."""
    volumes = [name for name in person.seen["again"].objects if name.startswith("PersistentVolume pipeline-")]
    for name in volumes:
        first, back = (person.seen[run].objects[name] for run in ("again", "back"))
        assert first["metadata"]["uid"] == back["metadata"]["uid"]
        claim = back["spec"]["claimRef"]
        live = person.seen["back"].objects[f"PersistentVolumeClaim {claim['namespace']}/{claim['name']}"]
        assert live["metadata"]["uid"] == claim["uid"], name


def test_secrets_reach_the_cluster_to_the_letter(person: Person) -> None:
    """Whatever characters they are made of."""
    found = person.type("kubectl get secret --namespace stonks-oracle-cd git --output 'go-template={{.data.password | base64decode}}'")
    assert found == PASSWORD
    (certificate,) = yaml.safe_load(person.type("kubectl get configmap --namespace kargo platform-ca --output yaml"))["data"].values()
    assert certificate == person.world.plane.ca_cert.read_text(encoding="utf-8")

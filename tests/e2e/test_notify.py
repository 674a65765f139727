"""The image of kargo-notify after registry-push has held its tags: what is released, in which order, and what Kargo makes of it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from devtools.kargo_container import Kargo, freight, kargo
from tests.support.command_lines import sampled
from tests.support.fault_proxy import FaultProxy, Rule, refuse
from tests.support.monorepo import Monorepo
from tests.support.plugin_step import Run
from tests.support.project import Project

if TYPE_CHECKING:
    from devtools.goyaml import Value

WATCHED = "candle-store"


def head(repo: Monorepo) -> str:
    """Return the commit that is checked out."""
    return repo.git("rev-parse", "HEAD")


def pushed(project: Project, repo: Monorepo, more: "Mapping[str, Value] | None" = None, **options: int) -> str:
    """Push the commit with its tags held and return its SHA."""
    run = project.push(repo, {"hold": True, **(more or {})}, **options)
    assert run.exit_code == 0, run.log
    return head(repo)


def all_digests(project: Project) -> dict[tuple[str, str], str]:
    """Return what every tag of the project names."""
    return {(name, tag): project.manifest(name, tag).digest for name, tags in project.all_tags().items() for tag in tags}


def followed(project: Project) -> set[str]:
    """Return the tags of the project that somebody could deploy."""
    return {tag for tags in project.all_tags().values() for tag in tags if not tag.startswith("candidate-")}


@contextmanager
def watching(project: Project, repository: str = WATCHED, registry: str | None = None) -> Iterator[Kargo]:
    """Start a Kargo whose Warehouse subscribes to one repository of the project."""
    services = project.services
    image = project.plugin_images["kargo-notify"]
    with kargo(
        services.network, image=image, registry=registry or services.registry.inside, watched=f"{project.name}/{repository}"
    ) as running:
        yield running


def told(running: Kargo) -> "dict[str, Value]":
    """Return the settings that tell this Kargo, and wait."""
    return {
        "watch": WATCHED,
        "kargo_url": running.inside,
        "kargo_token": {"from_secret": "kargo_token"},
        "kargo_project": running.project,
        "warehouse": running.warehouse,
        "wait": "30s",
        "strict": True,
    }


def released(run: Run) -> str:
    """Return the log of a run that has gone well, as one line."""
    assert run.exit_code == 0, run.log
    assert "Traceback" not in run.log
    return " ".join(run.log.split())


def test_what_was_held_is_released_as_it_was_tested(project: Project, repo: Monorepo) -> None:
    """Every image, and the record, get their tags, which name the very bytes of the candidates; on a registry of 2.8 those stay."""
    sha = pushed(project, repo)
    assert followed(project) == set()
    candidates = project.digests(repo, f"candidate-{sha}")
    log = released(project.release(repo, {"watch": WATCHED}))
    assert project.digests(repo, sha) == project.digests(repo, "latest") == candidates
    assert project.all_tags() == {name: {f"candidate-{sha}", sha, "latest"} for name in [*repo.names, "releases"]}
    assert log.count("the candidate tags stay") == 1, log


def test_a_second_run_changes_nothing_and_says_so(project: Project, repo: Monorepo) -> None:
    """Also where the candidates are looked at again."""
    pushed(project, repo)
    released(project.release(repo))
    before = all_digests(project)
    log = released(project.release(repo, number=2))
    assert all_digests(project) == before
    assert "nothing" in log, log


def test_the_watched_image_gets_its_tag_when_all_others_have_theirs(project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """Also where one of them takes its time: Kargo can never see half a commit."""
    through: dict[str, Value] = {"registry": proxy.inside}
    sha = pushed(project, repo, through)
    slow = next(name for name in repo.names if name != WATCHED)
    proxy.add(Rule(method="PUT", path=f"/v2/{project.name}/{slow}/manifests/{sha}", delay=1.0))
    released(project.release(repo, {**through, "watch": WATCHED}))
    puts = [request.path for request in proxy.requests(f"/v2/{project.name}/") if request.method == "PUT" and request.path.endswith(sha)]
    images = [path for path in puts if "/releases/" not in path and "candidate-" not in path]
    assert sorted(images) == sorted(f"/v2/{project.name}/{name}/manifests/{sha}" for name in repo.names)
    assert images[-1] == f"/v2/{project.name}/{WATCHED}/manifests/{sha}"


def test_a_tag_that_can_not_be_set_leaves_the_watched_image_alone(project: Project, repo: Monorepo, proxy: FaultProxy) -> None:
    """Exit code 1, neither the watched image nor `latest` has moved, and the next run finishes the work."""
    through: dict[str, Value] = {"registry": proxy.inside, "watch": WATCHED}
    sha = pushed(project, repo, {"registry": proxy.inside})
    other = next(name for name in repo.names if name != WATCHED)
    proxy.add(refuse(403, "DENIED", "PUT", f"/v2/{project.name}/{other}/manifests/{sha}", times=1))
    run = project.release(repo, through)
    assert run.exit_code == 1, run.log
    assert sha not in project.tags(WATCHED)
    assert followed(project) <= {sha}
    released(project.release(repo, through, number=2))
    assert {name: tags >= {sha, "latest"} for name, tags in project.all_tags().items()} == dict.fromkeys([*repo.names, "releases"], True)


def test_kargo_is_told_and_its_freight_is_printed(project: Project, repo: Monorepo) -> None:
    """One Freight, of the tag and the digest that were released; a second run finds the same."""
    sha = pushed(project, repo)
    with watching(project) as running:
        first = released(project.release(repo, told(running), secrets={"kargo_token": running.token}))
        (made,) = freight(running)
        second = released(project.release(repo, told(running), secrets={"kargo_token": running.token}, number=2))
        assert freight(running) == [made]
    assert [(image.tag, image.digest) for image in made.images] == [(sha, project.manifest(WATCHED, sha).digest)]
    for log in (first, second):
        assert f"Freight {made.alias} ({made.name[:12]})" in log


def test_a_warehouse_may_watch_the_release_record(project: Project, repo: Monorepo) -> None:
    """Then the record is what is tagged last, and what the Freight names."""
    sha = pushed(project, repo)
    with watching(project, "releases") as running:
        log = released(project.release(repo, {**told(running), "watch": "releases"}, secrets={"kargo_token": running.token}))
        (made,) = freight(running)
    assert [(image.tag, image.digest) for image in made.images] == [(sha, project.manifest("releases", sha).digest)]
    assert made.alias in log


def test_the_next_commit_becomes_the_next_freight(project: Project, repo: Monorepo) -> None:
    """And the older commit, released once more, moves neither `latest` nor makes Freight anew."""
    with watching(project) as running:
        secrets = {"kargo_token": running.token}
        first = pushed(project, repo)
        released(project.release(repo, told(running), secrets=secrets))
        second = repo.commit({f"services/{WATCHED}/app.txt": "better\n"})
        pushed(project, repo, number=2)
        released(project.release(repo, told(running), secrets=secrets, number=2))
        both = freight(running)
        released(project.release(repo, told(running), secrets=secrets, sha=first, number=3))
        assert freight(running) == both
    assert sorted(image.tag for made in both for image in made.images) == sorted([first, second])
    assert project.digests(repo, "latest") == project.digests(repo, second)


def test_the_token_of_kargo_is_only_where_woodpecker_puts_it(project: Project, repo: Monorepo) -> None:
    """In the environment of the step; not in its log, on no command line, in no file, neither in the registry nor in Kargo."""
    pushed(project, repo)
    with watching(project) as running, sampled() as lines:
        with project.releasing(repo, told(running), secrets={"kargo_token": running.token}) as step:
            run = step.end()
            seen = {place: content.decode(errors="replace") for place, content in step.files() if "/.git/" not in place}
            step.container.reload()
            inspected = dict(step.container.attrs)
        seen["what Kargo logged"] = running.container.logs().decode(errors="replace")
        seen["Kargo's Freight"] = repr(freight(running))
    released(run)
    environment = inspected["Config"].pop("Env")
    assert [entry.partition("=")[0] for entry in environment if running.token in entry] == ["PLUGIN_KARGO_TOKEN"]
    # The stand-in itself is started with the token, by the tests.
    own = [line for line in lines if "kargo-notify" in line]
    assert own, "no command line of the plugin was seen"
    seen |= {"the log": run.log, "docker inspect": repr(inspected), "a command line": "\n".join(own), "the record": json.dumps(run.record)}
    assert [place for place, text in seen.items() if running.token in text] == []

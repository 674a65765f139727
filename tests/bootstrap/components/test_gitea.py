"""Gitea in every state that it can be found in, and one of our own, as platform.yaml wants them."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bootstrap.components.forge import RECORD
from bootstrap.components.gitea.component import Forge
from bootstrap.components.project_repository.component import ProjectRepository
from bootstrap.components.web import gitea_web
from bootstrap.core.change import Action, Observation, State
from bootstrap.core.context import Context, Options
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest
from bootstrap.core.record import RecordResource
from bootstrap.core.resource import Awaited, Resource
from bootstrap.gitea import egress
from bootstrap.gitea import version as versions
from bootstrap.gitea.egress import Target
from bootstrap.gitea.errors import GiteaError, LoginError
from bootstrap.platform.platform import Platform
from devtools.gitea.server import ADMIN, PASSWORD, StandIn, stand_in
from devtools.gitea.world import Settings
from tests.support.bootstrap_run import a_platform
from tests.support.projects import shop
from tests.support.still_cluster import StillCluster, manifest_of, record

PUBLIC = "https://gitea.example.lan"
DEPLOYMENT = "Deployment gitea/gitea"
VARIABLE = "PASSWORD_OF_GITEA"
GIVEN = {"password": {"env": VARIABLE}}
OPENED: list[Context] = []


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave the machine's own settings for git out, and give the administrator's password."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, PASSWORD)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.lan")


@pytest.fixture(autouse=True)
def connections() -> Iterator[None]:
    """Close what a test has opened, as the end of a run does."""
    yield
    while OPENED:
        gitea_web(OPENED.pop()).close()


def opened(wanted: Platform, *objects: Manifest, folder: Path | None = None) -> Context:
    """Begin a run on a cluster that has these objects."""
    OPENED.append(StillCluster(*objects).context(wanted, folder, locked=True))
    return OPENED[-1]


@pytest.fixture
def forge() -> Iterator[StandIn]:
    """Run a Gitea that is installed."""
    with stand_in() as running:
        running.public_url = PUBLIC
        yield running


def platform(url: str, *projects: dict[str, Any], **gitea: Any) -> Platform:  # noqa: ANN401  keys of `gitea`
    """Write a platform that has this Gitea."""
    endpoint = {"public_url": PUBLIC, "cluster_url": url, "bootstrap_url": url}
    section = {"mode": "external", "endpoint": endpoint, **gitea}
    return a_platform(gitea=section, buildkit={"enabled": False}, projects=list(projects))


def installed(**gitea: Any) -> Platform:  # noqa: ANN401  keys of `gitea`
    """Write a platform that installs one."""
    return a_platform(gitea={"mode": "install", **gitea})


def seen(wanted: Platform, label: str, *objects: Manifest) -> Observation:
    """Observe one resource."""
    context = opened(wanted, *objects)
    (only,) = [each for each in Forge().resources(context) if each.label == label]
    return only.observe(context)


def administrator(wanted: Platform, *objects: Manifest) -> Observation:
    """Observe the administrator."""
    return seen(wanted, f"Gitea administrator {wanted.gitea.admin.name}", *objects)


def workload(*env: tuple[str, str], **pod: str) -> Manifest:
    """Write the Deployment of a Gitea that somebody has installed."""
    container = {"name": "gitea", "image": "gitea:1", "env": [{"name": name, "value": value} for name, value in env], **pod}
    metadata = {"name": "gitea", "namespace": "gitea"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def of_install(*objects: Manifest, **gitea: Any) -> Sequence[Resource]:  # noqa: ANN401  keys of `gitea`
    """Return what one of our own is made of."""
    wanted = installed(**gitea)
    there = record(wanted, RECORD, **{"password": "pass-word", "secret-key": "key"})
    return Forge().resources(opened(wanted, there, *objects))


def test_one_that_is_in_order_has_nothing_to_do(forge: StandIn) -> None:
    """And no call changes anything."""
    assert administrator(platform(forge.url, admin=GIVEN)) == Observation()
    assert {method for method, _ in forge.asked} == {"GET"}


def test_one_that_is_down(forge: StandIn) -> None:
    """The remedy names what to look at, and the setting."""
    forge.stop()
    with pytest.raises(GiteaError, match="Gitea is not up") as caught:
        administrator(platform(forge.url, admin=GIVEN), workload())
    assert caught.value.hint
    assert "kubectl -n gitea get deployment/gitea" in caught.value.hint
    assert "gitea.endpoint.bootstrap_url" in caught.value.hint


def test_an_open_installation_page_is_refused_or_filled_in() -> None:
    """The password is a line of the plan of its own, before it."""
    with stand_in(Settings(installed=False)) as forge:
        with pytest.raises(GiteaError, match="installation page is still open") as caught:
            administrator(platform(forge.url, wizard="refuse"))
        assert caught.value.hint
        assert "wizard: complete" in caught.value.hint
        found = administrator(platform(forge.url)).change
        assert found is not None
        assert found.action is Action.CREATE
        context = opened(platform(forge.url))
        record_of_password, *_ = Forge().resources(context)
        assert isinstance(record_of_password, RecordResource)
        assert list(record_of_password.values) == ["password"]


def test_a_password_is_not_made_up_for_somebody_elses_gitea(forge: StandIn) -> None:
    """Its administrator has one already."""
    with pytest.raises(GiteaError, match="can't be generated any more") as caught:
        administrator(platform(forge.url))
    assert caught.value.hint
    assert "gitea.admin.password" in caught.value.hint
    assert "gitea admin user create --admin --username platform" in caught.value.details[0]
    assert not [each for each in Forge().resources(opened(platform(forge.url))) if isinstance(each, RecordResource)]


def test_installed_without_the_administrator(forge: StandIn) -> None:
    """The exact command, for the workload of this platform."""
    forge.world.users.clear()
    with pytest.raises(GiteaError, match="has no user platform") as caught:
        administrator(platform(forge.url, admin=GIVEN), workload())
    assert caught.value.hint
    assert caught.value.hint.startswith("kubectl -n gitea exec -it deployment/gitea -- ")
    assert "--must-change-password=false" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": "another"}, "does not take the password of platform"),
        ({"second_factor": "totp"}, "two factors"),
        ({"must_change_password": True}, "wants platform to change the password"),
        ({"admin": False}, "is no administrator"),
    ],
)
def test_an_administrator_who_cannot_be_used(forge: StandIn, change: dict[str, object], message: str) -> None:
    """Each for its own reason, and with its own remedy."""
    for name, value in change.items():
        setattr(forge.world.users[ADMIN], name, value)
    with pytest.raises(LoginError, match=message) as caught:
        administrator(platform(forge.url, admin=GIVEN))
    assert caught.value.hint


def test_a_workload_that_cannot_be_seen_is_a_warning(forge: StandIn) -> None:
    """Gitea may run outside the cluster; but then its environment can't be managed."""
    label = f"Environment of {DEPLOYMENT}"
    assert seen(platform(forge.url, admin=GIVEN), label) == Observation()
    with pytest.raises(BootstrapError, match=r"whose environment `gitea\.manage_env` wants to be set"):
        seen(platform(forge.url, admin=GIVEN, manage_env=True), label)


def test_a_workload_that_allows_it_is_left_alone(forge: StandIn) -> None:
    """Also where it may be managed."""
    there = workload(("GITEA__webhook__ALLOWED_HOST_LIST", "external,10.0.0.0/8"))
    assert seen(platform(forge.url, admin=GIVEN, manage_env=True), f"Environment of {DEPLOYMENT}", there) == Observation()


def test_our_own_lets_webhooks_into_the_cluster_and_nobody_install_it() -> None:
    """Whatever its version reads."""
    spec = manifest_of(of_install(), DEPLOYMENT)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    for version in map(versions.parse, ("1.26.0", "1.27.0", "28.1.0")):
        assert egress.assess(container["env"], version, [Target(url="http://woodpecker-server.woodpecker.svc")]).open
    assert {"name": "GITEA__security__INSTALL_LOCK", "value": "true"} in container["env"]
    (first,) = spec["initContainers"]
    assert (first["env"], first["image"]) == (container["env"], container["image"])


def test_our_own_has_no_password_in_its_pod() -> None:
    """It is mounted from a Secret into the one container that needs it, and known by a mark."""
    found = of_install()
    pod = manifest_of(found, DEPLOYMENT)["spec"]["template"]
    assert "pass-word" not in str(pod)
    (container,) = pod["spec"]["containers"]
    assert "administrator" not in [each["name"] for each in container["volumeMounts"]]
    other = manifest_of(of_install(admin={"name": "root-of-all"}), DEPLOYMENT)["spec"]["template"]
    assert pod["metadata"]["annotations"] != other["metadata"]["annotations"]


def test_our_own_is_announced_before_its_password_is_made() -> None:
    """What hangs on the record comes later."""
    found = Forge().resources(opened(installed()))
    assert [each.label for each in found if isinstance(each, Awaited)] == ["Secret gitea/gitea-administrator", DEPLOYMENT]
    (kept,) = [each for each in found if isinstance(each, RecordResource)]
    assert set(kept.values) == {"password", "secret-key"}
    assert administrator(installed()).later is not None


def test_who_reaches_our_own() -> None:
    """The ingress controller, and the pods that clone; SSH is open."""
    web, ssh = manifest_of(of_install(), "NetworkPolicy gitea/gitea")["spec"]["ingress"]
    controller, readers = web["from"]
    assert controller["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "traefik"}
    assert readers["namespaceSelector"]["matchExpressions"][0]["values"] == ["woodpecker", "argocd", "kargo"]
    assert ([port["port"] for port in web["ports"]], [port["port"] for port in ssh["ports"]]) == ([3000], [2222])
    service = manifest_of(of_install(ssh_port=2022), "Service gitea/gitea")["spec"]
    assert [port["port"] for port in service["ports"]] == [3000, 2022]


@pytest.mark.parametrize(
    "gitea", [{"endpoint": {"public_url": "http://gitea.lan:3000"}}, {"workload": {"kind": "StatefulSet"}}], ids=["address", "kind"]
)
def test_our_own_cannot_be_anything(gitea: dict[str, Any]) -> None:
    """What the ingress and the Deployment can't be is refused with what to write."""
    with pytest.raises(BootstrapError, match="installed here") as caught:
        of_install(**gitea)
    assert caught.value.hint


# Repositories of projects.


def look(wanted: Platform, folder: Path | None = None) -> tuple[Context, dict[str, Resource]]:
    """Return what the repositories consist of."""
    context = opened(wanted, folder=folder)
    return context, {each.label: each for each in ProjectRepository().resources(context)}


def test_gitea_is_asked_once_for_all_that_wait_for_it() -> None:
    """Each of them would wait as long as the first, and say the same."""
    with stand_in(Settings(installed=False)) as forge:
        context, found = look(platform(forge.url, shop(), admin=GIVEN))
        first, *others = found.values()
        reasons = {each.reason for each in (first.observe(context).later,) if each}
        asked = list(forge.asked)
        assert others
        assert reasons | {each.reason for other in others if (each := other.observe(context).later)} == {"Gitea is installed"}
        assert forge.asked == asked


@pytest.mark.parametrize(("state", "message"), [("archived", "is archived"), ("mirror", "is a mirror")])
def test_a_repository_that_nothing_can_be_pushed_into(forge: StandIn, state: str, message: str) -> None:
    """It is said in the plan, before anything is changed."""
    setattr(forge.world.add_repository(ADMIN, "shop"), state, True)
    context, found = look(platform(forge.url, shop(), admin=GIVEN))
    with pytest.raises(GiteaError, match=message) as caught:
        found["Gitea repository platform/shop"].observe(context)
    assert caught.value.hint
    assert found["Gitea repository platform/shop"].status(context).state is State.FAILED


def test_an_empty_repository_holds_nothing_up(forge: StandIn) -> None:
    """Its webhook has to be there before the first push: `up` goes on without branches."""
    forge.world.add_repository(ADMIN, "shop")
    context, found = look(platform(forge.url, shop(), admin=GIVEN))
    assert {each.observe(context) for each in found.values()} == {Observation()}
    assert found["Gitea branch stage/beta of platform/shop"].status(context).message == "waits for the first commit"


def test_a_branch_that_is_built_has_to_be_there(forge: StandIn) -> None:
    """Stage branches are made of it."""
    forge.world.add_repository(ADMIN, "shop").bare.add_commit("master", "first")
    context, found = look(platform(forge.url, shop(), admin=GIVEN))
    with pytest.raises(GiteaError, match="platform/shop has no branch main"):
        found["Gitea branch stage/beta of platform/shop"].observe(context)


def test_without_a_gitea_everything_comes_later(forge: StandIn) -> None:
    """What is wrong with it is said once, by the component that sets it up."""
    forge.stop()
    context, found = look(platform(forge.url, shop(repository={"owner": "traders"}), admin=GIVEN))
    later = [each.observe(context).later for each in found.values()]
    assert {each.reason for each in later if each} == {"Gitea is up"}
    assert len(later) == 5


def git(path: Path, *arguments: str) -> str:
    """Run git in a folder."""
    return subprocess.run(["git", *arguments], cwd=path, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a clone with a commit."""
    path = tmp_path / "shop"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    git(path, "commit", "--quiet", "--allow-empty", "--message=first")
    return path


def test_a_clone_that_was_not_fetched_for_a_while_is_behind(forge: StandIn, folder: Path) -> None:
    """It lacks the commits that would tell, and is neither refused nor written to."""
    forge.world.add_repository(ADMIN, "shop")
    context, found = look(platform(forge.url, shop(repository={"import_from": "shop"}), admin=GIVEN), folder.parent)
    label = f"Import of {folder} into Gitea repository platform/shop"
    change = found[label].observe(context).change
    assert change is not None
    found[label].apply(context, change)
    forge.world.repositories["platform/shop"].bare.add_commit("main", "of somebody else")
    before = git(folder, "count-objects")
    context, found = look(context.platform, folder.parent)
    context.options = Options(import_clones=True)
    assert found[label].observe(context) == Observation()
    assert git(folder, "count-objects") == before
    git(folder, "commit", "--quiet", "--allow-empty", "--message=of our own")
    context, found = look(context.platform, folder.parent)
    assert found[label].observe(context) == Observation(), "nobody has asked for a push"
    context.options = Options(import_clones=True)
    with pytest.raises(GiteaError, match=r"has commits that .* lacks"):
        found[label].observe(context)


def test_a_remote_of_that_name_is_not_overwritten(forge: StandIn, folder: Path) -> None:
    """And nothing is pushed before that is settled."""
    git(folder, "remote", "add", "gitea", "https://elsewhere.example.lan/shop.git")
    context, found = look(platform(forge.url, shop(repository={"import_from": str(folder)}), admin=GIVEN))
    with pytest.raises(GiteaError, match="leads to https://elsewhere") as caught:
        found[f"Import of {folder} into Gitea repository platform/shop"].observe(context)
    assert caught.value.hint


def test_another_machine_need_not_have_the_clone(forge: StandIn, tmp_path: Path) -> None:
    """Once something was pushed; before that it is missing."""
    gone = tmp_path / "gone"
    repository = forge.world.add_repository(ADMIN, "shop")
    wanted, label = platform(forge.url, shop(repository={"import_from": str(gone)}), admin=GIVEN), f"Import of {gone} into Gitea repository"
    context, found = look(wanted)
    with pytest.raises(GiteaError, match="is not a folder"):
        found[f"{label} platform/shop"].observe(context)
    repository.bare.add_commit("main", "first")
    context, found = look(wanted)
    assert found[f"{label} platform/shop"].observe(context) == Observation()

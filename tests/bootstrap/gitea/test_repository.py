"""Repositories with their owners, branches, webhooks and protections: made once, found again, refused in plain words."""

from collections.abc import Callable

import pytest

from bootstrap.gitea import branch, hook, protection, repository, user
from bootstrap.gitea.client import Gitea
from bootstrap.gitea.errors import GiteaError, ServerDownError
from bootstrap.gitea.hook import Action
from bootstrap.gitea.repository import Difference, Repository, Wanted
from devtools.gitea.bare import Bare
from devtools.gitea.server import ADMIN, StandIn

WANTED = Wanted(owner=ADMIN, name="shop")
URL = "http://woodpecker-server.woodpecker.svc:8000/api/hook"
HOOK = hook.Wanted(url=URL, events=frozenset({"push", "create"}), secret="hook-secret")
Login = Callable[[str, str], Gitea]


@pytest.fixture
def shop(gitea: Gitea) -> Repository:
    """Make an empty repository."""
    return repository.create(gitea, WANTED)


def bare_of(forge: StandIn) -> Bare:
    """Return the repository on Gitea's disk."""
    found = forge.world.repository("platform/shop")
    assert found is not None
    return found.bare


@pytest.mark.parametrize("name", ["admin", "api", "gitea-actions", "user", "me.keys", "two--dashes", "-x"])
def test_a_reserved_name_is_refused_before_any_call(forge: StandIn, gitea: Gitea, name: str) -> None:
    """For users and organisations alike, with the reason."""
    refusal = "Gitea can't have a user or an organisation of this name"
    with pytest.raises(GiteaError, match=refusal):
        user.create(gitea, name, email="x@example.lan", password="long-enough")
    with pytest.raises(GiteaError, match=refusal):
        user.create_organization(gitea, name)
    assert forge.asked == []


def test_a_user_is_made_once_and_need_not_change_the_password(forge: StandIn, gitea: Gitea, login: Login) -> None:
    """A second time it is left as it is, whatever password is given."""
    made = user.create(gitea, "ci", email="ci@example.lan", password="password-of-ci")
    assert user.create(gitea, "ci", email="ci@example.lan", password="another-password") == made
    assert login("ci", "password-of-ci").get("/user")["login"] == "ci"
    assert not forge.world.users["ci"].must_change_password


def test_a_weak_password(gitea: Gitea) -> None:
    """Gitea's word for it helps nobody."""
    with pytest.raises(GiteaError, match="Gitea does not make the user ci: the password is too weak"):
        user.create(gitea, "ci", email="ci@example.lan", password="x")


def test_only_an_administrator_makes_users(forge: StandIn, login: Login) -> None:
    """With the right that is missing."""
    forge.world.add_user("ci", "password-of-ci")
    with pytest.raises(GiteaError, match="the Gitea user ci is no administrator: user should be the site admin"):
        user.create(login("ci", "password-of-ci"), "other", email="o@example.lan", password="long-enough")


def test_a_repository_is_made_once(forge: StandIn, gitea: Gitea) -> None:
    """409 is no failure: it is the one that is wanted."""
    assert repository.find(gitea, ADMIN, "shop") is None
    made = repository.create(gitea, WANTED)
    assert (made.full_name, made.empty, made.private, made.default_branch) == ("platform/shop", True, True, "main")
    assert repository.create(gitea, WANTED) == made
    assert repository.find(gitea, ADMIN, "shop") == made
    assert list(forge.world.repositories) == ["platform/shop"]


@pytest.mark.parametrize("there", ["nobody", "organisation", "user"])
def test_a_repository_of_somebody_else(forge: StandIn, gitea: Gitea, there: str) -> None:
    """An organisation is made where there is nobody of that name; into a user's the administrator may put it."""
    if there != "nobody":
        forge.world.add_user("acme", "password-of-acme", organization=there == "organisation")
    made = repository.create(gitea, Wanted(owner="acme", name="shop"))
    assert made.owner == "acme"
    assert forge.world.users["acme"].organization is (there != "user")


def test_a_repository_that_gitea_refuses(gitea: Gitea) -> None:
    """In its words, with the setting."""
    with pytest.raises(GiteaError, match=r"does not make the repository platform/\.\.: name is reserved") as caught:
        repository.create(gitea, Wanted(owner=ADMIN, name=".."))
    assert caught.value.hint == "take another `repository.name` for the project"


def test_files_left_on_the_disk_are_in_the_way(forge: StandIn, gitea: Gitea) -> None:
    """409, and nothing to be found: an unadopted repository."""
    forge.world.faults.answer("POST .*repos", 409, message="The repository with the same name already exists.")
    with pytest.raises(GiteaError) as caught:
        repository.create(gitea, WANTED)
    assert "Unadopted Repositories" in str(caught.value.hint)


def test_who_may_read_it_is_put_right(gitea: Gitea, shop: Repository) -> None:
    """The one setting that is managed."""
    public = Wanted(owner=ADMIN, name="shop", private=False)
    changes = repository.differences(shop, public)
    assert changes == (Difference(field="private", before=True, after=False),)
    assert repository.differences(repository.update(gitea, shop, changes), public) == ()


@pytest.mark.parametrize(("state", "message"), [("archived", "is archived"), ("mirror", "is a mirror of another one")])
def test_a_repository_that_takes_no_pushes(forge: StandIn, gitea: Gitea, shop: Repository, state: str, message: str) -> None:
    """Said before anything is tried."""
    repository.check(shop)
    setattr(forge.world.repositories["platform/shop"], state, True)
    found = repository.find(gitea, ADMIN, "shop")
    assert found is not None
    with pytest.raises(GiteaError, match=message):
        repository.check(found)


def test_a_repository_that_the_user_does_not_administer(forge: StandIn, login: Login) -> None:
    """Seen, but not to be managed."""
    forge.world.add_user("ci", "password-of-ci")
    forge.world.add_repository(ADMIN, "shop", private=False)
    found = repository.find(login("ci", "password-of-ci"), ADMIN, "shop")
    assert found is not None
    with pytest.raises(GiteaError, match="platform/shop is not administered by this user") as caught:
        repository.check(found)
    assert "`gitea.admin.name`" in str(caught.value.hint)


def test_an_archived_repository_refuses_changes(forge: StandIn, gitea: Gitea, shop: Repository) -> None:
    """423, in a sentence."""
    forge.world.repositories["platform/shop"].archived = True
    with pytest.raises(GiteaError, match="Gitea changes nothing in an archived repository"):
        hook.create(gitea, shop, HOOK)


def test_a_stage_branch_begins_at_the_head_of_the_built_one(forge: StandIn, gitea: Gitea, shop: Repository) -> None:
    """And stays where it is when it is there: Kargo has committed to it."""
    first = bare_of(forge).add_commit("main", "first")
    assert branch.find(gitea, shop, "stage/beta") is None
    assert branch.create(gitea, shop, "stage/beta", source="main").commit == first
    promoted = bare_of(forge).add_commit("stage/beta", "promote")
    assert branch.create(gitea, shop, "stage/beta", source="main").commit == promoted
    branch.delete(gitea, shop, "stage/beta")
    branch.delete(gitea, shop, "stage/beta")
    assert branch.find(gitea, shop, "stage/beta") is None


def test_an_empty_repository_has_no_branches(gitea: Gitea, shop: Repository) -> None:
    """What to do is to push."""
    with pytest.raises(GiteaError, match="platform/shop is empty") as caught:
        branch.create(gitea, shop, "stage/beta", source="main")
    assert "git push" in str(caught.value.hint)
    assert "`repository.import_from`" in str(caught.value.hint)


def test_a_branch_that_is_in_the_way_of_another(forge: StandIn, gitea: Gitea, shop: Repository) -> None:
    """409 as for one that exists, which this one does not."""
    bare_of(forge).set_branch("stage", bare_of(forge).add_commit("main", "first"))
    with pytest.raises(GiteaError, match="the branch stage/beta can't be made in platform/shop") as caught:
        branch.create(gitea, shop, "stage/beta", source="main")
    assert "a branch stage, is in the way" in str(caught.value.hint)


def test_the_branch_that_is_built_is_not_there(forge: StandIn, gitea: Gitea, shop: Repository) -> None:
    """`master` was pushed, and `main` is configured."""
    bare_of(forge).add_commit("master", "first")
    with pytest.raises(GiteaError, match="there is no branch main") as caught:
        branch.create(gitea, shop, "stage/beta", source="main")
    assert "`repository.branch`" in str(caught.value.hint)


def test_a_webhook_is_made_once(forge: StandIn, gitea: Gitea, shop: Repository) -> None:
    """Gitea would take any number of them."""
    assert hook.decide(hook.hooks(gitea, shop), HOOK).action is Action.CREATE
    hook.create(gitea, shop, HOOK)
    decision = hook.decide(hook.hooks(gitea, shop), HOOK)
    assert (decision.action, decision.reasons, decision.others) == (Action.KEEP, (), ())
    (made,) = forge.world.repositories["platform/shop"].hooks
    assert (made.active, made.secret, made.events) == (True, "hook-secret", ["create", "push"])


def test_an_event_that_gitea_lists_as_its_kinds(gitea: Gitea, shop: Repository) -> None:
    """`pull_request` is listed as ten events; that is no difference."""
    wanted = hook.Wanted(url=URL, events=frozenset({"push", "create", "pull_request", "release"}))
    made = hook.create(gitea, shop, wanted)
    assert "pull_request_sync" in made.events
    assert hook.decide([made], wanted).action is Action.KEEP
    assert hook.decide([made], HOOK).reasons[0].startswith("it has pull_request, pull_request_assign")


def test_a_webhook_that_was_changed_by_hand_is_put_right(forge: StandIn, gitea: Gitea, shop: Repository) -> None:
    """With each difference named."""
    hook.create(gitea, shop, HOOK)
    (made,) = forge.world.repositories["platform/shop"].hooks
    made.active, made.events, made.content_type, made.branch_filter, made.url = False, ["push", "issues"], "form", "dev", f"{URL}?old=1"
    decision = hook.decide(hook.hooks(gitea, shop), HOOK)
    assert decision.reasons == (
        "its address has another query",
        "it misses create and has issues too many",
        "it is switched off",
        "it sends form, not JSON",
        "its branches are dev, not all",
    )
    assert decision.hook is not None
    hook.update(gitea, shop, decision.hook, HOOK)
    assert hook.decide(hook.hooks(gitea, shop), HOOK).action is Action.KEEP


def test_a_lost_answer_makes_no_second_webhook(forge: StandIn, gitea: Gitea, shop: Repository) -> None:
    """The next run finds the first."""
    forge.world.faults.lose("POST .*hooks")
    with pytest.raises(ServerDownError):
        hook.create(gitea, shop, HOOK)
    assert hook.decide(hook.hooks(gitea, shop), HOOK).action is Action.KEEP


def test_a_second_webhook_to_the_same_place_is_named(gitea: Gitea, shop: Repository) -> None:
    """The one whose address is exactly right is kept; access tokens are shown of none."""
    old = hook.create(gitea, shop, hook.Wanted(url=f"{URL}?access_token=secret-jwt", events=HOOK.events))
    kept = hook.create(gitea, shop, HOOK)
    decision = hook.decide(hook.hooks(gitea, shop), HOOK)
    assert (decision.hook, decision.others) == (kept, (old,))
    assert "secret-jwt" not in repr(decision)
    assert old.address == URL
    hook.delete(gitea, shop, old)
    hook.delete(gitea, shop, old)
    assert hook.hooks(gitea, shop) == [kept]


def test_a_protection_is_made_once_and_put_right(gitea: Gitea, shop: Repository) -> None:
    """403 means "there is one" here; fields that are not wanted stay."""
    wanted = {"rule_name": "stage/*", "enable_push": True}
    assert protection.find(protection.rules(gitea, shop), "stage/*") is None
    protection.create(gitea, shop, wanted)
    protection.update(gitea, shop, {"rule_name": "stage/*", "required_approvals": 2, "enable_push": False})
    found = protection.find(protection.rules(gitea, shop), "stage/*")
    assert protection.differences(found, wanted) == (Difference(field="enable_push", before=False, after=True),)
    protection.create(gitea, shop, wanted)
    found = protection.find(protection.rules(gitea, shop), "stage/*")
    assert found is not None
    assert (found["enable_push"], found["required_approvals"]) == (True, 2)


def test_a_protection_that_is_not_allowed(forge: StandIn, gitea: Gitea, shop: Repository) -> None:
    """The same 403, and no rule: a right is missing."""
    forge.world.faults.answer("POST .*branch_protections", 403, message="Must be a repo admin")
    with pytest.raises(GiteaError, match=r"Gitea does not let platform protect main in platform/shop: Must be a repo admin"):
        protection.create(gitea, shop, {"rule_name": "main"})


def test_a_list_without_pages_ends(gitea: Gitea, shop: Repository) -> None:
    """Its second page is its first."""
    protection.create(gitea, shop, {"rule_name": "main"})
    assert len(gitea.all(f"{shop.path}/branch_protections")) == 1

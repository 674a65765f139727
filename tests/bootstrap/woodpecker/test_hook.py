"""Woodpecker's webhooks in Gitea."""

import pytest

from bootstrap.gitea.hook import Hook
from bootstrap.woodpecker import hook

HERE = "http://woodpecker-server.woodpecker.svc"
PUBLIC = "https://ci.example.lan"
EVENTS = frozenset({"push", "create", "pull_request", "release", "pull_request_sync"})
TOKEN = "eyJhbGciOi.eyJ0eXBlIjoi.c2lnbmF0dXJl"


def made(number: int, url: str = HERE, *, active: bool = True, events: frozenset[str] = EVENTS) -> Hook:
    """Make one as Gitea lists it."""
    return Hook(id=number, url=f"{url}/api/hook?access_token={TOKEN}", events=events, active=active)


def test_one_hook_at_the_right_address_is_in_order() -> None:
    """Gitea lists more events than were asked for."""
    assert hook.judge([made(1)], wanted=HERE, former=[PUBLIC]).in_order


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ([], "there is none"),
        ([made(1, PUBLIC)], "one goes to https://ci.example.lan, not to http://woodpecker-server.woodpecker.svc"),
        ([made(1, active=False)], "switched off"),
        ([made(1, events=frozenset({"push"}))], "lacks an event"),
        ([made(1), made(2)], "more than one"),
        ([made(1), made(2, PUBLIC)], "one goes to https://ci.example.lan"),
    ],
)
def test_what_would_start_no_pipeline_or_two_is_told(listed: list[Hook], words: str) -> None:
    """In words for the plan, without the token in the address."""
    found = hook.judge(listed, wanted=HERE, former=[PUBLIC])
    assert not found.in_order
    assert words in found.reason
    assert TOKEN not in found.reason


def test_of_two_hooks_the_newer_one_stays() -> None:
    """The older one was signed for a database that is gone."""
    found = hook.judge([made(1), made(2)], wanted=HERE, former=[])
    assert ([each.id for each in found.right], [each.id for each in found.stale]) == ([2], [1])


def test_hooks_of_others_are_left_alone() -> None:
    """Another Woodpecker, Argo CD, and a chat."""
    others = [
        made(1, "https://other-ci.example.lan"),
        Hook(id=2, url="https://argocd.example.lan/api/webhook", events=EVENTS, active=True),
        Hook(id=3, url=f"{PUBLIC}/somewhere?access_token=x", events=EVENTS, active=True),
    ]
    found = hook.judge([*others, made(4)], wanted=HERE, former=[PUBLIC])
    assert found.in_order

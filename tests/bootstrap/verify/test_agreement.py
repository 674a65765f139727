"""A commit is pushed only where somebody has agreed to it, and knows what it brings with it."""

import io
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bootstrap.platform.platform import Platform
from bootstrap.verify import agreement
from bootstrap.verify.rows import PUSHING, ROWS
from bootstrap.verify.scene import Scene
from plugin_kit.console import Console
from plugin_kit.errors import PluginError
from tests.support.bootstrap_run import a_platform

if TYPE_CHECKING:
    from bootstrap.core.context import Context

STAGES = [{"name": "beta", "promotion": "auto"}, {"name": "live", "promotion": "manual"}]


class Stages:
    """A cluster whose stage beta runs a commit, and live nothing yet."""

    def get(self, ref: Any) -> dict[str, Any]:  # noqa: ANN401  a Ref
        """Return a Stage."""
        if ref.name == "live":
            return {}
        image = {"repoURL": "registry.example.lan/shop/api", "tag": "6f1e5c0a9b7d" + "0" * 28}
        return {"status": {"freightHistory": [{"items": {"Warehouse/images": {"images": [image]}}}]}}


def platform(*names: str) -> Platform:
    """Return one with these projects."""
    return a_platform(projects=[{"name": name, "watched_image": "api", "chart_path": "deploy", "stages": STAGES} for name in names])


def scene(*names: str, **fields: Any) -> Scene:  # noqa: ANN401  fields
    """Return one with these projects."""
    context = SimpleNamespace(platform=platform(*names), console=Console(io.StringIO()), cluster=Stages())
    return Scene(context=cast("Context", context), **fields)


def test_who_can_not_be_asked_has_not_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of cron pushes nothing by itself."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    here = scene("shop")
    agreement.settle(here, ROWS, name=None, yes=False)
    assert not here.agreed
    assert "with --yes" in here.refusal


def test_with_yes_nobody_is_asked() -> None:
    """The project is found where there is one."""
    here = scene("shop")
    agreement.settle(here, ROWS, name=None, yes=True)
    assert here.agreed
    assert here.project
    assert here.project.name == "shop"


def test_of_several_projects_one_must_be_named() -> None:
    """Else nothing is pushed, and the names are told; a wrong one is an error."""
    here = scene("shop", "bank")
    agreement.settle(here, ROWS, name=None, yes=True)
    assert (here.agreed, here.refusal) == (False, "which project? Name one with --project: shop, bank")
    agreement.settle(here, ROWS, name="bank", yes=True)
    assert here.agreed
    with pytest.raises(PluginError, match='no project "bamk", did you mean "bank"'):
        agreement.settle(here, ROWS, name="bamk", yes=True)


@pytest.mark.parametrize(
    ("to_the_end", "promotes", "said"),
    [
        (False, True, "It is promoted to beta (runs 6f1e5c0a9b7d), with all that is on main and does not run there yet."),
        (True, True, "It is promoted to beta (runs 6f1e5c0a9b7d), live, with all that is on main and does not run there yet."),
        (False, False, ""),
    ],
)
def test_the_question_says_what_comes_along(to_the_end: bool, promotes: bool, said: str) -> None:
    """Above all what is on the branch and has not been let out yet."""
    here = scene("shop", to_the_end=to_the_end, promotes=promotes)
    lines = agreement.question(here, here.platform.projects[0])
    assert "An empty commit is pushed to main of" in lines[0]
    assert "".join(lines[1:]) == said


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("1h", 3600), ("90s", 90)])
def test_a_length_of_time_is_read(text: str, seconds: float) -> None:
    """As in platform.yaml."""
    assert agreement.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1h", "0s", "99999999999999h"])
def test_what_is_no_length_of_time_is_told(text: str) -> None:
    """In the words of the option."""
    with pytest.raises(PluginError, match="--timeout"):
        agreement.seconds(text)


def test_a_promotion_is_expected_only_where_it_is_checked() -> None:
    """Where only the pipeline is, the commit may go to a branch of its own."""
    here = scene("shop")
    agreement.settle(here, PUSHING[:1], name=None, yes=True)
    assert not here.promotes

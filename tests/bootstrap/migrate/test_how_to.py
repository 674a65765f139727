"""The how-to page shows what the command says."""

import re

import pytest

from bootstrap.command_line import run
from devtools.paths import ROOT
from tests.bootstrap.migrate.conftest import Place
from tests.bootstrap.migrate.layouts import SERVICES

PAGE = (ROOT / "docs/how-to/migrate-off-ghcr.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: shop-beta
  namespace: argocd
spec:
  project: default
  destination: {server: https://kubernetes.default.svc, namespace: shop-beta}
  source:
    repoURL: https://github.com/ann/shop.git
    targetRevision: main
    path: chart
"""


@pytest.fixture
def shop(place: Place) -> Place:
    """Return the repository of the page."""
    readme = "# Shop\n\nThe images are on ghcr.io/ann/shop.\n"
    place.lay({**SERVICES.files, "deploy/shop-beta.yaml": APPLICATION, "README.md": readme}, platform=SERVICES.platform)
    return place


def test_what_the_page_shows_is_what_is_printed(shop: Place) -> None:
    """Line for line; the page leaves some out."""
    shown = shop.migrate()[1]
    written = shop.migrate("--write")[1].replace(str(shop.root), "../shop")
    printed = {line.rstrip() for line in f"{shown}{written}".splitlines()}
    quoted = [line for kind, block in BLOCKS if kind in {"diff", ""} for line in block.splitlines()]
    assert len(quoted) > 60
    assert [line for line in quoted if line.rstrip() not in printed] == []


def test_every_command_of_the_page_can_be_typed(shop: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """With its options."""
    commands = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
    commands += re.findall(r"`(bootstrap [^`]*\.\./shop[^`]*)`", PAGE)
    assert len(commands) == 3
    assert run(["check", "--repository", str(shop.root), "--file", str(shop.platform)]) == 1
    for command in commands:
        if command.startswith("bootstrap check"):
            # What the page shows as left to a person, `check` names until it is done.
            application = shop.root / "deploy/shop-beta.yaml"
            application.write_text(application.read_text().replace("targetRevision: main", "targetRevision: stage/beta"))
        words = [str(shop.root) if word == "../shop" else word for word in command.split()[1:]]
        assert run([*words, "--file", str(shop.platform)]) in {0, 2}
    capsys.readouterr()
    assert run(["migrate", "--help"]) == 0
    known = capsys.readouterr().out
    assert all(option in known for option in re.findall(r"`(--[a-z]+)", PAGE) if option != "--repository")

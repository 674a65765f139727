"""`./dev docs`: writes plugins/*/docs.md, and the reference of bootstrap, from the models of their settings."""

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.platform.schema import schema_text
from devtools import progress
from devtools.bootstrap_docs import commands_md, platform_md
from devtools.paths import ROOT
from plugin_kit.docs import docs_md

if TYPE_CHECKING:
    from plugin_kit.cli import Plugin

REFERENCE = ROOT / "docs/reference"


def main(arguments: argparse.Namespace) -> int:
    """Write the pages; with `--check` only name those that are stale and fail."""
    stale = [path for path, text in pages() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if arguments.check:
        for path in stale:
            progress.say(f"{path.relative_to(ROOT)} is stale: run ./dev docs")
        return 1 if stale else 0
    for path, text in pages():
        path.write_text(text, encoding="utf-8")
        progress.say(f"{path.relative_to(ROOT)}: {'written' if path in stale else 'unchanged'}")
    return 0


def pages() -> Iterator[tuple[Path, str]]:
    """Yield the place and the text of every file that is written from code."""
    yield from _plugins()
    yield REFERENCE / "bootstrap.md", commands_md((REFERENCE / "bootstrap.md").read_text(encoding="utf-8"))
    yield REFERENCE / "platform.md", platform_md((REFERENCE / "platform.md").read_text(encoding="utf-8"))
    yield ROOT / "docs/platform.schema.json", schema_text()


def _plugins() -> Iterator[tuple[Path, str]]:
    """Yield each plugin's page; what only a person can say stands in intro.md beside it."""
    for project in sorted(ROOT.glob("plugins/*/src/*/__main__.py")):
        plugin: Plugin = import_module(f"{project.parent.name}.__main__").PLUGIN
        folder = project.parents[2]
        intro = folder / "intro.md"
        text = intro.read_text(encoding="utf-8") if intro.exists() else ""
        yield folder / "docs.md", docs_md(plugin, plugin.settings_model(), intro=text)

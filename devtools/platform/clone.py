"""The local clone of an application's repository, as `import_from` names it: a chart and a few commits."""

import os
from pathlib import Path

from plugin_kit import process

_FILES = {
    "Chart.yaml": "apiVersion: v2\nname: {name}\nversion: 0.1.0\n",
    "values.yaml": 'image: {{tag: ""}}\nreplicas: 1\n',
    "values-beta.yaml": "replicas: 1\n",
    "values-paper.yaml": "replicas: 2\n",
}


def make(folder: Path, name: str, chart_path: str) -> Path:
    """Make a clone with a chart, a tag, and a second commit; return its folder."""
    chart = folder / chart_path
    chart.mkdir(parents=True)
    for file, text in _FILES.items():
        (chart / file).write_text(text.format(name=name), encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=the chart")
    git(folder, "tag", "v1")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=more")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody, without what this machine has configured; return what it printed."""
    names = {f"GIT_{who}_{what}": f"somebody{end}" for who in ("AUTHOR", "COMMITTER") for what, end in (("NAME", ""), ("EMAIL", "@lan"))}
    environment = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return process.run(["git", "-C", str(folder), *arguments], env=environment).stdout.strip()

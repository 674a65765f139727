"""The two scripts, and where the secrets that they fill in come from. Pure."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from importlib import resources

from bootstrap.render.rendering import Rendering
from bootstrap.render.source import ByHand, InCluster, Known

_BEGIN = [
    "set -euo pipefail",
    "# A secret that is missing ends the run, and does not become an empty one.",
    "shopt -s inherit_errexit",
    "",
    'cd -- "$(dirname -- "${BASH_SOURCE[0]}")"',
    "# shellcheck source=/dev/null",
    "source ./functions.sh",
]
_SECRETS = ["# shellcheck source=/dev/null", "source ./secrets.sh"]


def functions() -> list[str]:
    """Return what both have in common."""
    text = resources.files("bootstrap.render").joinpath("scripts", "functions.sh").read_text(encoding="utf-8")
    return text.splitlines()


def secrets(used: Sequence[Known], placed: Collection[str], derived: Mapping[str, str], sums: Mapping[str, Sequence[str]]) -> list[str]:
    """Return where the values come from, which are nowhere in these files; those of `placed` are needed by the scripts."""
    lines = ["# Where the values of secrets come from; README.md says it at length.", "# shellcheck shell=bash"]
    for each in sorted(used, key=lambda known: known.name):
        match each.source:
            case InCluster(kind=kind, namespace=namespace, name=name, key=key):
                lines.append(shlex.join(["secret_from_cluster", each.name, kind, namespace, name, key]))
            case ByHand(how=how, early=early):
                lines.append(shlex.join(["secret_by_hand_early" if early and each.name in placed else "secret_by_hand", each.name, how]))
            case _:
                lines.append(shlex.join(["secret_at_random", each.name]))
    lines += [shlex.join(["secret_by_hand_early", name, what]) for name, what in sorted(derived.items())]
    return [*lines, *(shlex.join(["sum_of", name, *files]) for name, files in sorted(sums.items()))]


def first(made: Rendering, context: str | None) -> list[str]:
    """Return runmefirst.sh."""
    comment = "# Installs the platform with kubectl and Helm; may be run again. README.md says what has to be there."
    return [
        comment,
        *_BEGIN,
        *_SECRETS,
        *_context(context),
        "",
        "need kubectl helm",
        "prepare_secrets",
        "reach_cluster",
        "",
        *_spaced(made.up),
        'say "The rest is done in Gitea and Woodpecker: gitea/README.md, woodpecker/README.md."',
    ]


def last(made: Rendering, context: str | None) -> list[str]:
    """Return runmelast.sh."""
    comment = "# Removes the platform; volumes and their data, Gitea, the registry and applications stay. --yes does not ask."
    checks = ["section 'Checks'", *made.checks] if made.checks else []
    return [
        comment,
        *_BEGIN,
        *_context(context),
        "",
        "need kubectl helm",
        "reach_cluster",
        *checks,
        'confirm "$@"',
        "",
        *_spaced(made.down),
    ]


def _context(context: str | None) -> list[str]:
    return ["# Of the kubeconfig; empty is the current one.", f"export CONTEXT={shlex.quote(context or '')}"]


def _spaced(lines: Sequence[str]) -> list[str]:
    spaced: list[str] = []
    for line in lines:
        if line.startswith("section ") and spaced:
            spaced.append("")
        spaced.append(line)
    return [*spaced, ""]

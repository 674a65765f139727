"""What `woodpecker-cli lint --strict` of Woodpecker 3.17 finds, as far as our own pipeline files could break it.

The schema is checked apart. The server reads the raw text, before `${}` is expanded; so does this.
"""

import re
from collections.abc import Iterator, Mapping

from devtools import goyaml
from devtools.goyaml import Value

DEPRECATED_VARIABLES = ("CI_COMMIT_PRERELEASE", "CI_COMMIT_AUTHOR_AVATAR", "CI_PREV_COMMIT_AUTHOR_AVATAR")
CLONE_IMAGES = ("docker.io/woodpeckerci/plugin-git", "quay.io/woodpeckerci/plugin-git")
FORMERLY_PRIVILEGED = ("plugins/docker", "plugins/gcr", "plugins/ecr", "woodpeckerci/plugin-docker-buildx")
_SUBSTITUTED = re.compile(r"\$\{[^}]*\}")


def problems(text: str) -> list[str]:
    """Return errors and warnings; strict makes no difference between them."""
    document = goyaml.load(text)
    if not isinstance(document, dict):
        return ["a pipeline file is a map"]
    steps = _named(document.get("steps"))
    found = [f"deprecated variable {name}" for name in DEPRECATED_VARIABLES if name in text]
    if not steps:
        found.append("no steps")
    if "runs_on" in document:
        found.append("runs_on is deprecated")
    if not _has_events(document.get("when")):
        found += [f"step {name}: no event in when" for name, step in steps if not _has_events(step.get("when"))]
    for name, step in _named(document.get("clone")):
        if str(step.get("image")).rpartition(":")[0] not in CLONE_IMAGES:
            found.append(f"clone {name}: image is not trusted with credentials")
    names = [name for name, _ in steps]
    for name, step in steps:
        found += [f"step {name}: {problem}" for problem in _step(step, names)]
    found += [f"unquoted substitution: {line.strip()}" for line in text.splitlines() if _is_unquoted(line)]
    return found


def _step(step: Mapping[str, Value], names: list[str]) -> Iterator[str]:
    image = step.get("image")
    if not image:
        yield "no image"
    if str(image).rpartition(":")[0].removeprefix("docker.io/") in FORMERLY_PRIVILEGED:
        yield "plugin must be in WOODPECKER_PLUGINS_PRIVILEGED"
    settings = step.get("settings")
    if settings:
        yield from (f"settings with {other}" for other in ("commands", "entrypoint", "environment") if step.get(other))
    if isinstance(settings, dict):
        yield from (f"setting {key} is null" for key, value in settings.items() if value is None)
    wanted = step.get("depends_on")
    for other in wanted if isinstance(wanted, list) else [wanted] if wanted else []:
        if (other.get("name") if isinstance(other, dict) else other) not in names:
            yield f"depends on {other}, which does not exist"


def _has_events(when: Value) -> bool:
    items = when if isinstance(when, list) else [when] if when else []
    return bool(items) and all(isinstance(item, dict) and bool(item.get("event")) for item in items)


def _is_unquoted(line: str) -> bool:
    # A SHA of digits only would become a number, and `{` begins a map in flow style.
    code = re.sub(r"\"[^\"]*\"|'[^']*'|(^|\s)#.*", "", line)
    return bool(_SUBSTITUTED.search(code)) or "${" in code


def _named(value: Value) -> list[tuple[str, Mapping[str, Value]]]:
    if isinstance(value, dict):
        return [(name, step) for name, step in value.items() if isinstance(step, dict)]
    return [(str(step.get("name")), step) for step in value if isinstance(step, dict)] if isinstance(value, list) else []

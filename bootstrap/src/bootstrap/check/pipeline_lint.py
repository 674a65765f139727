"""What `woodpecker-cli lint --strict` finds besides the schema: server/linter of Woodpecker 3.17, and what expands to something else."""

import re
from collections.abc import Collection, Iterator

from bootstrap.check.conditions import names_events
from bootstrap.check.finding import Finding
from bootstrap.check.workflow import Step, Workflow
from bootstrap.platform.document import Place

_DEPRECATED = ("CI_COMMIT_PRERELEASE", "CI_COMMIT_AUTHOR_AVATAR", "CI_PREV_COMMIT_AUTHOR_AVATAR")
_CLONE_IMAGES = frozenset({"docker.io/woodpeckerci/plugin-git", "woodpeckerci/plugin-git", "quay.io/woodpeckerci/plugin-git"})
_PRIVILEGED_ONCE = frozenset({"plugins/docker", "plugins/gcr", "plugins/ecr", "woodpeckerci/plugin-docker-buildx"})
_SUBSTITUTION = re.compile(r"\$\{\w")


def findings(workflow: Workflow, *, privileged: Collection[str] = ()) -> Iterator[Finding]:
    """Yield what the strict lint finds; `privileged` are the plugins that the server runs so."""
    if not workflow.steps:
        yield workflow.finding("steps", "there are no steps", "write at least one step with an image")
    if "runs_on" in workflow.source.data:
        yield workflow.finding("runs_on", "runs_on is deprecated", "write `status` into `when`")
    yield from _events(workflow)
    names = [step.name for step in workflow.steps]
    for clone in workflow.clones:
        if _without_tag(clone.image) not in _CLONE_IMAGES:
            text = f"{clone.image or 'its image'} is not trusted with the login for cloning"
            yield clone.finding("image", text, "write docker.io/woodpeckerci/plugin-git with a version")
    for index, step in enumerate(workflow.steps):
        yield from _step(step, names, privileged)
        if step.name in names[:index]:
            yield step.finding("name", "there are two steps of this name", "give each step a name of its own")
    yield from _plain_scalars(workflow)


def _events(workflow: Workflow) -> Iterator[Finding]:
    if names_events(workflow.source.get("when")):
        return
    for step in workflow.steps:
        if not names_events(step.data.get("when")):
            yield workflow.finding(
                "when",
                "`when` does not say for which events it runs: neither each item of the file's does, nor each item of each step's",
                "write `event` into each item of the `when` of the file",
            )
            return


def _step(step: Step, names: Collection[str], privileged: Collection[str]) -> Iterator[Finding]:
    if not step.image:
        yield step.finding("", "has no image", "every step runs in an image")
    yield from _privileges(step, privileged)
    yield from _other_than_settings(step)
    for key, value in step.settings.items():
        if value is None:
            yield step.finding(f"settings.{key}", f"the setting {key} has no value", "give it one, or take it out")
    if "secrets" in step.data:
        text = "`secrets` is gone since Woodpecker 3"
        yield step.finding("secrets", text, "write {from_secret: name} in `settings` (plugins) or `environment` (commands)")
    for other in step.dependencies:
        if other not in names:
            yield step.finding("depends_on", f"waits for {other}, which is no step of this file", f"there is {', '.join(names)}")


def _other_than_settings(step: Step) -> Iterator[Finding]:
    for other in ("commands", "entrypoint") if step.settings else ():
        if step.data.get(other):
            text = f"has settings and {other}: a plugin runs its own program"
            yield step.finding(other, text, f"take one of the two out: settings, or {other}")
    if step.settings and step.data.get("environment"):
        text = "has settings and environment: it is no plugin then, and gets no secrets that are only for plugins"
        yield step.finding("environment", text, "write what belongs to the plugin into `settings`")


def _privileges(step: Step, privileged: Collection[str]) -> Iterator[Finding]:
    hint = "build with registry-push and the platform's BuildKit (`builder`): no step then is privileged"
    if step.data.get("privileged") is True:
        text = "is privileged: whoever can push is root on the node, and Woodpecker refuses it in a repository that is not trusted"
        yield step.finding("privileged", text, hint)
    elif _without_tag(step.image).removeprefix("docker.io/") in _PRIVILEGED_ONCE and step.image not in privileged:
        yield step.finding("image", f"{step.image} must be privileged, and is not in the server's list of such plugins", hint)


def _plain_scalars(workflow: Workflow) -> Iterator[Finding]:
    source = workflow.source
    for place, mark in source.document.marks.items():
        if not mark.plain:
            continue
        # Commands are lines of a script: nothing makes a number of them.
        if _SUBSTITUTION.search(mark.plain) and not _is_command(place):
            text = f"{mark.plain} is replaced before the YAML is read, without quotes: a commit of digits becomes a number"
            yield Finding(file=source.file, line=mark.line, text=text, hint=f'write "{mark.plain}"')
    for place, mark in source.document.marks.items():
        value = source.get(*place)
        for name in _DEPRECATED if isinstance(value, str) else ():
            if name in str(value):
                yield Finding(file=source.file, line=mark.line, text=f"{name} is deprecated", hint="it will be gone in the next Woodpecker")


def _is_command(place: Place) -> bool:
    return "commands" in place


def _without_tag(image: str) -> str:
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name

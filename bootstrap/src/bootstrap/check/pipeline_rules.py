"""What a pipeline must do, or must not, for the platform to work: beyond what Woodpecker itself asks for."""

import re
from collections.abc import Iterator, Mapping

from bootstrap.check.conditions import may_start
from bootstrap.check.facts import Facts
from bootstrap.check.finding import Finding
from bootstrap.check.source import mapping
from bootstrap.check.workflow import Step, Workflow

_BUILDER = "registry-push"
_RELEASER = "kargo-notify"
_GIT = "docker.io/woodpeckerci/plugin-git"
_BOTH_CLONES = "docs/tutorial/first-pipeline-on-k3s.md, section 8 (Push)"
_STAGES = ("beta", "live")
# Names of settings whose values nobody else should read.
_SECRET = re.compile(r"(^|_)(password|passwd|token|secret|ssh_key|private_key|api_key|deploy_key|builder_key)$")
_PUSH_MIRROR = re.compile(r"\bgit\b[^\n]*\bpush\b[^\n]*--mirror\b")


def findings(workflow: Workflow, facts: Facts) -> Iterator[Finding]:
    """Yield what the platform would stumble over."""
    yield from _promotions(workflow, facts)
    for step in workflow.steps:
        yield from _plugin_image(step)
        yield from _secrets(step, facts)
    yield from _mirror(workflow)
    yield from _history(workflow)
    yield from _trust(workflow, facts)
    yield from _held(workflow)


def _promotions(workflow: Workflow, facts: Facts) -> Iterator[Finding]:
    stages = [stage.branch for project in facts.projects for stage in project.stages] or [f"stage/{name}" for name in _STAGES]
    when = workflow.source.get("when")
    for branch in stages:
        started = [step for step in workflow.steps if may_start(step.data.get("when"), branch)] if may_start(when, branch) else []
        if started:
            names = ", ".join(step.name for step in started)
            yield workflow.finding(
                "when",
                f"a promotion pushes to {branch} and would start {names}: that makes images, and these a promotion, for ever",
                "write the branch that is built into `when`: {event: push, branch: main}",
            )
            return


def _plugin_image(step: Step) -> Iterator[Finding]:
    if not step.is_plugin or "${" in step.image:
        return
    name, _, digest = step.image.partition("@")
    host, slash, path = name.partition("/")
    tag = path.rpartition(":")[2] if ":" in path else ""
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        text = f"{step.image} is not the full name of an image: lists of trusted and privileged plugins, and secrets, go by it"
        yield step.finding("image", text, "write it with its registry, such as docker.io/ or the platform's own")
    elif not digest and tag in {"", "latest"}:
        text = f"{step.image} is {'latest' if tag else 'without a tag'}: what runs here changes without a commit"
        yield step.finding("image", text, "write the version that you have tried")


def _secrets(step: Step, facts: Facts) -> Iterator[Finding]:
    for key, value in (*step.settings.items(), *mapping(step.data.get("environment")).items()):
        is_setting = key in step.settings
        if _SECRET.search(key.lower().replace("-", "_")) and isinstance(value, str) and value and "$" not in value:
            text = f"{key} stands here in clear text: whoever reads the repository has it; store it in Woodpecker"
            yield step.finding(f"{'settings' if is_setting else 'environment'}.{key}", text, "write {from_secret: name}")
    known = [project.secrets for project in facts.projects if project.secrets is not None]
    for place, name in step.secrets():
        if known and not any(name.lower() in secrets for secrets in known):
            yield Finding(
                file=step.source.file,
                line=step.source.line(*place),
                text=f"step {step.name}: the platform makes no secret {name}; a missing one stops the whole pipeline before it begins",
                hint="write it into `secrets` of the project in platform.yaml, or make it by hand",
                is_warning=True,
            )


def _mirror(workflow: Workflow) -> Iterator[Finding]:
    for step in workflow.steps:
        if _PUSH_MIRROR.search(step.commands) or (step.is_mirror and step.settings.get("mirror") is True):
            text = "`git push --mirror` from a clone of CI deletes the branches and tags that are not in that clone"
            yield step.finding(
                "commands" if step.commands else "settings", text, "use github-mirror, which pushes what has passed and nothing else"
            )
        if not step.is_mirror:
            continue
        if step.data.get("failure") != "ignore":
            text = "when GitHub can't be reached, the whole pipeline fails"
            yield step.finding("failure", text, "write `failure: ignore`: the step is red then, and the pipeline green")
        for later in workflow.after(step):
            if not later.is_mirror:
                text = f"{later.name} comes after the mirror, and waits for GitHub; a mirror that can't even start stops it"
                yield step.finding("", text, "make the mirror the last step")
                break


def _history(workflow: Workflow) -> Iterator[Finding]:
    builders = [step for step in workflow.steps if step.plugin == _BUILDER]
    if not builders or workflow.source.get("skip_clone") is True:
        return
    settings = _clone_settings(workflow)
    if settings.get("partial") is False and settings.get("depth") in {0, None}:
        return
    text = f"step {builders[0].name}: the clone has one commit: which of two is the newer one can't be known, and latest may stay"
    yield workflow.finding(
        "clone", text, f"write clone: {{git: {{image: {_GIT}:2.9.3, settings: {{partial: false, depth: 0}}}}}}", is_warning=True
    )


def _trust(workflow: Workflow, facts: Facts) -> Iterator[Finding]:
    settings = {key.lower().replace("-", "_"): value for key, value in _clone_settings(workflow).items()}
    hint = (
        "have a clone step before it write {from_secret: platform_ca} into a file, and name that in `custom-ssl-path`:"
        f" both steps stand in {_BOTH_CLONES}"
    )
    if str(settings.get("skip_verify", "")).lower() == "true":
        text = "the clone takes whoever answers in Gitea's place, and shows them the login"
        yield workflow.finding("clone", text, hint, is_warning=True)
        return
    clones = workflow.source.get("skip_clone") is not True
    if facts.clone_needs_ca and clones and not (settings.get("custom_ssl_path") or settings.get("custom_ssl_url")):
        text = "the clone does not trust Gitea's certificate, which the platform's CA has signed: no pipeline gets past it"
        yield workflow.finding("clone", text, hint)


def _clone_settings(workflow: Workflow) -> Mapping[str, object]:
    """Return the settings of the step that clones: others before it only run commands."""
    return next((clone.settings for clone in workflow.clones if clone.is_plugin), {})


def _held(workflow: Workflow) -> Iterator[Finding]:
    for step in workflow.steps:
        if (
            step.plugin == _BUILDER
            and step.settings.get("hold") is True
            and not any(each.plugin == _RELEASER for each in workflow.after(step))
        ):
            text = "holds its images back (`hold`), and no later step releases them: nothing is ever deployed"
            yield step.finding("settings.hold", text, "add kargo-notify as a step after the tests, or take `hold` out")

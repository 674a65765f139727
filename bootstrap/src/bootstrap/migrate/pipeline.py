"""A first `.woodpecker.yml`: tests, images, their release, and the mirror, as platform.yaml has them."""

import re
from collections.abc import Iterable, Iterator

from bootstrap.check.facts import clone_needs_ca
from bootstrap.components.trust import makes_ca
from bootstrap.migrate.builds import Build, Builds, Suite
from bootstrap.platform import pipeline_secret
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project

_GIT = "docker.io/woodpeckerci/plugin-git:2.9.3"
_CA_FILE = "/woodpecker/ca.pem"
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@:-]*(?<!:)")


def pipeline(platform: Platform, project: Project, found: Builds, tests: Iterable[Suite]) -> str:
    """Write it."""
    lines = [
        *_head(platform, project),
        "",
        *_clone(platform),
        "",
        *_variables(platform, project),
        "",
        "steps:",
        *_tests(tests),
        *_images(platform, project, found),
        *_release(platform, project),
        *_mirror(project),
    ]
    return "\n".join(lines) + "\n"


def entry_of(build: Build) -> str:
    """Write an image as an entry of `images`."""
    where = f", context: {_text(build.context)}" if build.context != "." or not build.dockerfile else ""
    file = f", dockerfile: {_text(build.dockerfile)}" if build.dockerfile else ""
    on = f", {contexts_of(build)}" if build.contexts else ""
    return f"{{name: {_text(build.name)}{where}{file}{on}{', push: false' if build.is_base else ''}}}"


def contexts_of(build: Build) -> str:
    """Write what tells an image that others of the same run are what it is built on."""
    contexts = ", ".join(f'"{name}": "target:{other}"' for name, other in build.contexts)
    return f"build_contexts: {{{contexts}}}"


def _head(platform: Platform, project: Project) -> Iterator[str]:
    yield f"# The first pipeline of {project.name}, written by `bootstrap migrate`. To be looked at once: the tests and the images."
    yield "#"
    yield "# Every secret that it asks for is made by `bootstrap up`; one that is missing stops the whole pipeline before it begins:"
    yield f"# {', '.join(_secrets(platform, project))}. No step is privileged."
    yield ""
    yield "when:"
    yield "  - event: [push, manual]"
    yield f"    branch: {_text(project.repository.branch)}"
    yield "  - event: pull_request"


def _clone(platform: Platform) -> Iterator[str]:
    needs_ca = clone_needs_ca(platform)
    yield "# With the default clone (one commit) registry-push can't know which of two commits is the newer one."
    if needs_ca:
        yield "# Its first step brings the CA that has signed Gitea's certificate: Woodpecker can't put a file into the step that clones."
    yield "clone:"
    if needs_ca:
        yield "  - name: ca"
        yield f"    image: {_GIT}"
        yield "    environment:"
        yield f"      CA: {{from_secret: {pipeline_secret.PLATFORM_CA}}}"
        yield "    commands:"
        yield f"      - printf '%s\\n' \"$CA\" > {_CA_FILE}"
    yield "  - name: git"
    yield f"    image: {_GIT}"
    yield "    settings:"
    yield "      partial: false"
    yield "      depth: 0"
    if needs_ca:
        yield f"      custom-ssl-path: {_CA_FILE}"


def _variables(platform: Platform, project: Project) -> Iterator[str]:
    yield "variables:"
    plugins = f"{platform.registry.host}/{platform.images.project}"
    yield f"  - &build {_text(f'{plugins}/registry-push:{platform.images.tag}')}"
    yield f"  - &release {_text(f'{plugins}/kargo-notify:{platform.images.tag}')}"
    if project.mirror is not None:
        yield f"  - &mirror {_text(f'{plugins}/github-mirror:{platform.images.tag}')}"
    yield "  - &registry"
    yield f"    registry: {_text(platform.registry.host)}"
    yield f"    project: {_text(project.registry_project)}"
    if platform.registry.plain_http:
        yield "    insecure: true"
    if _has_ca(platform):
        yield f"    ca_cert: {{from_secret: {pipeline_secret.PLATFORM_CA}}}"
    if platform.registry.login is not None:
        yield f"    username: {{from_secret: {pipeline_secret.REGISTRY_USERNAME}}}"
        yield f"    password: {{from_secret: {pipeline_secret.REGISTRY_PASSWORD}}}"
    yield "  - &main"
    yield "    - event: [push, manual]"
    yield f"      branch: {_text(project.repository.branch)}"


def _tests(tests: Iterable[Suite]) -> Iterator[str]:
    found = list(tests)
    if not found:
        yield "  # The tests belong here, as steps of their own: nothing is built unless they pass."
        yield ""
    for each in found:
        yield f"  - name: {each.name}"
        yield f"    image: {each.image}"
        yield "    commands:"
        yield from (f"      - {command}" for command in each.commands)
        yield ""


def _images(platform: Platform, project: Project, found: Builds) -> Iterator[str]:
    yield "  # All images or none. They are candidates (`hold`): no tag that Kargo follows exists before the step release."
    yield "  - name: images"
    yield "    image: *build"
    yield "    settings:"
    yield "      <<: *registry"
    if platform.buildkit.enabled:
        addresses = platform.buildkit.cluster_urls
        yield f"      builder: {addresses[0]}" if len(addresses) == 1 else f"      builder: [{', '.join(addresses)}]"
        if platform.buildkit.mtls:
            for name in (pipeline_secret.BUILDER_CA, pipeline_secret.BUILDER_CERT, pipeline_secret.BUILDER_KEY):
                yield f"      {name}: {{from_secret: {name}}}"
    yield "      hold: true"
    yield "      images:"
    sure = found.sure or (Build(name=project.watched_image),)
    for each in sure:
        yield f"        - {entry_of(each)}{'  # is it this one? What is left over was put together' if each.is_guess else ''}"
    if not found.sure:
        yield "        # ^ No Dockerfile was found in the repository: write where it lies."
    for name in found.unbuilt if found.sure else ():
        yield f"        # - {{name: {name}, context: ...}}  # it is deployed: where is its Dockerfile?"
    for build in found.unnamed:
        yield f"        # - {entry_of(build)}  # nothing deploys it under this name"
    yield "    when: *main"
    yield ""


def _release(platform: Platform, project: Project) -> Iterator[str]:
    yield "  # Tests on the images as they were pushed (candidate-${CI_COMMIT_SHA}) belong here, before the release."
    yield ""
    yield f"  # Only here the commit gets the tags that a deployment follows, {project.watched_image} last of all. Then Kargo is told."
    yield "  - name: release"
    yield "    image: *release"
    yield "    settings:"
    yield "      <<: *registry"
    yield f"      watch: {_text(project.watched_image)}"
    yield "      via: api"
    yield f"      kargo_url: {platform.kargo.public_url}"
    yield f"      kargo_token: {{from_secret: {pipeline_secret.KARGO_TOKEN}}}"
    yield f"      kargo_project: {project.kargo.namespace}"
    yield f"      warehouse: {project.kargo.warehouse.name}"
    yield "      wait: 2m"
    yield "    when: *main"


def _mirror(project: Project) -> Iterator[str]:
    if project.mirror is None:
        return
    yield ""
    yield "  # The very last step: GitHub gets what has passed, and nothing waits for GitHub. A mirror that fails makes the step red"
    yield "  # (`strict`) and leaves the pipeline green (`failure: ignore`)."
    yield "  - name: mirror-github"
    yield "    image: *mirror"
    yield "    failure: ignore"
    yield "    settings:"
    yield f"      remote: {_text(project.mirror.remote)}"
    yield f"      ssh_key: {{from_secret: {pipeline_secret.DEPLOY_KEY}}}"
    yield "      timeout: 5m"
    yield "      strict: true"
    yield "    when: *main"


def _secrets(platform: Platform, project: Project) -> Iterator[str]:
    if _has_ca(platform):
        yield pipeline_secret.PLATFORM_CA
    if platform.registry.login is not None:
        yield from (pipeline_secret.REGISTRY_USERNAME, pipeline_secret.REGISTRY_PASSWORD)
    if platform.buildkit.enabled and platform.buildkit.mtls:
        yield from (pipeline_secret.BUILDER_CA, pipeline_secret.BUILDER_CERT, pipeline_secret.BUILDER_KEY)
    yield pipeline_secret.KARGO_TOKEN
    if project.mirror is not None:
        yield pipeline_secret.DEPLOY_KEY


def _has_ca(platform: Platform) -> bool:
    return platform.ca is not None or makes_ca(platform)


def _text(text: str) -> str:
    """Write a text as YAML, with quotes where it needs them."""
    return text if _PLAIN.fullmatch(text) else "'" + text.replace("'", "''") + "'"

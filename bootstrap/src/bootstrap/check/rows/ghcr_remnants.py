"""Nothing is left of GitHub's registry: its address, its login, and what handed that to pods."""

import re
from collections.abc import Iterator
from typing import Any

from bootstrap.check.facts import KARGO
from bootstrap.check.finding import Check, Finding, Looked
from bootstrap.check.source import Source, items, mapping, walk
from bootstrap.check.subject import Subject
from bootstrap.check.tree import Text, Tree
from bootstrap.platform.document import Place
from plugin_kit.console import counted

_ADDRESS = re.compile(r"ghcr\.io(?:/([\w./-]*[\w]))?")
# Charts of others come from there: no image, and nothing that a deployment waits for.
_CHART = re.compile(r"oci://ghcr\.io\S*")
_LOGIN = re.compile(r"ghcr[-_]?(auth|cred\w*|login|secret|pull\w*)", re.IGNORECASE)
_COMMENT = re.compile(r"(^|\s)#.*|\{\{-?\s*/\*.*?\*/\s*-?\}\}", re.DOTALL)
_WORKFLOWS = (".github", "workflows")


def _look(subject: Subject) -> Looked:
    documents = [(tree, source) for tree in subject.trees for source in tree.documents if _is_read(tree, source)]
    texts = [(tree, text) for tree in subject.trees for text in (*tree.scripts, *tree.templates)]
    # A rendered chart shows what a template makes of a value that is right where it stands.
    rendered = list(subject.rendered_manifests)
    findings = (
        *(finding for _, source in documents for finding in _in_document(source, subject)),
        *(finding for source in rendered for finding in _in_pods(source, subject)),
        *(finding for _, text in texts for finding in _in_text(text, subject)),
    )
    read = f"{counted(len(documents), 'YAML document')}, {counted(len(texts), 'text')} (scripts and templates)"
    at = f"{read}, {counted(len(rendered), 'rendered object')}" if documents or texts else ""
    return Looked(at=at, findings=findings)


def _is_read(tree: Tree, source: Source) -> bool:
    is_workflow = source.path.parts[:2] == _WORKFLOWS
    return source.is_manifest or source in tree.pipelines or source in tree.values or is_workflow


def _in_document(source: Source, subject: Subject) -> Iterator[Finding]:
    for place, value in walk(source.data):
        if not place:
            continue
        line = source.line(*place)
        if isinstance(place[-1], str) and _LOGIN.fullmatch(place[-1]):
            yield _login(source.file, line, place[-1])
        elif place[-1] == "imagePullSecrets" and value:
            yield from _pull_secrets(source, place, value, subject)
        # What Kargo watches and promotes has a row of its own.
        elif isinstance(value, str) and "imagePullSecrets" not in place and source.group != KARGO:
            yield from _in_value(source, line, _whole(source, place, value), subject)


def _whole(source: Source, place: Place, value: str) -> str:
    """Return the image where its registry stands in a value of its own, as most charts of others have it."""
    parent: Any = source.data
    for key in place[:-1]:
        parent = parent[key]
    repository = mapping(parent).get("repository") if place[-1] == "registry" else None
    return f"{value}/{repository}" if isinstance(repository, str) else value


def _in_value(source: Source, line: int, value: str, subject: Subject) -> Iterator[Finding]:
    if _LOGIN.fullmatch(value):
        yield _login(source.file, line, value)
    for found in _ADDRESS.finditer(_CHART.sub("", value)):
        path = found[1] or ""
        if source.path.parts[:2] == _WORKFLOWS:
            yield Finding(
                file=source.file,
                line=line,
                text=f"GitHub still runs this for what is mirrored to it, and it has to do with {found[0]}",
                hint="delete the workflow, or switch Actions off for the mirror",
                is_warning=True,
            )
        elif _is_of_others(path, subject):
            yield Finding(
                file=source.file,
                line=line,
                text=f"{found[0]} is an image of others that comes from GHCR whenever it is pulled",
                hint=f"copy it into {subject.facts.registry or 'the registry'}, if deployments must not wait for GitHub",
                is_warning=True,
            )
        else:
            yield _address(source.file, line, found[0], subject)


def _is_of_others(path: str, subject: Subject) -> bool:
    known = bool(subject.facts.projects or subject.built)
    return known and bool(path) and not subject.facts.owns(path, subject.built)


def _pull_secrets(source: Source, place: Place, value: object, subject: Subject) -> Iterator[Finding]:
    for index, item in enumerate(items(value)):
        name = str(mapping(item).get("name") or item)
        at = source.line(*place, index)
        if "ghcr" in name.lower():
            yield _login(source.file, at, name)
        elif subject.facts.registry and not subject.facts.registry_login:
            yield Finding(
                file=source.file,
                line=at,
                text=f"imagePullSecrets names {name}, and {subject.facts.registry} asks for no login",
                hint="take it out of imagePullSecrets; where the Secret is missing, pods warn for ever",
            )


def _in_pods(source: Source, subject: Subject) -> Iterator[Finding]:
    for place, value in walk(source.data):
        if place and place[-1] == "imagePullSecrets" and value:
            yield from _pull_secrets(source, place, value, subject)
        elif place and place[-1] == "image" and isinstance(value, str):
            yield from _in_value(source, 0, value, subject)


def _in_text(text: Text, subject: Subject) -> Iterator[Finding]:
    for number, raw in enumerate(text.content.splitlines(), start=1):
        line = _CHART.sub("", _COMMENT.sub("", raw))
        if login := _LOGIN.search(line):
            yield _login(text.file, number, login[0])
        for found in _ADDRESS.finditer(line):
            if not _is_of_others(found[1] or "", subject):
                yield _address(text.file, number, found[0], subject)


def _login(file: str, line: int, name: str) -> Finding:
    return Finding(
        file=file, line=line, text=f"{name} is the login for GHCR", hint="delete it, and what uses it: nothing is pulled from there"
    )


def _address(file: str, line: int, found: str, subject: Subject) -> Finding:
    registry = subject.facts.registry
    return Finding(
        file=file, line=line, text=f"{found} is on GHCR", hint=f"name {registry} instead" if registry else "name your own registry"
    )


CHECK = Check(name="ghcr-remnants", title="No GHCR remnants", look=_look)

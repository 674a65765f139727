"""Addresses of the repository on GitHub, in what Argo CD and Kargo read: they become the one in Gitea."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from ruamel.yaml.nodes import Node, ScalarNode

from bootstrap.migrate import nodes
from bootstrap.migrate.aim import Aim, on_github
from bootstrap.migrate.surgery import Surgery
from bootstrap.migrate.text import Look

_GROUPS = ("argoproj.io", "kargo.akuity.io")
_REPOSITORY_LABEL = "argocd.argoproj.io/secret-type"
_CREDENTIALS_LABEL = "kargo.akuity.io/cred-type"
_MADE = frozenset({"Project", "ProjectConfig", "Warehouse", "Stage"})


def edit(path: PurePosixPath, surgery: Surgery, aim: Aim) -> Iterator[Look]:
    """Change the addresses in a file; yield what is left for a person."""
    for root in surgery.documents:
        if not _is_read(root):
            continue
        for mapping in nodes.maps(root):
            found = nodes.effective(mapping)
            for node in found.values():
                if isinstance(node, ScalarNode) and (name := on_github(node.value)):
                    yield from _edit_address(path, surgery, node, name, aim, is_chart=bool(nodes.text(found.get("chart"))))
        for item in (each for mapping in nodes.maps(root) for each in nodes.items(nodes.effective(mapping).get("sourceRepos"))):
            if isinstance(item, ScalarNode) and (name := on_github(item.value)):
                yield from _edit_address(path, surgery, item, name, aim, is_chart=False)
        yield from _application(path, root, aim)
        kind = nodes.text(nodes.at(root, "kind"))
        if kind in _MADE and nodes.text(nodes.at(root, "apiVersion")).startswith("kargo.akuity.io/"):
            text = f"`bootstrap up` makes the {kind} of {aim.project}, in the namespace {aim.kargo_namespace}; this would be a second one"
            yield Look(file=str(path), line=nodes.line(root), text=text, hint="delete the file, once nothing else applies it")


def _edit_address(path: PurePosixPath, surgery: Surgery, node: ScalarNode, name: str, aim: Aim, *, is_chart: bool) -> Iterator[Look]:
    target = aim.repository(node.value)
    if target is not None:
        if not any(edit.start == node.start_mark.index for edit in surgery.edits):
            surgery.replace(node, target, f"Gitea in place of github.com/{name}")
    elif not is_chart:
        yield Look(
            file=str(path),
            line=nodes.line(node),
            text=f"github.com/{name} is no repository of a project in platform.yaml",
            hint="if it is, name it there; else make it a mirror in Gitea, if deployments must not wait for GitHub",
        )


def _application(path: PurePosixPath, root: Node, aim: Aim) -> Iterator[Look]:
    name = nodes.text(nodes.at(root, "metadata", "name"))
    branch = aim.applications.get(name) if nodes.text(nodes.at(root, "kind")) == "Application" else None
    if branch is None:
        return
    single = nodes.at(root, "spec", "source")
    for source in [*([single] if single is not None else []), *nodes.items(nodes.at(root, "spec", "sources"))]:
        revision = nodes.at(source, "targetRevision")
        url = nodes.text(nodes.at(source, "repoURL"))
        if (aim.repository(url) or url in aim.repositories.values()) and nodes.text(revision) != branch:
            yield Look(
                file=str(path),
                line=nodes.line(revision or source),
                text=f"`bootstrap up` makes the Application {name}, which follows {branch}; this file would make it follow"
                f" {nodes.text(revision) or 'HEAD'}",
                hint=f"delete the file, or write `targetRevision: {branch}`",
            )


def _is_read(root: Node) -> bool:
    group = nodes.text(nodes.at(root, "apiVersion")).partition("/")[0]
    if group in _GROUPS:
        return True
    labels = nodes.effective(nodes.at(root, "metadata", "labels") or root)
    return nodes.text(nodes.at(root, "kind")) == "Secret" and bool({_REPOSITORY_LABEL, _CREDENTIALS_LABEL} & labels.keys())

"""Files that go as a whole: what ran the pipelines on GitHub, and what is named nowhere else then."""

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from ruamel.yaml.nodes import Node, ScalarNode, SequenceNode

from bootstrap.migrate import nodes
from bootstrap.migrate.aim import Aim
from bootstrap.migrate.source import Source, is_workflow
from bootstrap.migrate.surgery import Surgery, UnsafeError
from bootstrap.migrate.text import Look, line_of, lines

_ARC_GROUPS = re.compile(r"actions\.(github\.com|summerwind\.(dev|net))")
_ARC_FOLDERS = frozenset({"arc", "arc-system", "arc-systems", "actions-runner-controller"})
_BUILDS = re.compile(
    r"docker/(build-push-action|bake-action)|\bdocker\s+(image\s+)?(buildx\s+)?(build|push|bake)\b|\bbuildah\s+(bud|build|push)\b"
    r"|\bpodman\s+(build|push)\b|\bko\s+(build|publish|apply)\b|kaniko|ko-build/setup-ko|redhat-actions/(buildah-build|push-to-registry)"
)
_LISTS = ("resources", "bases", "components", "generators", "transformers", "patchesStrategicMerge", "crds")
_KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


def workflows(source: Source) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the workflows of GitHub Actions that build images, each with the reason why it goes."""
    for path, surgery in source.documents.items():
        if path.parts[:2] != (".github", "workflows") or not _BUILDS.search(surgery.text):
            continue
        root = surgery.documents[0] if surgery.documents else None
        jobs = nodes.effective(nodes.at(root, "jobs") or root) if root is not None else {}
        others = [name for name, job in jobs.items() if not _BUILDS.search(_text(surgery, job))]
        rest = f"; look whether .woodpecker.yml does what these jobs did: {', '.join(others)}" if others else ""
        yield path, f"GitHub would go on building images of what is mirrored to it{rest}"


def kept_runners(source: Source, aim: Aim) -> Iterator[Look]:
    """Yield what is about Actions Runner Controller where platform.yaml does not say that it goes."""
    for path, root in source.roots():
        if not aim.arc_namespace and _is_surely_arc(root):
            text = "is for Actions Runner Controller, which platform.yaml does not name"
            yield Look(
                file=str(path), line=nodes.line(root), text=text, hint="write `arc: {}` there to have it removed, or keep it for others"
            )


def other_workflows(source: Source, gone: Collection[PurePosixPath]) -> Iterator[Look]:
    """Yield the workflows that stay and have to do with what goes."""
    for path, surgery in source.documents.items():
        if not is_workflow(path) or path in gone:
            continue
        for start, text in lines(surgery.text):
            if "ghcr" in text.lower() or re.search(r"runs-on:.*\b(arc|self-hosted)", text):
                yield Look(
                    file=str(path),
                    line=line_of(surgery.text, start),
                    text=f"GitHub still runs this for what is mirrored to it: {text.strip()[:80]}",
                    hint="delete the workflow, or switch Actions off for the mirror",
                )
                break


def runners(source: Source, aim: Aim) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the files that are about Actions Runner Controller and nothing else, each with the reason why it goes.

    They go where the platform takes ARC's place, which `arc` in platform.yaml says: it may serve others.
    """
    if not aim.arc_namespace:
        return
    found = {
        path for path, surgery in source.documents.items() if surgery.documents and all(_is_arc(root, aim) for root in surgery.documents)
    }
    sure = {path for path in found if any(_is_surely_arc(root) for root in source.documents[path].documents)}
    for path in sorted(source.documents.keys() | found):
        in_folder = path.parent.name in _ARC_FOLDERS and any(each.parent == path.parent for each in sure)
        if (path in found or in_folder) and not is_workflow(path):
            yield path, "Woodpecker runs the pipelines; `bootstrap up` removes Actions Runner Controller"


def unlisted(path: PurePosixPath, surgery: Surgery, gone: Collection[PurePosixPath], names: Collection[PurePosixPath]) -> None:
    """Take files that go out of the lists of a kustomization."""
    if path.name not in _KUSTOMIZATIONS:
        return
    for root in surgery.documents:
        for entry in nodes.entries(root):
            if entry.name in _LISTS and isinstance(entry.value, SequenceNode):
                listed = nodes.items(entry.value)
                goes = [each for each in listed if _is_gone(path, nodes.text(each), gone, names)]
                if goes and len(goes) == len(listed):
                    surgery.remove_entry(entry.mapping, entry.key, f"{nodes.text(goes[0])} goes")
                    continue
                for each in goes:
                    try:
                        surgery.remove_item(entry.value, each, f"{nodes.text(each)} goes")
                    except UnsafeError:
                        continue


def mentions(source: Source, gone: Collection[PurePosixPath]) -> Iterator[Look]:
    """Yield lines of scripts and the like that name a file that goes."""
    for path, file in source.texts.items():
        for start, text in lines(file.text):
            named = next((each for each in gone if _names(text, each)), None)
            if named is not None:
                hint = "take it out there, too"
                yield Look(file=str(path), line=line_of(file.text, start), text=f"names {named}, which goes", hint=hint)


def kept_names(source: Source) -> Mapping[PurePosixPath, set[int]]:
    """Return the names in kustomizations that must stay, by file: what they stand for is written somewhere that is not read here."""
    found: dict[PurePosixPath, set[int]] = {}
    others = [surgery.text for path, surgery in source.documents.items() if path.name not in _KUSTOMIZATIONS]
    for path, surgery in source.documents.items():
        if path.name not in _KUSTOMIZATIONS:
            continue
        for root in surgery.documents:
            for image in nodes.items(nodes.at(root, "images")):
                name = nodes.at(image, "name")
                if isinstance(name, ScalarNode) and not any(_has(text, name.value) for text in others):
                    found.setdefault(path, set()).add(id(name))
    return found


def _has(text: str, name: str) -> bool:
    return re.search(rf"{re.escape(name)}(?![\w/.-])", text) is not None


def _is_arc(root: Node, aim: Aim) -> bool:
    if _is_surely_arc(root):
        return True
    name, namespace = nodes.text(nodes.at(root, "metadata", "name")), nodes.text(nodes.at(root, "metadata", "namespace"))
    if not nodes.is_object(root):
        return False
    return (
        namespace == aim.arc_namespace
        or name in aim.arc_objects
        or (nodes.text(nodes.at(root, "kind")) == "Namespace" and name == aim.arc_namespace)
    )


def _is_surely_arc(root: Node) -> bool:
    return bool(_ARC_GROUPS.match(nodes.text(nodes.at(root, "apiVersion")))) or "githubConfigUrl" in nodes.effective(root)


def _is_gone(path: PurePosixPath, listed: str, gone: Collection[PurePosixPath], names: Collection[PurePosixPath]) -> bool:
    if not listed or "://" in listed:
        return False
    target = PurePosixPath(posixpath.normpath(path.parent / listed))
    inside = [each for each in names if each.is_relative_to(target) and each != target]
    return target in gone or (bool(inside) and all(each in gone for each in inside))


def _names(text: str, path: PurePosixPath) -> bool:
    tail = "/".join(path.parts[-2:])
    return re.search(rf"(?<![\w.-]){re.escape(tail)}(?![\w.-])", text) is not None


def _text(surgery: Surgery, node: Node) -> str:
    return surgery.text[node.start_mark.index : node.end_mark.index]

"""The platform, Kargo's projects, Gitea and the registry, and the applications each have namespaces of their own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bootstrap.check.facts import ARGO_CD, KARGO, Facts
from bootstrap.check.finding import Check, Finding, Looked
from bootstrap.check.source import Source
from bootstrap.check.subject import Subject
from bootstrap.platform.document import Place
from bootstrap.platform.namespaces import Use
from plugin_kit.console import counted

_KEEP = "kargo.akuity.io/keep-namespace"
_PROJECT = "kargo.akuity.io/project"
_BACKEND = "WOODPECKER_BACKEND_K8S_NAMESPACE"
_SERVICE_FOLDERS = frozenset({"gitea", "registry"})
# In these the platform makes objects beside those of the kind that the namespace is for.
_OPEN = frozenset({Use.KARGO, Use.TESTS, Use.PLATFORM, Use.COMPONENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A use of a namespace; `source` is None where the facts say it."""

    namespace: str
    use: Use
    who: str
    source: Source | None = None
    place: Place = ()


def _look(subject: Subject) -> Looked:
    claims = [*_from_facts(subject.facts), *_from_platform(subject), *_from_charts(subject)]
    placed = [claim for claim in claims if claim.source is not None]
    namespaces = {claim.namespace for claim in placed}
    counts = f"{counted(len(placed), 'object')} in {counted(len(namespaces), 'namespace')}"
    at = f"{counts}: {', '.join(sorted(namespaces))}" if placed else ""
    findings = (*_clashes(claims, subject.facts.uses), *_shared_stages(subject), *_kargo(subject), *_strays(subject))
    return Looked(at=at, findings=findings)


def _from_facts(facts: Facts) -> Iterator[_Claim]:
    for namespace, found in facts.uses.items():
        yield from (_Claim(namespace=namespace, use=use, who=facts.origin) for use in found)


def _from_platform(subject: Subject) -> Iterator[_Claim]:
    projects = {source.name for source in subject.platform_manifests if source.is_a("Project", KARGO)}
    opened = {namespace for namespace, found in subject.facts.uses.items() if _OPEN.intersection(found)} | projects
    for source in subject.platform_manifests:
        yield from _of_object(source, opened)
    for source in subject.rendered.values if subject.rendered else ():
        for part in ("agent", "server"):
            if namespace := source.text(part, "env", _BACKEND):
                yield _Claim(
                    namespace=namespace, use=Use.COMPONENT, who="the pods of pipelines", source=source, place=(part, "env", _BACKEND)
                )


def _of_object(source: Source, opened: set[str]) -> Iterator[_Claim]:
    if source.is_a("Application", ARGO_CD) and (target := source.text("spec", "destination", "namespace")):
        yield _Claim(namespace=target, use=Use.APPLICATION, who=source.label, source=source, place=("spec", "destination", "namespace"))
    if source.is_a("Project", KARGO):
        yield _Claim(namespace=source.name, use=Use.KARGO, who=source.label, source=source, place=("metadata", "name"))
    elif source.group == KARGO and source.namespace:
        yield _Claim(namespace=source.namespace, use=Use.KARGO, who=source.label, source=source, place=("metadata", "namespace"))
    elif source.namespace and source.namespace not in opened:
        use = Use.SERVICE if source.path.parts[0] in _SERVICE_FOLDERS else Use.COMPONENT
        yield _Claim(namespace=source.namespace, use=use, who=source.label, source=source, place=("metadata", "namespace"))
    elif source.namespace:
        # It says nothing of the namespace, but counts as looked at.
        yield _Claim(namespace=source.namespace, use=Use.PLATFORM, who="", source=source)


def _from_charts(subject: Subject) -> Iterator[_Claim]:
    for source in subject.rendered_manifests:
        if source.namespace:
            yield _Claim(namespace=source.namespace, use=Use.APPLICATION, who=source.label, source=source, place=("metadata", "namespace"))


def _clashes(claims: list[_Claim], known: Mapping[str, tuple[Use, ...]]) -> Iterator[Finding]:
    meant = [claim for claim in claims if claim.who]
    for namespace in dict.fromkeys(claim.namespace for claim in meant):
        here = [claim for claim in meant if claim.namespace == namespace]
        found = {use: [claim for claim in here if claim.use is use] for use in dict.fromkeys(claim.use for claim in here)}
        if len(found) == 1:
            continue
        # The odd one out is what somebody has changed: what the facts don't say, and of that what the fewest objects say.
        uses = sorted(found, key=lambda use: (use in known.get(namespace, ()), len([claim for claim in found[use] if claim.source])))
        claim = next((claim for use in uses for claim in found[use] if claim.source), None)
        if claim is not None and claim.source is not None:
            other = next(each for each in here if each.use is not claim.use)
            yield Finding(
                file=claim.source.file,
                line=claim.source.line(*claim.place),
                text=f"{claim.who}: {namespace} is meant for {claim.use} here, and it is the namespace of {other.use} ({other.who})",
                hint="give each a namespace of its own: one is deleted without a thought for the other",
            )


def _shared_stages(subject: Subject) -> Iterator[Finding]:
    first: dict[str, Source] = {}
    for source in subject.platform_manifests:
        target = source.text("spec", "destination", "namespace") if source.is_a("Application", ARGO_CD) else ""
        if target and target in first:
            yield Finding(
                file=source.file,
                line=source.line("spec", "destination", "namespace"),
                text=f"{source.label} runs in {target}, as {first[target].label} does ({first[target].file}):"
                " they would overwrite each other",
                hint="give each stage a namespace of its own",
            )
        if target:
            first.setdefault(target, source)


def _kargo(subject: Subject) -> Iterator[Finding]:
    projects = {source.name for source in subject.platform_manifests if source.is_a("Project", KARGO)}
    for source in subject.platform_manifests:
        if source.group == KARGO and source.namespace and projects and source.namespace not in projects:
            yield Finding(
                file=source.file,
                line=source.line("metadata", "namespace"),
                text=f"{source.label} is in no namespace of a Kargo project; there is {', '.join(sorted(projects))}",
                hint="put it into the namespace that is called as its Project",
            )
        is_projects = source.name in projects or bool(source.get("metadata", "labels", _PROJECT))
        if source.is_a("Namespace", "") and is_projects and str(source.get("metadata", "annotations", _KEEP)).lower() != "true":
            yield Finding(
                file=source.file,
                line=source.line("metadata", "annotations"),
                text=f"{source.label} goes, with everything in it, when its Kargo project is deleted",
                hint=f'annotate it with {_KEEP}: "true"',
            )


def _strays(subject: Subject) -> Iterator[Finding]:
    stages = {stage.name: stage.namespace for project in subject.facts.projects for stage in project.stages}
    for source in subject.rendered_manifests:
        wanted = stages.get(source.rendered_with)
        taken = subject.facts.uses.get(source.namespace, ())
        if wanted and source.namespace and source.namespace != wanted and (not taken or Use.APPLICATION in taken):
            yield Finding(
                file=source.file,
                text=f"{source.label} of the stage {source.rendered_with} is put into the namespace {source.namespace}, not into {wanted}",
                hint="leave out `metadata.namespace`, or write {{ .Release.Namespace }}",
                is_warning=True,
            )


CHECK = Check(name="namespace-isolation", title="Namespace isolation", look=_look)

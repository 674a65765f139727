"""Every YAML file can be parsed, and every object fits the schema of its kind."""

from collections.abc import Iterator

from bootstrap import abridged
from bootstrap.check.finding import Check, Finding, Looked
from bootstrap.check.kinds import Kinds
from bootstrap.check.schema import Misfit
from bootstrap.check.source import Source, dotted
from bootstrap.check.subject import Subject
from plugin_kit.console import counted

_MOST_NAMED = 3


def _look(subject: Subject) -> Looked:
    manifests = tuple(subject.manifests)
    kinds = Kinds(manifests)
    known = [source for source in manifests if kinds.knows(source)]
    unknown = sorted({f"{source.kind} ({source.api_version})" for source in manifests if not kinds.knows(source)})
    files = sum(tree.yaml_files for tree in subject.trees)
    unseen = [f"{file}: larger than a megabyte" for tree in subject.trees for file in tree.too_large]
    if unknown:
        named = abridged.names(unknown, _MOST_NAMED)
        unseen.append(f"the fields of {named}: there is no schema for them here; a CRD among the files would be one")
    at = f"{counted(files, 'YAML file')}, {counted(len(manifests), 'object')}, {len(known)} of them against their schema" if files else ""
    return Looked(at=at, findings=(*_faults(subject), *_misfits(manifests, kinds)), unseen=tuple(unseen))


def _faults(subject: Subject) -> Iterator[Finding]:
    for tree in subject.trees:
        for fault in tree.faults:
            yield Finding(
                file=fault.file,
                line=fault.problem.line,
                text=fault.problem.text,
                hint="put the YAML right" if fault.is_ours else "nothing of the platform reads this file; put it right, or leave it",
                is_warning=not fault.is_ours,
            )


def _misfits(manifests: tuple[Source, ...], kinds: Kinds) -> Iterator[Finding]:
    for source in manifests:
        for misfit in kinds.misfits(source):
            yield Finding(
                file=source.file, line=source.line(*misfit.place), text=_sentence(source, misfit), hint=f"see `{_explain(source, misfit)}`"
            )


def _sentence(source: Source, misfit: Misfit) -> str:
    where = f" {dotted(misfit.place)}" if misfit.place else ""
    return f"{source.label}:{where}: {misfit.text}"


def _explain(source: Source, misfit: Misfit) -> str:
    path = ".".join(key for key in misfit.place[:-1] if isinstance(key, str))
    return f"kubectl explain {'.'.join(part for part in (source.kind.lower(), path) if part)}"


CHECK = Check(name="manifest-syntax", title="Manifest syntax", look=_look)

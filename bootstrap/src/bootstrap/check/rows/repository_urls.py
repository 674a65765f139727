"""Argo CD and Kargo read from Gitea, by the very address that their logins are stored under."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from bootstrap.check.facts import (
    ARGO_CD,
    AUTHORIZED_STAGE,
    CREDENTIALS_LABEL,
    KARGO,
    PUBLIC_FORGES,
    REPOSITORY_LABEL,
    Facts,
    application_sources,
)
from bootstrap.check.finding import Check, Finding, Looked
from bootstrap.check.source import Source, items, mapping
from bootstrap.check.subject import Subject
from bootstrap.platform.document import Place
from plugin_kit.console import counted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Url:
    """An address of a repository, and where it stands."""

    text: str
    source: Source
    place: Place

    def finding(self, text: str, hint: str) -> Finding:
        return Finding(file=self.source.file, line=self.source.line(*self.place), text=text, hint=hint)


def _look(subject: Subject) -> Looked:
    manifests = tuple(subject.manifests)
    applications = [url for source in manifests for url in _of_application(source)]
    stages = [url for source in manifests for url in _of_stage(source)]
    argo_cd = [url for source in manifests if source.get("metadata", "labels", REPOSITORY_LABEL) for url in _of_secret(source, "url")]
    kargo = [
        url
        for source in manifests
        if source.text("metadata", "labels", CREDENTIALS_LABEL) == "git"
        for url in _of_secret(source, "repoURL")
    ]
    if not applications and not stages:
        return Looked()
    at = (
        f"{counted(len(applications), 'Application')}, {counted(len(stages), 'Stage')},"
        f" {counted(len(argo_cd) + len(kargo), 'login')} for {subject.facts.forge or 'Gitea'}"
    )
    wrong = {url: list(_not_gitea(url, subject.facts)) for url in (*applications, *stages, *argo_cd, *kargo)}
    findings = (
        *(finding for found in wrong.values() for finding in found),
        # Of an address that is wrong by itself it is no news that there is no login for it.
        *_without_login([url for url in applications if not wrong[url]], argo_cd, "Argo CD"),
        *_without_login([url for url in stages if not wrong[url]], kargo, "Kargo"),
        *_branches(manifests, subject.facts),
        *_plain_http(subject, stages),
    )
    return Looked(at=at, findings=findings)


def _of_application(source: Source) -> Iterator[_Url]:
    if source.is_a("Application", ARGO_CD):
        for place, each in application_sources(source):
            # A chart of others, beside the application's own.
            if not each.get("chart"):
                yield _Url(text=str(each.get("repoURL") or ""), source=source, place=(*place, "repoURL"))


def _of_stage(source: Source) -> Iterator[_Url]:
    if not source.is_a("Stage", KARGO):
        return
    for index, variable in enumerate(items(source.get("spec", "vars"))):
        value = mapping(variable).get("value")
        if mapping(variable).get("name") == "gitRepo" and isinstance(value, str):
            yield _Url(text=value, source=source, place=("spec", "vars", index, "value"))
    for index, step in enumerate(items(source.get("spec", "promotionTemplate", "spec", "steps"))):
        url = mapping(mapping(step).get("config")).get("repoURL")
        if isinstance(url, str) and "${{" not in url:
            yield _Url(text=url, source=source, place=("spec", "promotionTemplate", "spec", "steps", index, "config", "repoURL"))


def _of_secret(source: Source, key: str) -> Iterator[_Url]:
    if text := source.text("stringData", key):
        yield _Url(text=text, source=source, place=("stringData", key))
    elif encoded := source.text("data", key):
        try:
            yield _Url(text=base64.b64decode(encoded).decode(), source=source, place=("data", key))
        except (binascii.Error, ValueError):
            return  # Another row says that it is no base64.


def _not_gitea(url: _Url, facts: Facts) -> Iterator[Finding]:
    host = urlsplit(url.text).hostname or url.text.partition("@")[2].partition(":")[0]
    known = [project.repository_url for project in facts.projects if project.repository_url]
    if host in PUBLIC_FORGES:
        yield url.finding(f"{url.source.label} names {url.text}, and not Gitea", f"write {' or '.join(known) or 'the address in Gitea'}")
    elif known and facts.project_with_url(url.text) is None:
        yield url.finding(
            f"{url.source.label} names {url.text}, which is no repository of a project in {facts.origin}",
            f"write {' or '.join(known)}, to the character",
        )
    elif facts.forge and not url.text.startswith(f"{facts.forge}/"):
        yield url.finding(f"{url.source.label} names {url.text}; Gitea is {facts.forge}", f"begin it with {facts.forge}/")


def _without_login(wanted: list[_Url], logins: list[_Url], who: str) -> Iterator[Finding]:
    texts = [login.text for login in logins]
    for url in wanted:
        if texts and url.text not in texts:
            yield url.finding(
                f"{url.source.label} reads from {url.text}, and {who} has a login only for {', '.join(dict.fromkeys(texts))}",
                "make both the same, to the character: the login is found by its address",
            )


def _branches(manifests: tuple[Source, ...], facts: Facts) -> Iterator[Finding]:
    stages = {f"{source.namespace}:{source.name}" for source in manifests if source.is_a("Stage", KARGO)}
    for source in (each for each in manifests if each.is_a("Application", ARGO_CD)):
        stage = source.text("metadata", "annotations", AUTHORIZED_STAGE)
        # One that a person wrote by hand has the name, and not always the annotation.
        branch = f"stage/{stage.partition(':')[2]}" if stage else facts.applications.get(source.name)
        if branch is None:
            continue
        for place, each in application_sources(source):
            revision = each.get("targetRevision")
            is_ours = bool(stage) or facts.project_with_url(str(each.get("repoURL"))) is not None
            if is_ours and not each.get("chart") and revision != branch:
                yield Finding(
                    file=source.file,
                    line=source.line(*place, "targetRevision"),
                    text=f"{source.label} follows {revision or 'the default branch'}; what is promoted to it is in {branch}",
                    hint=f"write `targetRevision: {branch}`: a promotion that wrote to the branch that is built would start a pipeline",
                )
        if stage and stages and stage not in stages:
            yield Finding(
                file=source.file,
                line=source.line("metadata", "annotations", AUTHORIZED_STAGE),
                text=f"{source.label} lets {stage} sync it, and there is no such Stage; there is {', '.join(sorted(stages))}",
                hint="write <namespace of the Stage>:<name of the Stage>",
            )


def _plain_http(subject: Subject, stages: list[_Url]) -> Iterator[Finding]:
    plain = next((url for url in stages if url.text.startswith("http://")), None)
    values = {str(source.path): source for source in subject.rendered.values} if subject.rendered else {}
    source = values.get("kargo/values.yaml")
    if plain is not None and source is not None and source.get("controller", "allowCredentialsOverHTTP") is not True:
        yield Finding(
            file=source.file,
            line=source.line("controller", "allowCredentialsOverHTTP"),
            text=f"Kargo sends no login to {plain.text}, since it is plain http, and can't push a promotion",
            hint="set `controller.allowCredentialsOverHTTP: true`, or reach Gitea by https",
        )


CHECK = Check(name="repository-urls", title="Argo CD repository URLs", look=_look)

"""Kargo watches our registry, finds the tags that pipelines make, and looks at each only once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from bootstrap.check.facts import KARGO, PUBLIC_REGISTRIES, Facts, image_host, normal_host, warehouse_images
from bootstrap.check.finding import Check, Finding, Looked
from bootstrap.check.schema import did_you_mean
from bootstrap.check.source import Source, items, mapping, texts
from bootstrap.check.subject import Subject
from bootstrap.platform.document import Place
from plugin_kit.console import counted

_SHA = "0123456789abcdef0123456789abcdef01234567"
# What pipelines push beside the commit's own tag, and what must never be promoted.
_OTHER_TAGS = ("latest", f"candidate-{_SHA}", f"feature-{_SHA}", "v1.2.3", _SHA[:12])
_REGEXES = "allowTagsRegexes"
# The CRD of Kargo leaves subscriptions open: a misspelled key of theirs would be lost without a word.
_KEYS = (
    "repoURL",
    "imageSelectionStrategy",
    "allowTagsRegexes",
    "ignoreTagsRegexes",
    "constraint",
    "strictSemvers",
    "platform",
    "insecureSkipTLSVerify",
    "discoveryLimit",
    "cacheByTag",
)
# Since 1.11 nothing is discovered where one of the first two is set; the last one is gone since 1.9.
_GONE = {"allowTags": _REGEXES, "ignoreTags": "ignoreTagsRegexes", "semverConstraint": "constraint"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subscription:
    """One image that a Warehouse watches."""

    source: Source
    place: Place
    image: Mapping[str, object]
    url: str

    def finding(self, key: str, text: str, hint: str, *, is_warning: bool = False) -> Finding:
        line = self.source.line(*self.place, key)
        return Finding(file=self.source.file, line=line, text=f"{self.source.label} {text}", hint=hint, is_warning=is_warning)


def _look(subject: Subject) -> Looked:
    manifests = tuple(subject.manifests)
    warehouses = [source for source in manifests if source.is_a("Warehouse", KARGO)]
    subscriptions = [each for source in warehouses for each in _subscriptions(source)]
    if not warehouses:
        return Looked()
    urls = ", ".join(dict.fromkeys(each.url for each in subscriptions))
    addresses = [finding for each in subscriptions for finding in _address(each, subject.facts)]
    findings = [*addresses, *_empty(manifests)]
    for each in subscriptions:
        findings += [*_tags(each), *_keys(each)]
    if not any(not finding.is_warning for finding in addresses):
        findings += _stages(manifests, {each.url for each in subscriptions})
    at = f"{counted(len(warehouses), 'Warehouse')} with {counted(len(subscriptions), 'image')}{f': {urls}' if urls else ''}"
    return Looked(at=at, findings=tuple(findings))


def _subscriptions(source: Source) -> Iterator[_Subscription]:
    for index, url in warehouse_images(source):
        place: Place = ("spec", "subscriptions", index, "image")
        yield _Subscription(source=source, place=place, image=mapping(source.get(*place)), url=url)


def _address(each: _Subscription, facts: Facts) -> Iterator[Finding]:
    host, registry = image_host(each.url), facts.registry
    if "://" in each.url:
        yield each.finding("repoURL", f"watches {each.url}: an image has no scheme", f"write {each.url.partition('://')[2]}")
    elif registry is not None and host != normal_host(registry):
        images = [f"{registry}/{project.images}/{project.watched_image}" for project in facts.projects if project.watched_image]
        right = " or ".join(images) if facts.origin == "platform.yaml" and images else f"{registry}/..."
        yield each.finding("repoURL", f"watches {each.url}, which is not in {registry}", f"write {right}")
    elif registry is None and host in PUBLIC_REGISTRIES:
        yield each.finding("repoURL", f"watches {each.url}, which is in a public registry", "name the platform's own registry")
    elif facts.projects and facts.origin == "platform.yaml" and not _is_watched(each.url, facts):
        known = ", ".join(f"{project.images}/{project.watched_image}" for project in facts.projects)
        yield each.finding("repoURL", f"watches {each.url}; the watched image of a project is {known}", "watch what the release sets last")
    if facts.registry_plain_http and _is_named(host):
        yield each.finding(
            "repoURL",
            f"watches a registry that speaks plain http, and Kargo speaks https to a name like {host}: it will never find an image",
            "give the registry a certificate, or name it by its IP address",
        )
    if each.image.get("insecureSkipTLSVerify") is True:
        yield each.finding(
            "insecureSkipTLSVerify",
            "believes any certificate",
            "give Kargo the CA of the registry (`ca` in platform.yaml)",
            is_warning=True,
        )


def _is_watched(url: str, facts: Facts) -> bool:
    return any(url == f"{facts.registry}/{project.images}/{project.watched_image}" for project in facts.projects)


def _is_named(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        ip_address(name)
    except ValueError:
        return name != "localhost" and not name.endswith(".localhost")
    return False


def _tags(each: _Subscription) -> Iterator[Finding]:
    strategy = each.image.get("imageSelectionStrategy") or "SemVer"
    if strategy != "NewestBuild":
        yield each.finding(
            "imageSelectionStrategy", f"selects by {strategy}, which does not know which commit is newest", "write NewestBuild"
        )
    regexes = texts(each.image.get(_REGEXES))
    sha = "`allowTagsRegexes: ['^[0-9a-f]{40}$']`: the whole commit, as pipelines tag"
    if not regexes:
        yield each.finding(_REGEXES, "takes every tag, also latest and candidates that no test has passed", f"write {sha}")
    elif not _matches(regexes, _SHA):
        yield each.finding(_REGEXES, f"takes none of the tags that pipelines make, such as {_SHA}", f"write {sha}")
    elif wrong := [tag for tag in _OTHER_TAGS if _matches(regexes, tag)]:
        yield each.finding(_REGEXES, f"also takes {wrong[0]}: Kargo's patterns match anywhere in a tag", f"write {sha}")
    if each.image.get("cacheByTag") is not True:
        yield each.finding(
            "cacheByTag",
            "reads every image again at every interval; with some hundred tags that takes minutes",
            "write `cacheByTag: true`: a commit's tag never moves",
        )


def _matches(regexes: list[str], tag: str) -> bool:
    try:
        return any(re.search(regex, tag) for regex in regexes)
    except re.error:
        return False


def _keys(each: _Subscription) -> Iterator[Finding]:
    for key in each.image.keys() - set(_KEYS):
        if key in _GONE:
            yield each.finding(key, f"has `{key}`, which Kargo no longer takes", f"write `{_GONE[key]}`")
            continue
        yield each.finding(key, f"has `{key}`, which Kargo does not know{did_you_mean(key, _KEYS)}", "put the key right, or take it out")


def _stages(manifests: tuple[Source, ...], watched: set[str]) -> Iterator[Finding]:
    for source in manifests:
        if not source.is_a("Stage", KARGO):
            continue
        for index, variable in enumerate(items(source.get("spec", "vars"))):
            value = mapping(variable).get("value")
            if mapping(variable).get("name") == "imageRepo" and value not in watched:
                yield Finding(
                    file=source.file,
                    line=source.line("spec", "vars", index, "value"),
                    text=f"{source.label} promotes {value}, which no Warehouse watches: there is {', '.join(sorted(watched))}",
                    hint="make both the same, to the character",
                )


def _empty(manifests: tuple[Source, ...]) -> Iterator[Finding]:
    for source in manifests:
        if source.is_a("Warehouse", KARGO) and not list(warehouse_images(source)):
            yield Finding(
                file=source.file,
                line=source.line("spec", "subscriptions"),
                text=f"{source.label} watches no image",
                hint="subscribe it to the image that the release sets last",
            )


CHECK = Check(name="warehouse-url", title="Kargo Warehouse", look=_look)

"""The secrets of a rendered platform: their names, and where whoever uses the files gets each of them."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

from bootstrap.components import forge
from bootstrap.components.authority import parted
from bootstrap.components.gitea.installation import SECRET_KEY
from bootstrap.components.kargo import account
from bootstrap.components.registry import access as registry
from bootstrap.components.trust import RECORD as CA_RECORD
from bootstrap.components.trust import RECORD_KEY as CA_KEY
from bootstrap.components.trust import given_ca, makes_ca
from bootstrap.components.woodpecker import access as woodpecker
from bootstrap.core.context import Context
from bootstrap.core.objects import Ref
from bootstrap.core.record import RECORD
from bootstrap.platform.platform import Platform
from bootstrap.render.given import given

if TYPE_CHECKING:
    from bootstrap.render.offline import OfflineCluster


@dataclass(frozen=True, slots=True, kw_only=True)
class InCluster:
    """One key of an object that is there, or that its controller fills."""

    kind: str
    namespace: str
    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Random:
    """Made by the script where it is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """Put into a file by a person; `how` says what it is and what makes it."""

    how: str
    early: bool = True
    """Whether it can be had before anything is installed."""


Source: TypeAlias = InCluster | Random | ByHand


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A secret: the name of its file and of its places, where it comes from, and the value that was made up for this run."""

    name: str
    source: Source
    value: str = field(repr=False)


_RECORDS: Mapping[tuple[str, str], Source] = {
    (forge.RECORD, SECRET_KEY): Random(),
    (woodpecker.RECORD, woodpecker.AGENT_KEY): Random(),
    (woodpecker.RECORD, woodpecker.GRPC_KEY): Random(),
    (account.RECORD, account.HASH): ByHand(how="the bcrypt hash of a password for Kargo's admin: htpasswd -nBC 10 admin | cut -d: -f2"),
    (account.RECORD, account.SIGNING_KEY): Random(),
    (registry.RECORD, registry.RECORD_KEY): ByHand(how="the line that the registry checks logins against: htpasswd -nB USER"),
}


def name_of(*words: str) -> str:
    """Name a secret as its file and its places in the manifests are: `WOODPECKER_AGENT_SECRET`."""
    return "_".join("".join(letter if letter.isalnum() else "_" for letter in word) for word in words if word).upper()


def known(context: Context, platform: Platform, values: Mapping[str, str]) -> list[Known]:
    """Return every secret of a run without a cluster; `platform` is as it was written, `values` what was made up for it, by path."""
    recorded = _recorded(context, {**_RECORDS, **_of_gitea(platform)})
    found = [*_ca(context, platform), *_filled(context), *recorded, *_given(platform, values)]
    # Of those that are kept twice, such as a token and its record, the first says where it comes from.
    return list({each.value: each for each in reversed(found) if each.value}.values())[::-1]


def _ca(context: Context, platform: Platform) -> Iterator[Known]:
    if pem := context.records.value(CA_RECORD, CA_KEY):
        key, certificate = parted(pem)
        make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=platform CA'"
        files = "-keyout secrets/CA_KEY -out secrets/CA_CERTIFICATE"
        yield Known(name="CA_KEY", value=key, source=ByHand(how=f"the key of a CA: {make} {files}"))
        yield Known(name="CA_CERTIFICATE", value=certificate, source=ByHand(how="the certificate of that CA"))
    if platform.ca is not None:
        name = "CA_GIVEN" if makes_ca(platform) else "CA_CERTIFICATE"
        yield Known(name=name, value=given_ca(context), source=_ca_source(platform, name))


def _ca_source(platform: Platform, name: str) -> Source:
    bundle = platform.ca
    assert bundle is not None  # noqa: S101  the caller has looked
    if bundle.file is not None:
        return ByHand(how=f"the CA that platform.yaml names: cp {bundle.file} secrets/{name}")
    kind, key = ("secret", bundle.secret) if bundle.secret else ("configmap", bundle.config_map)
    assert key is not None  # noqa: S101  the model has exactly one of the three
    return InCluster(kind=kind, namespace=key.namespace, name=key.name, key=key.key)


def _filled(context: Context) -> Iterator[Known]:
    for ref, keys in cast("OfflineCluster", context.cluster).filled.items():
        for key in keys:
            yield Known(name=name_of(ref.namespace or "", ref.name, key), value=_value(context, ref, key), source=_in_cluster(ref, key))


def _value(context: Context, ref: Ref, key: str) -> str:
    live = context.cluster.get(ref) or {}
    return base64.b64decode(live["data"][key]).decode()


def _in_cluster(ref: Ref, key: str) -> InCluster:
    return InCluster(kind="secret", namespace=ref.namespace or "", name=ref.name, key=key)


def _of_gitea(platform: Platform) -> Mapping[tuple[str, str], Source]:
    # A Gitea that the scripts install can't be asked before they have begun.
    early = platform.gitea.mode == "external"
    password: Source = ByHand(how="the password of Gitea's administrator: gitea/README.md")
    answer = ByHand(how="what Gitea answers when the OAuth2 application is made: gitea/README.md", early=early)
    return {
        # One that is installed makes its administrator with the password that it is given.
        (forge.RECORD, forge.PASSWORD): password if early else Random(),
        (woodpecker.RECORD, woodpecker.CLIENT_ID): answer,
        (woodpecker.RECORD, woodpecker.CLIENT_SECRET): answer,
    }


def _recorded(context: Context, sources: Mapping[tuple[str, str], Source]) -> Iterator[Known]:
    for secret in context.cluster.list("v1", "Secret", namespace=context.platform.namespace, labels={RECORD: "true"}):
        record = secret["metadata"]["name"]
        for key, value in context.records.read(record).items():
            name = name_of(record) if record.endswith(key) else name_of(record, key)
            unknown = ByHand(how=f"what `bootstrap up` keeps as {key} in the Secret {context.platform.namespace}/{record}")
            yield Known(name=name, value=value, source=sources.get((record, key), unknown))


def _given(platform: Platform, values: Mapping[str, str]) -> Iterator[Known]:
    for each in given(platform):
        words = each.path.removeprefix("projects.").split(".")
        how = f"what {each.path} in platform.yaml stands for: {each.ref.source}"
        if (key := each.ref.secret) is not None:
            source: Source = InCluster(kind="secret", namespace=key.namespace, name=key.name, key=key.key)
        else:
            source = ByHand(how=how)
        yield Known(name=name_of(*words), value=values[each.path], source=source)

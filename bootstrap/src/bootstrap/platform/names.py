"""Names as Kubernetes, DNS, Git and registries take them, each with the sentence for one that they would refuse."""

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from plugin_kit.reference import parse_registry, parse_repository, repository_problem, tag_problem

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_LONGEST_LABEL = 63
_LONGEST_NAME = 253
_HIGHEST_PORT = 65535
_SUBDOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_SECRET_NAME = r"[a-z][a-z0-9_]*"  # noqa: S105  a pattern


def _label(text: str) -> str:
    if len(text) > _LONGEST_LABEL:
        raise ValueError(f"has {len(text)} characters, at most {_LONGEST_LABEL} are possible")
    if not re.fullmatch(_LABEL, text):
        raise ValueError(f'"{text}" is not a name: letters a-z, digits and - between them')
    return text


def _object_name(text: str) -> str:
    if len(text) > _LONGEST_NAME or not re.fullmatch(_SUBDOMAIN, text):
        raise ValueError(f'"{text}" is not the name of a Kubernetes object: letters a-z, digits, and - or . between them')
    return text


def _host(text: str) -> str:
    _no_login(text)
    if "://" in text:
        raise ValueError(f'"{text}" is an address; write the host alone, without {text.partition("://")[0]}://')
    name, colon, _ = text.partition(":")
    if colon:
        raise ValueError(f'"{text}" has a port; write the host alone: {name}')
    if len(text) > _LONGEST_NAME or not re.fullmatch(_SUBDOMAIN, text):
        raise ValueError(f'"{text}" is not a host name: letters a-z, digits, - and . between them')
    return text


def _registry_host(text: str) -> str:
    _no_login(text)
    if "://" in text:
        raise ValueError(f'"{text}" is an address; write host or host:port (for plain http set `plain_http: true`)')
    host = parse_registry(text).host
    _, colon, port = host.rpartition(":")
    if colon and not host.endswith("]") and not 0 < int(port) <= _HIGHEST_PORT:
        raise ValueError(f'"{text}": there is no port {port}')
    return host


def _no_login(text: str) -> None:
    if "@" in text:
        raise ValueError("holds a login; it belongs into a secret reference")


def _image_path(text: str) -> str:
    problem = repository_problem(text)
    if problem:
        raise ValueError(problem)
    return text


def _image_name(text: str) -> str:
    name, _, digest = text.partition("@")
    repository, colon, tag = name.rpartition(":")
    if "/" not in (repository if colon else name) or (colon and "/" in tag):
        # Woodpecker takes any ":" for that of a tag, also the one of a port, and then compares with ":latest".
        raise ValueError(f'"{text}" is not the full name of an image: registry/path/name:tag')
    if not colon and not digest:
        raise ValueError(f'"{text}" has no tag; write the full name with tag, as the pipelines do')
    parse_repository(repository if colon else name, default_host="docker.io")
    problem = tag_problem(tag) if colon else None
    if problem:
        raise ValueError(problem)
    return text


def _tag(text: str) -> str:
    problem = tag_problem(text)
    if problem:
        raise ValueError(problem)
    return text


def _path_in_repository(text: str) -> str:
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f'"{text}" leaves the repository; write a path from its root')
    return text.removeprefix("./").rstrip("/") or "."


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        # The text is not shown: it may be the secret itself, written where its name belongs.
        raise ValueError("is not the name of an environment variable: letters, digits and _")
    return text


def _secret_name(text: str) -> str:
    if not re.fullmatch(_SECRET_NAME, text):
        raise ValueError(f'"{text}" is not the name of a Woodpecker secret: letters a-z, digits and _, as in `from_secret`')
    return text


def _pattern(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})


Name: TypeAlias = Annotated[str, AfterValidator(_label), _pattern(_LABEL)]
"""A DNS label (RFC 1123): what a namespace, a Helm release or a Kargo Stage may be called."""

ObjectName: TypeAlias = Annotated[str, AfterValidator(_object_name), _pattern(_SUBDOMAIN)]
"""A DNS subdomain: what a PersistentVolume, a Secret or a StorageClass may be called."""

Host: TypeAlias = Annotated[str, AfterValidator(_host), _pattern(_SUBDOMAIN)]
"""A host name without scheme and port."""

RegistryAddress: TypeAlias = Annotated[str, AfterValidator(_registry_host)]
"""`host` or `host:port` of a registry."""

ImagePath: TypeAlias = Annotated[str, AfterValidator(_image_path)]
"""Path between registry and image name."""

ImageName: TypeAlias = Annotated[str, AfterValidator(_image_name)]
"""Full name of an image with its tag, `registry.example.lan/local-cicd/registry-push:0.1.0`."""

Tag: TypeAlias = Annotated[str, AfterValidator(_tag)]
"""Tag of an image."""

PathInRepository: TypeAlias = Annotated[str, AfterValidator(_path_in_repository)]
"""A path from the root of a repository."""

Variable: TypeAlias = Annotated[str, AfterValidator(_variable), _pattern("[A-Za-z_][A-Za-z0-9_]*")]
"""Name of an environment variable."""

SecretName: TypeAlias = Annotated[str, AfterValidator(_secret_name), _pattern(_SECRET_NAME)]
"""Name of a Woodpecker secret."""

"""The platform with made-up values for the secrets that a person gives: nothing is read that is nobody's business here."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from bootstrap.platform.ca import CaBundle
from bootstrap.platform.platform import Platform
from bootstrap.platform.secret_ref import ALLOW_PLAIN, ObjectKey, RecordedSecretRef, SecretRef

CA = ObjectKey(namespace="local-cicd", name="made-up-ca", key="ca.crt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One secret of platform.yaml."""

    path: str
    """Where it stands: `projects.shop.mirror.deploy_key`."""
    ref: SecretRef


def given(platform: Platform) -> Iterator[Given]:
    """Yield the secrets that platform.yaml refers to, but for those that are generated."""
    yield from _found(platform, ())


def made_up(platform: Platform) -> tuple[Platform, dict[str, str]]:
    """Return the platform with another, random value for each of its secrets, and the values by their paths."""
    values = {each.path: secrets.token_hex(16) for each in given(platform)}
    filled = _filled(platform, (), values)
    assert isinstance(filled, Platform)  # noqa: S101  a copy of the same class
    if platform.ca is not None:
        # Wherever it comes from: the file need not be on this machine.
        filled = filled.model_copy(update={"ca": CaBundle(secret=CA)})
    return filled, values


def _found(node: object, path: tuple[str, ...]) -> Iterator[Given]:
    if isinstance(node, SecretRef):
        if not _is_generated(node):
            yield Given(path=".".join(path), ref=node)
        return
    for name, child in _children(node):
        yield from _found(child, (*path, name))


def _filled(node: Any, path: tuple[str, ...], values: Mapping[str, str]) -> Any:  # noqa: ANN401  any part of the model
    if isinstance(node, SecretRef):
        value = values.get(".".join(path))
        return node if value is None else type(node).model_validate({"plain": value}, context={ALLOW_PLAIN: True})
    children = [_filled(child, (*path, name), values) for name, child in _children(node)]
    if isinstance(node, BaseModel):
        return node.model_copy(update=dict(zip(type(node).model_fields, children, strict=True)))
    if isinstance(node, Mapping):
        return dict(zip(node, children, strict=True))
    return tuple(children) if isinstance(node, tuple) else node


def _children(node: object) -> list[tuple[str, Any]]:
    if isinstance(node, BaseModel):
        return [(name, getattr(node, name)) for name in type(node).model_fields]
    if isinstance(node, Mapping):
        return [(str(name), child) for name, child in node.items()]
    if isinstance(node, tuple):
        return [(str(getattr(child, "name", number)), child) for number, child in enumerate(node)]
    return []


def _is_generated(ref: SecretRef) -> bool:
    return isinstance(ref, RecordedSecretRef) and ref.generate

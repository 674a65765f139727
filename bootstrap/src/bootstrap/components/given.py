"""Secrets as platform.yaml refers to them: from the environment, a file, or a Secret of the cluster."""

import base64
import os
from collections.abc import Iterable
from pathlib import Path

from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError, UnauthorizedError, UnreachableError
from bootstrap.core.objects import Ref
from bootstrap.platform.secret_ref import ObjectKey, SecretRef


def secret_value(context: Context, ref: SecretRef, *, what: str) -> str:
    """Return the value that a reference stands for and hide it from then on; `what` names it where it can't be had.

    A reference with `generate` has no value here: that lies in a Secret of record.
    """
    value = _read(context, ref, what)
    if not value:
        raise BootstrapError(
            f"{what} is empty", details=[f"it comes from {ref.source}"], hint="put the secret there, or refer to another one"
        )
    context.hide(value)
    return value


def require(context: Context, wanted: Iterable[tuple[SecretRef, str]]) -> None:
    """See that all of these can be had, each with what it is; raises one error about all that can't."""
    errors: list[BootstrapError] = []
    for ref, what in wanted:
        try:
            secret_value(context, ref, what=what)
        except (UnreachableError, UnauthorizedError):
            raise
        except BootstrapError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        details = [line for error in errors for line in (error.message, *error.details, *([f"  {error.hint}"] if error.hint else []))]
        raise BootstrapError(f"{len(errors)} secrets that platform.yaml refers to can't be had", details=details)


def object_value(context: Context, kind: str, key: ObjectKey, *, what: str) -> str:
    """Return one key of a Secret or ConfigMap of the cluster."""
    ref = Ref(api_version="v1", kind=kind, name=key.name, namespace=key.namespace)
    live = context.cluster.get(ref)
    if live is None:
        raise BootstrapError(f"{what} can't be read: there is no {ref.label}", hint="make it, or refer to another one in platform.yaml")
    data = live.get("data") or {}
    if key.key not in data:
        keys = ", ".join(sorted(data)) or "none"
        raise BootstrapError(f"{what} can't be read: {ref.label} has no key {key.key}", hint=f"its keys are: {keys}")
    return base64.b64decode(data[key.key]).decode(errors="surrogateescape") if kind == "Secret" else str(data[key.key])


def text_of_file(context: Context, file: str, *, what: str) -> str:
    """Return the text of a file that platform.yaml names."""
    path = context.folder / Path(file).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise BootstrapError(f"{what} can't be read from {path}: {reason}", hint="the path is relative to platform.yaml") from error


def _read(context: Context, ref: SecretRef, what: str) -> str:
    if ref.env is not None:
        value = os.environ.get(ref.env)
        if value is None:
            raise BootstrapError(f"{what} is missing: the environment variable {ref.env} is not set", hint=f"export {ref.env}=...")
        return value
    if ref.file is not None:
        return text_of_file(context, ref.file, what=what).removesuffix("\n")
    if ref.secret is not None:
        return object_value(context, "Secret", ref.secret, what=what)
    if ref.plain is not None:
        return ref.plain.get_secret_value()
    raise ValueError(f"{what} is generated and lies in a Secret of record")

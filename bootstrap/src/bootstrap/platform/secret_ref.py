"""Where a secret comes from. Its value never stands in `platform.yaml`, nor in this model."""

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import SecretStr, ValidationInfo, model_validator

from bootstrap.platform.names import Name, ObjectName, Variable
from bootstrap.platform.section import Flag, Section

ALLOW_PLAIN = "allow_plain_secrets"
_FORMS = "{env: NAME}, {file: path} or {secret: {namespace: ..., name: ..., key: ...}}"
_PLAIN_REFUSED = f"holds a secret in plain text; write {_FORMS}, or run with --allow-plain-secrets"


class ObjectKey(Section):
    """One key of a Secret or ConfigMap of the cluster."""

    leaf: ClassVar[bool] = True

    namespace: Name
    """Its namespace."""

    name: ObjectName
    """Its name."""

    key: str
    """The key in its data."""

    def __str__(self) -> str:
        """Name it for a person."""
        return f"{self.namespace}/{self.name}, key {self.key}"


class SecretRef(Section):
    """Where a secret comes from: exactly one of the keys."""

    leaf: ClassVar[bool] = True

    env: Variable | None = None
    """An environment variable of this command."""

    file: str | None = None
    """A file, relative to platform.yaml; one line feed at its end is dropped."""

    secret: ObjectKey | None = None
    """An existing Secret of the cluster."""

    plain: SecretStr | None = None
    """The secret itself; refused without `--allow-plain-secrets`. A text in place of the map means the same."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: object, info: ValidationInfo) -> object:
        plain_allowed = bool((info.context or {}).get(ALLOW_PLAIN))
        if isinstance(data, str):
            data = {"plain": data}
        if not isinstance(data, Mapping | SecretRef):
            # A number or a boolean may be an unquoted password: it is not shown.
            raise ValueError(_PLAIN_REFUSED if not isinstance(data, list) else f"must be {_FORMS}")  # noqa: TRY004  see duration.py
        if isinstance(data, Mapping) and data.get("plain") is not None and not plain_allowed:
            raise ValueError(_PLAIN_REFUSED)
        if isinstance(data, Mapping) and "generate" in data and "generate" not in cls.model_fields:
            raise ValueError(f"can't be made here, because somebody else has to know it; write {_FORMS}")
        return data

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name)]
        if not given:
            raise ValueError(f"says nothing; write {_FORMS}")
        if len(given) > 1:
            raise ValueError(f"says {' and '.join(given)}; write one of them")
        return self

    @property
    def source(self) -> str:
        """Where the secret comes from, for a person: never its value."""
        if self.env is not None:
            return f"environment variable {self.env}"
        if self.file is not None:
            return f"file {self.file}"
        return f"Secret {self.secret}" if self.secret is not None else "platform.yaml"


class RecordedSecretRef(SecretRef):
    """A secret that may also be made here."""

    generate: Flag = False
    """`true`: made once, at random, and kept in a Secret of record in the platform's own namespace."""

    @property
    def source(self) -> str:
        """Where the secret comes from, for a person: never its value."""
        return "generated once and kept in the cluster" if self.generate else super().source

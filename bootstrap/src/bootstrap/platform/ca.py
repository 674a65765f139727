"""The CA that signed the platform's certificates."""

from typing import ClassVar, Self

from pydantic import model_validator

from bootstrap.platform.secret_ref import ObjectKey
from bootstrap.platform.section import Section


class CaBundle(Section):
    """Where CA certificates (PEM) come from: exactly one of the keys."""

    leaf: ClassVar[bool] = True

    file: str | None = None
    """A file, relative to platform.yaml."""

    secret: ObjectKey | None = None
    """A Secret of the cluster, such as that of a cert-manager CA issuer (key `ca.crt` or `tls.crt`)."""

    config_map: ObjectKey | None = None
    """A ConfigMap of the cluster."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            said = f"says {' and '.join(given)}" if given else "says nothing"
            raise ValueError(f"{said}; write one of {', '.join(type(self).model_fields)}")
        return self

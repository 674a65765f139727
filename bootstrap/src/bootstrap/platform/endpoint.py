"""The up to three addresses of a service."""

from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema

from bootstrap.platform.section import Section, computed


def _url(text: str) -> str:
    if "@" in text:
        raise ValueError("holds a login; it belongs into a secret reference")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f'"{text}" is not an address: {error}') from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f'"{text}" is not an address: http://host:port or https://host')
    if parts.query or parts.fragment or port == 0:
        raise ValueError(f'"{text}" has more than scheme, host, port and path')
    if any(character.isspace() for character in text):
        raise ValueError(f'"{text}" has blanks in it')
    return text.rstrip("/")


Url: TypeAlias = Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "pattern": "^https?://[^/?#@]+[^?#]*$"})]
"""An http or https address without a slash at the end."""


class Endpoint(Section):
    """Where one service is reached from: a browser, a pod, and this command."""

    public_url: Url = Field(json_schema_extra=computed("https://gitea.<domain>"))
    """Address for browsers, which is also what the service calls itself (Gitea's ROOT_URL)."""

    cluster_url: Url = Field(json_schema_extra=computed("the Service, where `mode: install`; else public_url"))
    """Address for pods of the cluster."""

    bootstrap_url: Url = Field(json_schema_extra=computed("public_url"))
    """Address for this command, where it can't reach the public one: a NodePort, a port-forward."""

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Let one address stand for all three."""
        public = data.get("public_url")
        return data if public is None else {"cluster_url": public, "bootstrap_url": public, **data}

    @property
    def plain_http(self) -> bool:
        """Whether pods speak plain http to it; Kargo then withholds its credentials unless it is told not to."""
        return self.cluster_url.startswith("http://")

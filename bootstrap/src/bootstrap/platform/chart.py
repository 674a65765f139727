"""A Helm chart: where it comes from, and how it is installed."""

import re
from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field

from bootstrap.platform.duration import Duration
from bootstrap.platform.names import Name
from bootstrap.platform.section import Flag, Section

# Semantic versioning 2.0; Helm also takes a leading v.
_VERSION = re.compile(r"v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_LOCAL = ("./", "../", "/", "~/")


def _source(text: str) -> str:
    if text.startswith(("oci://", "https://", "http://", *_LOCAL)):
        return text.rstrip("/")
    raise ValueError(f'"{text}" is no source of charts: oci://..., https://..., or a path that begins with ./ or /')


def _version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise ValueError(f'"{text}" is not one exact version (3.6.5); a range would install something else every day')
    return text


def _digest(text: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise ValueError("is not a digest: sha256: and 64 hexadecimal digits")
    return text


ChartSource: TypeAlias = Annotated[str, AfterValidator(_source)]
Version: TypeAlias = Annotated[str, AfterValidator(_version)]
Digest: TypeAlias = Annotated[str, AfterValidator(_digest)]


class Chart(Section):
    """A Helm chart and its release."""

    source: ChartSource
    """Where the chart comes from: an OCI registry (`oci://host/path`), a chart repository (`https://...`), or the path of a chart (folder
    or .tgz), relative to platform.yaml."""

    name: str
    """Name of the chart."""

    version: Version
    """The one version that is installed. A change over a major version is a line of its own in the plan and needs `--allow-upgrade`."""

    digest: Digest | None = None
    """Digest of the chart archive, `sha256:...`; another one is refused."""

    release: Name
    """Name of the Helm release. An existing release of this name is taken over."""

    namespace: Name
    """Namespace of the release. Made where it does not exist; `bootstrap down` deletes it."""

    values: dict[str, Any] = Field(default={})
    """Values of your own, in the chart's words. They are merged last and win over everything that is set here."""

    take_ownership: Flag = False
    """`true`: Helm takes over objects of these names that exist already without a release (`helm upgrade --take-ownership`)."""

    timeout: Duration = timedelta(minutes=10)
    """Longest time for one `helm upgrade --install --wait`."""

    @property
    def is_local(self) -> bool:
        """Whether the source is a path."""
        return self.source.startswith(_LOCAL)

    @property
    def reference(self) -> str:
        """What `helm pull` takes: the OCI reference or the path; for a chart repository the bare name, beside `--repo`."""
        return f"{self.source}/{self.name}" if self.source.startswith("oci://") else self.source if self.is_local else self.name

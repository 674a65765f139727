"""A project: one repository and its way from push to production."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field

from bootstrap.platform.duration import Duration
from bootstrap.platform.gitea import Owner
from bootstrap.platform.integration_tests import IntegrationTests
from bootstrap.platform.names import ImagePath, Name, PathInRepository, SecretName
from bootstrap.platform.pipeline_secret import PipelineSecret
from bootstrap.platform.secret_ref import SecretRef
from bootstrap.platform.section import Flag, Section, computed, within
from bootstrap.platform.stage import Stage, completed


def _ssh_remote(text: str) -> str:
    host, colon, path = text.partition(":")
    if text.startswith("ssh://") or (colon and "@" in host and path and not path.startswith("//")):
        return text
    raise ValueError(f'"{text}" is not an SSH remote: git@github.com:owner/repository.git')


SshRemote: TypeAlias = Annotated[str, AfterValidator(_ssh_remote)]


class Repository(Section):
    """The repository in Gitea."""

    owner: Owner = Field(json_schema_extra=computed("gitea.admin.name"))
    """User or organisation. An organisation that does not exist is made."""

    name: str = Field(json_schema_extra=computed("<project>"))
    """Name of the repository."""

    branch: str = "main"
    """The branch that is built and deployed."""

    private: Flag = True
    """Whether reading it needs a login."""

    import_from: str | None = None
    """A clone on this machine that is pushed into the repository while that is still empty; with `up --import` also what it has beyond it
    later. What would not be a fast-forward is refused. `~` is your home."""

    remote: str = "gitea"
    """Name of the remote that the clone gets."""

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"


class Warehouse(Section):
    """Where Kargo looks for commits that may be promoted."""

    name: Name = "images"
    """Name of the Warehouse."""

    interval: Duration = timedelta(minutes=5)
    """How often it asks the registry by itself. kargo-notify tells it at once."""


class KargoProject(Section):
    """The project in Kargo."""

    namespace: Name = Field(json_schema_extra=computed("<project>-cd"))
    """Its name and its namespace. It must be one of its own: deleting a Kargo project deletes its namespace."""

    warehouse: Warehouse = Warehouse()
    """Where Kargo looks for commits."""


class Mirror(Section):
    """The copy on GitHub, for reading."""

    remote: SshRemote
    """Where to, `git@github.com:owner/repository.git`. Nothing is pushed by this command; the pipeline's last step does that."""

    deploy_key: SecretRef
    """Private deploy key with write access. It becomes the Woodpecker secret `github_deploy_key`."""


class Project(Section):
    """One repository and its way from push to production. It shares nothing with other projects."""

    name: Name
    """Name of the project; most other names begin with it."""

    repository: Repository
    """The repository in Gitea."""

    registry_project: ImagePath = Field(json_schema_extra=computed("<project>"))
    """Path of its images in the registry: `<registry>/<registry_project>/<image>`."""

    watched_image: ImagePath
    """The image that Kargo watches; kargo-notify sets its tag last of all (`watch`)."""

    chart_path: PathInRepository
    """Folder of the application's Helm chart in the repository."""

    tag_key: str = "image.tag"
    """The value of the application's chart that a promotion sets, with dots. It must stand in the values file already."""

    kargo: KargoProject
    """The project in Kargo."""

    stages: tuple[Stage, ...] = Field(min_length=1)
    """The stages, in their order."""

    secrets: Mapping[SecretName, PipelineSecret] = Field(default={})
    """Further Woodpecker secrets, by name."""

    integration_tests: IntegrationTests | None = None
    """What its integration tests may do on the cluster. Default: nothing."""

    mirror: Mirror | None = None
    """The copy on GitHub. Default: none."""

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Make the names that begin with the project's."""
        name = data.get("name")
        if not isinstance(name, str):
            # With placeholders only the name itself is missing, and not all that is made of it.
            name = "unnamed"
        filled = {"registry_project": name, **data}
        for key, inside in (("repository", {"name": name}), ("kargo", {"namespace": f"{name}-cd"})):
            section = within(data, key)
            if section is not None:
                filled[key] = inside | {each: value for each, value in section.items() if value is not None}
        tests = data.get("integration_tests")
        if isinstance(tests, Mapping):
            filled["integration_tests"] = {"service_account": f"{name}-inttest", **{k: v for k, v in tests.items() if v is not None}}
        if isinstance(stages := data.get("stages"), list | tuple):
            filled["stages"] = list(_stages(stages, project=name))
        return filled

    @property
    def chart_files(self) -> tuple[str, ...]:
        """Every values file of every stage, each once, from the root of the repository."""
        return tuple(dict.fromkeys(f"{self.chart_path}/{file}" for stage in self.stages for file in stage.values_files))


def _stages(stages: Sequence[object], *, project: str) -> list[object]:
    filled: list[object] = []
    above: str | None = None
    for stage in stages:
        if not isinstance(stage, Mapping):
            filled.append(stage)
            continue
        filled.append(completed(dict(stage), project=project, above=above))
        name = stage.get("name")
        above = name if isinstance(name, str) else above
    return filled

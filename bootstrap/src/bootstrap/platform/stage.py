"""A stage: one namespace that a commit is promoted to."""

from typing import Any, Literal

from pydantic import Field

from bootstrap.platform.names import Name, ObjectName, PathInRepository
from bootstrap.platform.people import People
from bootstrap.platform.section import Section, computed


class Promoters(People):
    """Who may promote by hand, in the names of the Kubernetes API."""


class Stage(Section):
    """One namespace that a commit is promoted to: a Kargo Stage and the Argo CD Application that it drives."""

    name: Name
    """Name of the Kargo Stage, and of the branch `stage/<name>` that its Application follows."""

    namespace: Name = Field(json_schema_extra=computed("<project>-<stage>"))
    """Namespace that the application runs in. `bootstrap down` leaves it alone, with all that runs there."""

    application: ObjectName = Field(json_schema_extra=computed("<project>-<stage>"))
    """Name of the Argo CD Application."""

    promotion: Literal["auto", "manual"]
    """`auto`: whatever may be promoted is promoted at once. `manual`: by somebody of `promoters`."""

    after: Name | None = Field(json_schema_extra=computed("the stage above it in the list; the first one takes every commit"))
    """The stage that a commit must have passed before. `null`: none, it takes every commit that the Warehouse finds."""

    promoters: Promoters = Promoters()
    """Who may promote, where `promotion: manual`."""

    gate: Literal["hold", "fail"] | None = None
    """What happens to a promotion while the market is open. `hold`: it waits until the gate lets it through. `fail`: it fails at once, and
    somebody promotes again later. Default: the stage is not guarded."""

    rollback: Literal["same", "allow"] = "same"
    """Of a stage with `gate`: whether promotions to an earlier commit are treated as all others (`same`), or let through at any hour."""

    values_files: tuple[PathInRepository, ...] = Field(min_length=1, json_schema_extra=computed("[values.yaml, values-<stage>.yaml]"))
    """Values files of the application's chart, relative to it, the last one wins. The image tag is written into the last one, on the
    stage's own branch."""

    @property
    def branch(self) -> str:
        """The branch that holds what is deployed."""
        return f"stage/{self.name}"

    @property
    def tag_file(self) -> str:
        """The values file that gets the image tag."""
        return self.values_files[-1]


def completed(stage: dict[str, Any], *, project: str, above: str | None) -> dict[str, Any]:
    """Fill in what a stage has from its project; `above` is the stage before it in the list."""
    # With a placeholder only the name itself is missing, and not all that is made of it.
    name = stage["name"] if isinstance(stage.get("name"), str) else "unnamed"
    filled = {
        "namespace": f"{project}-{name}",
        "application": f"{project}-{name}",
        "after": above,
        "values_files": ["values.yaml", f"values-{name}.yaml"],
    }
    return {**filled, **{key: value for key, value in stage.items() if value is not None or key == "after"}}

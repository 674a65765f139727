"""What the integration tests of a project may do on the cluster."""

from typing import Literal

from pydantic import Field

from bootstrap.platform.names import Name, ObjectName
from bootstrap.platform.section import Section, computed


class IntegrationTests(Section):
    """A ServiceAccount for the step that runs them (`backend_options.kubernetes.serviceAccountName`)."""

    service_account: ObjectName = Field(json_schema_extra=computed("<project>-inttest"))
    """Its name, in the namespace of the steps. Whoever can push to any repository of this Woodpecker can use it."""

    rbac: Literal["scoped", "cluster-admin"] = "scoped"
    """`scoped`: everything inside `namespaces`, nothing outside. `cluster-admin`: everything everywhere, for tests that make namespaces of
    their own."""

    namespaces: tuple[Name, ...] = Field(default=())
    """Namespaces for the tests, which are made here and are theirs. Where `rbac: scoped` there must be one."""

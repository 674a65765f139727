"""Gitea's pod, as a person reaches it: the commands that stand in remedies."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """Where Gitea runs. `root`: its image starts as root, where the program `gitea` must be called as user git."""

    namespace: str
    workload: str
    root: bool = False

    def gitea(self, *arguments: str) -> str:
        """Write the command that calls Gitea's own program in the pod."""
        called = shlex.join(["gitea", *arguments])
        inside = f"su git -c {shlex.quote(called)}" if self.root else called
        return f"kubectl -n {self.namespace} exec -it {self.workload} -- {inside}"

    def create_admin(self, user: str, email: str) -> str:
        """Write the command that makes an administrator, whose password it prints once."""
        # Without the last flag the first login asks for another password, and the API answers 403 until then.
        return self.gitea(
            *("admin", "user", "create", "--admin", "--username", user, "--email", email, "--random-password"),
            "--must-change-password=false",
        )

    def change_password(self, user: str) -> str:
        """Write the command that gives a user another password."""
        return self.gitea("admin", "user", "change-password", "--username", user, "--password", "NEW", "--must-change-password=false")

    def log(self) -> str:
        """Write the command that shows the end of its log."""
        return f"kubectl -n {self.namespace} logs {self.workload} --tail=50"

    def set_env(self, variables: Sequence[str]) -> str:
        """Write the command that sets NAME=value in its environment, which restarts it."""
        return f"kubectl -n {self.namespace} set env {self.workload} {shlex.join(variables)}"


def of_workload(workload: Mapping[str, Any]) -> Pod:
    """Describe the pod of a Deployment or StatefulSet."""
    spec = workload["spec"]["template"]["spec"]
    container = container_of(workload)
    ids = [(part.get("securityContext") or {}).get("runAsUser") for part in (container, spec)]
    told = next((number for number in ids if number is not None), None)
    root = "rootless" not in container.get("image", "") if told is None else told == 0
    metadata = workload["metadata"]
    return Pod(namespace=metadata["namespace"], workload=f"{workload['kind'].lower()}/{metadata['name']}", root=root)


def container_of(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the container that is Gitea: the one called so, else the first."""
    containers: Sequence[Mapping[str, Any]] = workload["spec"]["template"]["spec"]["containers"]
    return next((each for each in containers if each.get("name") == "gitea"), containers[0])

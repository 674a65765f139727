"""Where the images of a project live, as users write it: `registry` and `project`, with one meaning in every plugin."""

import re

from plugin_kit.ci import CI
from plugin_kit.reference import RegistryHost, parse_registry, repository_problem

_LOGIN_PATH = re.compile(r"/v[12]/?$")


def registry_host(text: str, *, insecure: bool) -> RegistryHost:
    """Read the setting `registry`. Raises ValueError with the reason."""
    # Docker Hub's login address, https://index.docker.io/v1/, is what plugin-docker-buildx has as default.
    registry = parse_registry(_LOGIN_PATH.sub("", text.strip()))
    if registry.scheme == "http" and not insecure:
        raise ValueError("http:// sends images and logins unprotected; set `insecure: true` if you accept that")
    return registry


def project_path(text: str, ci: CI) -> str:
    """Read the setting `project`, by default the repository's name on the forge. Raises ValueError with the reason."""
    if not text:
        if not ci.repo:
            raise ValueError("required here, since the repository's name on the forge is not known")
        return ci.repo.rsplit("/", 1)[-1].lower()
    project = text.strip("/")
    problem = repository_problem(project)
    if problem:
        raise ValueError(problem)
    return project

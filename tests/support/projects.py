"""Projects as tests of components need them."""

from typing import Any

GITEA = {"mode": "external", "endpoint": {"public_url": "http://gitea.example.lan:3000"}}


def shop(name: str = "shop", **more: Any) -> dict[str, Any]:  # noqa: ANN401  keys of a project
    """Write a project of three stages, as a person would."""
    project = {
        "name": name,
        "watched_image": "query-api",
        "chart_path": f"infra/helm/{name}",
        "stages": [
            {"name": "beta", "promotion": "auto"},
            {"name": "paper", "promotion": "auto"},
            {"name": "live", "promotion": "manual", "promoters": {"users": ["celesrenata"], "groups": ["traders"]}},
        ],
    }
    return {**project, **more}

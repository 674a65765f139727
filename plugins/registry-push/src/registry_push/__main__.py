"""Entry point of the plugin."""

import sys

from plugin_kit.cli import Plugin
from plugin_kit.cli import main as run_plugin

PLUGIN = Plugin(
    name="registry-push",
    summary="Builds every image of a repository in one step: all or nothing, and what has not changed is not built.",
    settings="registry_push.settings:Settings",
    run="registry_push.run:run",
    author="local-cicd",
    tags=("docker", "oci", "image", "buildkit", "monorepo", "registry"),
    url="https://github.com/local-cicd/local-cicd",
    container_image="registry-push",
    container_image_url="https://github.com/local-cicd/local-cicd",
    example="""\
steps:
  - name: images
    image: registry.lan:5000/local-cicd/registry-push:1.0
    settings:
      registry: registry.lan:5000
      project: shop
      builder: tcp://buildkit.buildkit.svc:1234
      images:
        - name: python-base
          dockerfile: base/Dockerfile
          push: false
        - name: query-api
          context: services/query-api
          build_contexts: {base: "target:python-base"}
        - name: dashboard
          context: frontend
""",
)


def main() -> int:
    """Run the plugin on the process's arguments and environment."""
    return run_plugin(PLUGIN)


if __name__ == "__main__":
    sys.exit(main())

"""Entry point of the plugin."""

import sys

from plugin_kit.cli import Plugin
from plugin_kit.cli import main as run_plugin

PLUGIN = Plugin(
    name="github-mirror",
    summary="Mirrors what has passed to GitHub over SSH: never blocks the pipeline, and never loses what somebody else has pushed there.",
    settings="github_mirror.settings:Settings",
    run="github_mirror.run:run",
    author="local-cicd",
    tags=("git", "mirror", "github", "ssh", "push", "backup"),
    url="https://github.com/local-cicd/local-cicd",
    container_image="github-mirror",
    container_image_url="https://github.com/local-cicd/local-cicd",
    example="""\
steps:
  - name: mirror
    image: registry.lan:5000/local-cicd/github-mirror:1.0
    failure: ignore
    settings:
      remote: git@github.com:acme/shop.git
      ssh_key: {from_secret: github_deploy_key}
      timeout: 5m
      strict: true
    when: {event: [push, tag, manual]}
""",
)


def main() -> int:
    """Run the plugin on the process's arguments and environment."""
    return run_plugin(PLUGIN)


if __name__ == "__main__":
    sys.exit(main())

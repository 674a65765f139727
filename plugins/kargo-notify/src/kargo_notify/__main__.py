"""Entry point of the plugin."""

import sys

from plugin_kit.cli import Plugin
from plugin_kit.cli import main as run_plugin
from plugin_kit.options import Action, Option

PLUGIN = Plugin(
    name="kargo-notify",
    summary="Verifies the images of a commit, releases their tags, tells Kargo and waits for the Freight.",
    settings="kargo_notify.settings:Settings",
    run="kargo_notify.run:run",
    actions=(
        Action(
            option=Option(name="--show", value="COMMIT", meaning="print which digests make up a commit (SHA, short SHA or tag), and stop"),
            run="kargo_notify.show:run",
            options=(Option(name="--json", meaning="print it as JSON", for_programs=True),),
        ),
        Action(
            option=Option(name="--prune", meaning="remove the tags of old commits from all images of the project, and stop"),
            run="kargo_notify.prune:run",
            options=(Option(name="--keep", value="N", meaning="how many of the newest released commits keep their tags", default="50"),),
        ),
    ),
    author="local-cicd",
    tags=("kargo", "gitops", "oci", "image", "verify", "release", "registry"),
    url="https://github.com/local-cicd/local-cicd",
    container_image="kargo-notify",
    container_image_url="https://github.com/local-cicd/local-cicd",
    example="""\
steps:
  - name: images
    image: registry.lan:5000/local-cicd/registry-push:1.0
    settings:
      registry: registry.lan:5000
      project: shop
      builder: tcp://buildkit.lan:1234
      discover: services/*/Dockerfile
      hold: true                      # candidates only, until the step `release`

  - name: integration-test
    image: registry.lan:5000/shop/test-runner:1
    commands:
      - ./integration-test candidate-${CI_COMMIT_SHA}
    when: &main
      - event: [push, manual]
        branch: main

  - name: release
    image: registry.lan:5000/local-cicd/kargo-notify:1.0
    settings:
      registry: registry.lan:5000
      project: shop
      watch: query-api                # what the Warehouse subscribes to
      kargo_url: https://kargo.lan
      kargo_token: {from_secret: kargo_token}
      kargo_project: shop-cd
      warehouse: images
      wait: 2m
    when: *main
""",
)


def main() -> int:
    """Run the plugin on the process's arguments and environment."""
    return run_plugin(PLUGIN)


if __name__ == "__main__":
    sys.exit(main())

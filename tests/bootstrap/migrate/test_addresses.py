"""Addresses on GitHub become those in Gitea, and files that ran pipelines on GitHub go."""

import pytest

from tests.bootstrap.check.trees import PLATFORM
from tests.bootstrap.migrate.migrating import GIT, migrated

APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: NAME}
spec:
  source:
    repoURL: ADDRESS
    targetRevision: main
"""
WITH_ARC = PLATFORM + "arc: {}\n"


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/ann/shop",
        "https://github.com/ann/shop.git",
        "https://GitHub.com/Ann/Shop.git",
        "https://ann:token@github.com/ann/shop.git",
        "git@github.com:ann/shop.git",
        "ssh://git@github.com/ann/shop.git",
        '"https://github.com/ann/shop"',
    ],
)
def test_an_application_reads_from_gitea(url: str) -> None:
    """By the very address that its login is stored under, whichever it had."""
    after = migrated({"app.yaml": APPLICATION.replace("ADDRESS", url).replace("NAME", "a")}).files["app.yaml"]
    quote = '"' if url.startswith('"') else ""
    assert after == APPLICATION.replace("ADDRESS", f"{quote}{GIT}{quote}").replace("NAME", "a")


def test_projects_stages_and_logins_name_gitea_too() -> None:
    """Everything of Argo CD and Kargo that names the repository."""
    url = "https://github.com/ann/shop.git"
    text = (
        f"apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nspec:\n  sourceRepos: ['{url}', '*']\n"
        f"---\napiVersion: kargo.akuity.io/v1alpha1\nkind: Stage\nspec: {{vars: [{{name: gitRepo, value: {url}}}]}}\n"
        "---\napiVersion: v1\nkind: Secret\nmetadata: {labels: {argocd.argoproj.io/secret-type: repository}}\n"
        f"stringData: {{url: {url}}}\n"
        f"---\napiVersion: v1\nkind: ConfigMap\ndata: {{homepage: {url}}}\n"
    )
    after = migrated({"all.yaml": text}).files["all.yaml"]
    assert after == text.replace(url, GIT, 3)


def test_other_repositories_stay_and_are_named() -> None:
    """They are no project of the platform; charts of others are no repository of ours at all."""
    text = APPLICATION.replace("NAME", "a").replace("ADDRESS", "https://github.com/acme/infra")
    outcome = migrated({"app.yaml": text, "chart.yaml": text.replace("targetRevision: main", "chart: x")})
    assert (outcome.files["app.yaml"], outcome.looks) == (
        text,
        ("app.yaml:6: github.com/acme/infra is no repository of a project in platform.yaml",),
    )


def test_an_application_that_the_platform_makes_is_named() -> None:
    """Applied by hand it would follow the branch that is built."""
    outcome = migrated({"app.yaml": APPLICATION.replace("NAME", "shop-beta").replace("ADDRESS", "https://github.com/ann/shop")})
    assert outcome.looks == (
        "app.yaml:7: `bootstrap up` makes the Application shop-beta, which follows stage/beta; this file would make it follow main",
    )
    again = migrated(outcome.files)
    assert (again.plan.changes, again.looks) == ((), outcome.looks)


def test_an_application_follows_its_stage_whatever_is_built() -> None:
    """By the rule that `check` has, too."""
    text = APPLICATION.replace("NAME", "shop-beta").replace("ADDRESS", GIT)
    (said,) = migrated({"app.yaml": text.replace(" main", " release/1.x")}).looks
    assert said.endswith("this file would make it follow release/1.x")
    assert migrated({"app.yaml": text.replace(" main", " stage/beta")}).looks == ()


ARC = {
    "arc/values.yaml": "replicaCount: 1\nimage: {repository: ghcr.io/actions/controller}\n",
    "arc/scale-set.yaml": "githubConfigUrl: https://github.com/ann/shop\n",
    "arc/rbac.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner, namespace: arc-system}\n",
    "arc/kustomization.yaml": "resources: [rbac.yaml]\n",
    "pvs/arc-pv.yaml": "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pipeline-arc-pv}\n",
    "pvs/other-pv.yaml": "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: other}\n",
    "kustomization.yaml": "resources:\n  - arc\n  - pvs/arc-pv.yaml\n  - pvs/other-pv.yaml\n",
    "up.sh": "kubectl apply -f arc/rbac.yaml\n",
}


def test_what_is_for_the_runners_goes_with_what_lists_it() -> None:
    """Where the platform takes their place."""
    outcome = migrated(ARC, platform=WITH_ARC)
    assert sorted(outcome.files) == [".woodpecker.yml", "kustomization.yaml", "pvs/other-pv.yaml", "up.sh"]
    assert outcome.files["kustomization.yaml"] == "resources:\n  - pvs/other-pv.yaml\n"
    assert outcome.looks == ("up.sh:1: names arc/rbac.yaml, which goes",)


def test_the_runners_of_others_stay() -> None:
    """Where platform.yaml says nothing of them."""
    outcome = migrated({name: text for name, text in ARC.items() if "values" not in name})
    assert not outcome.plan.changes
    assert outcome.looks == ("arc/scale-set.yaml:1: is for Actions Runner Controller, which platform.yaml does not name",)


def test_workflows_that_build_images_go_and_others_are_named() -> None:
    """GitHub would run them for what is mirrored to it."""
    files = {
        ".github/workflows/build.yml": "jobs:\n  lint:\n    steps: [{run: ruff check}]\n  image:\n    steps: [{run: docker build .}]\n",
        ".github/workflows/lint.yml": "jobs: {lint: {runs-on: ubuntu-latest, steps: [{run: ruff check}]}}\n",
        ".github/workflows/deploy.yml": "jobs: {x: {runs-on: arc-runner-set, steps: [{run: echo ghcr.io}]}}\n",
    }
    outcome = migrated(files)
    assert ".github/workflows/build.yml" not in outcome.files
    (change,) = outcome.plan.changes
    assert change.reasons[0].text.endswith("look whether .woodpecker.yml does what these jobs did: lint")
    assert [look.partition(": ")[0] for look in outcome.looks] == [".github/workflows/deploy.yml:1"]

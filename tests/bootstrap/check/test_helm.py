"""Charts, rendered by a real Helm 3 and 4."""

from pathlib import Path

from bootstrap.results.result import Outcome
from tests.bootstrap.check.trees import PLATFORM, RENDERED, REPOSITORY, Scene, changed, failed, told, write

API = "chart/templates/api.yaml"
NAME = "helm-rendering"
WOODPECKER = {
    "woodpecker/Chart.yaml": "apiVersion: v2\nname: woodpecker\nversion: 3.6.5\n",
    "woodpecker/templates/config.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: env}\ndata:\n  host: {{ .Values.server.env.WOODPECKER_HOST | quote }}\n"
    ),
}


def test_a_chart_is_rendered_for_each_stage(helm_scene: Scene) -> None:
    """With the values files that its Application names."""
    result = helm_scene.check(None, REPOSITORY)[NAME]
    assert (result.outcome, result.looked.at, told(result)) == (Outcome.OK, "2 renderings of 1 chart, 2 objects", [])


def test_without_platform_yaml_each_values_file_is_a_rendering(helm_scene: Scene) -> None:
    """Nothing says then which stages there are."""
    result = helm_scene.check(None, REPOSITORY, platform=None)[NAME]
    assert (result.outcome, result.looked.at) == (Outcome.OK, "3 renderings of 1 chart, 3 objects")


def test_a_template_that_fails_is_named_with_its_line(helm_scene: Scene) -> None:
    """Once for each stage that it fails for."""
    broken = changed(REPOSITORY, API, "{{ .Values.replicas }}", "{{ .Values.replicas.count }}")
    results = helm_scene.check(None, broken)
    assert failed(results) == [NAME]
    first, second = told(results[NAME])
    assert first.startswith("chart/templates/api.yaml:6: Helm can't render")
    assert "with values.yaml, values-beta.yaml" in first
    assert "with values.yaml, values-live.yaml" in second
    assert "count" in first


def test_a_template_whose_output_is_no_yaml_is_named(helm_scene: Scene) -> None:
    """Helm names a line of the output, which nobody has: so no line is told."""
    broken = changed(REPOSITORY, API, "      labels: {app: api}", "      labels: {app: api")
    results = helm_scene.check(None, broken)
    assert failed(results) == [NAME]
    assert told(results[NAME])[0].startswith("chart/templates/api.yaml: Helm can't render")


def test_what_comes_out_is_held_against_its_schema(helm_scene: Scene) -> None:
    """A value that becomes a text where a number is wanted: only one stage has it."""
    broken = changed(REPOSITORY, "chart/values-live.yaml", "replicas: 3", "replicas: '\"three\"'")
    results = helm_scene.check(None, broken)
    assert failed(results) == [NAME]
    assert told(results[NAME]) == [
        "chart/templates/api.yaml: Deployment api, with values.yaml, values-live.yaml: spec.replicas: must be a whole number"
    ]


def test_a_values_file_that_is_missing_is_named(helm_scene: Scene) -> None:
    """Argo CD would fail on it."""
    files = {name: text for name, text in REPOSITORY.items() if name != "chart/values-live.yaml"}
    results = helm_scene.check(None, files)
    assert failed(results) == [NAME]
    assert "there is no values file values-live.yaml, which Helm is given for live" in told(results[NAME])[0]


def test_a_values_file_without_the_key_of_the_tag_is_told(helm_scene: Scene) -> None:
    """A promotion changes only keys that are there."""
    results = helm_scene.check(None, {**REPOSITORY, "chart/values-beta.yaml": "replicas: 2\n"})
    assert failed(results) == [NAME]
    assert told(results[NAME]) == [
        "chart/values-beta.yaml:1: there is no `image.tag`, which a promotion to beta sets: Kargo changes only keys that are there"
    ]


def test_charts_that_a_chart_depends_on_and_that_are_not_there_are_told(helm_scene: Scene) -> None:
    """That is no mistake: Argo CD fetches them. But then nothing was rendered."""
    dependent = (
        f"{REPOSITORY['chart/Chart.yaml']}dependencies:\n  - {{name: db, version: 1.0.0, repository: 'https://charts.example.lan'}}\n"
    )
    result = helm_scene.check(None, {**REPOSITORY, "chart/Chart.yaml": dependent})[NAME]
    assert result.outcome is Outcome.SKIPPED
    assert "helm dependency build" in result.looked.unseen[0]


def test_a_chart_that_platform_yaml_does_not_know_is_told(helm_scene: Scene) -> None:
    """Argo CD would look for it at a path that does not exist."""
    files = {name.replace("chart/", "deploy/"): text for name, text in REPOSITORY.items()}
    results = helm_scene.check(None, files)
    assert failed(results) == [NAME]
    assert told(results[NAME])[0].endswith("repository: there is no chart chart; there is deploy")


def test_an_image_that_a_template_takes_from_elsewhere_is_found_in_what_it_becomes(helm_scene: Scene) -> None:
    """No values file names it."""
    broken = changed(REPOSITORY, API, "{{ .Values.image.registry }}/api:", "docker.io/shop/api:")
    results = helm_scene.check(None, broken)
    assert failed(results) == ["image-registry"]
    assert told(results["image-registry"])[0].startswith(
        "chart/templates/api.yaml: docker.io/shop/api:latest (rendered with beta) is in docker.io"
    )


def test_a_pull_secret_of_a_template_is_found_in_what_it_becomes(helm_scene: Scene) -> None:
    """The values file is in order; the template has a name of its own."""
    broken = changed(REPOSITORY, API, "      containers:", "      imagePullSecrets: [{name: regcred}]\n      containers:")
    assert failed(helm_scene.check(None, broken)) == ["ghcr-remnants"]


def test_an_application_that_deploys_into_the_platform_is_found(helm_scene: Scene) -> None:
    """A namespace that stands in a template."""
    broken = changed(REPOSITORY, API, "  name: api\n", "  name: api\n  namespace: woodpecker\n")
    results = helm_scene.check(RENDERED, broken)
    assert failed(results) == ["namespace-isolation"]
    assert told(results["namespace-isolation"])[0].startswith(
        "chart/templates/api.yaml: Deployment woodpecker/api: woodpecker is meant for"
    )


def test_an_application_that_leaves_its_stage_is_a_warning(helm_scene: Scene) -> None:
    """Both stages would then be one."""
    broken = changed(REPOSITORY, API, "  name: api\n", "  name: api\n  namespace: elsewhere\n")
    result = helm_scene.check(None, broken)["namespace-isolation"]
    assert result.outcome is Outcome.WARNING
    assert "is put into the namespace elsewhere, not into shop-beta" in told(result)[0]


def test_a_pod_that_mounts_a_folder_of_the_platform_is_found(helm_scene: Scene) -> None:
    """The application would write into Argo CD's export."""
    mount = "      volumes: [{name: data, nfs: {server: 192.0.2.8, path: /volume1/pipelines/argocd}}]\n      containers:"
    results = helm_scene.check(RENDERED, changed(REPOSITORY, API, "      containers:", mount))
    assert failed(results) == ["nfs-paths"]
    assert (
        "Deployment api has 192.0.2.8:/volume1/pipelines/argocd, the same folder as PersistentVolume pipeline-argocd-pv"
        in (told(results["nfs-paths"])[0])
    )


def test_a_chart_of_the_platform_is_rendered_where_it_can_be_had(helm_scene: Scene, tmp_path: Path) -> None:
    """From the folder that --charts names; the others are said not to have been looked at."""
    result = helm_scene.check(RENDERED, charts=write(tmp_path / "charts", WOODPECKER))[NAME]
    assert (result.outcome, result.looked.at) == (Outcome.OK, "1 rendering of 1 chart, 1 object")
    command = "mkdir -p charts && helm pull oci://ghcr.io/akuity/kargo-charts/kargo --version 1.11.2 -d charts"
    assert result.looked.unseen == (f"the chart kargo 1.11.2 is not on this machine: {command}, then --charts charts",)


def test_a_chart_is_pulled_from_where_platform_yaml_has_it(helm_scene: Scene) -> None:
    """Nothing is to be pulled for a path; without platform.yaml it is not known from where."""
    sources = {
        "{source: 'https://charts.example.lan', version: 1.2.3}": (
            "the chart kargo 1.2.3 is not on this machine: mkdir -p charts && helm pull kargo --repo https://charts.example.lan"
            " --version 1.2.3 -d charts, then --charts charts"
        ),
        "{source: ./kargo.tgz, version: 1.2.3}": (
            "the chart kargo 1.2.3 is not on this machine: platform.yaml names ./kargo.tgz, and nothing is there"
        ),
    }
    for chart, said in sources.items():
        result = helm_scene.check(RENDERED, platform=f"{PLATFORM}kargo: {{chart: {chart}}}\n")[NAME]
        assert said in result.looked.unseen
    unseen = helm_scene.check(RENDERED, platform=None)[NAME].looked.unseen
    assert "the chart kargo is not on this machine (`helm pull` it and name its folder in --charts)" in unseen


def test_values_that_a_chart_of_the_platform_does_not_take_fail(helm_scene: Scene, tmp_path: Path) -> None:
    """Here the chart asks for a map where the values have none."""
    broken = {**RENDERED, "woodpecker/values.yaml": "server: []\n"}
    results = helm_scene.check(broken, charts=write(tmp_path / "charts", WOODPECKER))
    assert NAME in failed(results)
    assert "Helm can't render" in told(results[NAME])[0]


def test_without_helm_it_says_what_was_not_rendered(scene: Scene) -> None:
    """The other checks go on."""
    result = scene.check(None, REPOSITORY)[NAME]
    assert result.outcome is Outcome.SKIPPED
    assert result.looked.unseen == ("2 renderings of charts: Helm is not installed (helm.sh/docs/intro/install)",)

"""The model behind platform.yaml: what is filled in, and what the components read from it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from bootstrap import __version__
from bootstrap.platform.chart import Chart
from bootstrap.platform.load import parse
from bootstrap.platform.platform import Platform
from bootstrap.platform.quantity import size_in_bytes
from bootstrap.platform.secret_ref import RecordedSecretRef, SecretRef
from bootstrap.platform.section import Section
from plugin_kit.shape import Kind, Shape, settings_of

HEAD = """\
domain: example.lan
prerequisites: {cert_manager: {mode: install}}
"""
INSTALLED = "gitea: {mode: install}\nregistry: {mode: install}\n"
SHOP = """\
projects:
  - name: shop
    watched_image: api
    chart_path: ./deploy/shop/
    stages:
      - {name: beta, promotion: auto}
      - {name: live, promotion: auto}
"""
MODELS = Shape(kind=Kind.MODEL, model=Platform).all_models


def platform(text: str = "", *, services: str = INSTALLED) -> Platform:
    """Return the platform of a file."""
    return parse(HEAD + services + text, Path("platform.yaml")).platform


def test_hosts_are_made_of_the_domain() -> None:
    """Those that are not given."""
    found = platform("kargo: {host: promote.example.org}\n")
    assert found.gitea.endpoint.public_url == "https://gitea.example.lan"
    assert [found.registry.host, found.woodpecker.host, found.argo_cd.host, found.kargo.host] == [
        "registry.example.lan",
        "ci.example.lan",
        "argocd.example.lan",
        "promote.example.org",
    ]


def test_one_address_stands_for_all_three() -> None:
    """Until another one is given; a slash at the end is dropped, since paths are put behind it."""
    services = "gitea: {mode: external, endpoint: {public_url: 'https://git.lan/'}}\nregistry: {mode: install}\n"
    endpoint = platform(services=services).gitea.endpoint
    assert (endpoint.public_url, endpoint.cluster_url, endpoint.bootstrap_url) == ("https://git.lan",) * 3
    assert not endpoint.plain_http


def test_pods_reach_a_gitea_that_is_installed_by_its_service() -> None:
    """In the namespace that it gets."""
    services = "gitea: {mode: install, namespace: forge}\nregistry: {mode: install}\n"
    endpoint = platform(services=services).gitea.endpoint
    assert (endpoint.cluster_url, endpoint.bootstrap_url) == ("http://gitea.forge.svc:3000", "https://gitea.example.lan")
    assert endpoint.plain_http


def test_a_project_needs_few_words() -> None:
    """Everything else is made of its name and of those of its stages."""
    project = platform(SHOP).projects[0]
    assert project.repository.full_name == "platform/shop"
    assert (project.registry_project, project.kargo.namespace, project.chart_path) == ("shop", "shop-cd", "deploy/shop")
    assert [(s.namespace, s.application, s.branch, s.after, s.tag_file) for s in project.stages] == [
        ("shop-beta", "shop-beta", "stage/beta", None, "values-beta.yaml"),
        ("shop-live", "shop-live", "stage/live", "beta", "values-live.yaml"),
    ]
    assert project.chart_files == tuple(f"deploy/shop/{name}" for name in ("values.yaml", "values-beta.yaml", "values-live.yaml"))


def test_the_administrators_name_is_that_of_repositories_and_of_woodpeckers_administrator() -> None:
    """Unless others are given."""
    services = "gitea: {mode: install, admin: {name: forge-bot}}\nregistry: {mode: install}\n"
    found = platform(SHOP, services=services)
    assert (found.projects[0].repository.owner, found.woodpecker.admins) == ("forge-bot", ("forge-bot",))
    found = platform("woodpecker: {admins: [alice]}\n" + SHOP.replace("    watched", "    repository: {owner: team}\n    watched"))
    assert (found.projects[0].repository.owner, found.woodpecker.admins) == ("team", ("alice",))


def test_steps_run_where_the_chart_is_installed() -> None:
    """With the storage class of the prerequisites."""
    text = "woodpecker: {chart: {namespace: ci, release: wp}}\n"
    woodpecker = parse((HEAD + INSTALLED + text).replace("install}}", "install}, storage_class: fast}", 1), Path("p")).platform.woodpecker
    assert (woodpecker.workspace.namespace, woodpecker.workspace.storage_class) == ("ci", "fast")
    assert (woodpecker.cluster_url, woodpecker.public_url) == ("http://wp-server.ci.svc", "https://ci.example.lan")


def test_this_commands_own_address_of_woodpecker_may_differ() -> None:
    """A port-forward, while the name does not resolve yet."""
    assert platform().woodpecker.api_url == "https://ci.example.lan"
    assert platform("woodpecker: {bootstrap_url: 'http://127.0.0.1:8000'}\n").woodpecker.api_url == "http://127.0.0.1:8000"


def test_our_own_images_have_one_name_everywhere() -> None:
    """In pipelines, secrets' image lists and pods."""
    assert platform().image("registry-push") == f"registry.example.lan/local-cicd/registry-push:{__version__}"


@pytest.mark.parametrize(("source", "is_layout"), [("./images", True), ("/srv/images", True), ("~/i", True), ("r.lan/local-cicd", False)])
def test_images_come_from_a_folder_or_a_registry(source: str, is_layout: bool) -> None:
    """Told apart by how the text begins."""
    assert platform(f"images: {{source: {source}}}\n").images.is_layout is is_layout


@pytest.mark.parametrize(
    ("source", "reference", "is_local"),
    [
        ("oci://ghcr.io/akuity/kargo-charts", "oci://ghcr.io/akuity/kargo-charts/kargo", False),
        ("https://charts.example.lan/", "kargo", False),
        ("./charts/kargo", "./charts/kargo", True),
        ("/srv/kargo-1.11.2.tgz", "/srv/kargo-1.11.2.tgz", True),
    ],
)
def test_a_chart_has_the_reference_that_helm_takes(source: str, reference: str, is_local: bool) -> None:
    """An OCI reference, a path, or the name beside `--repo`."""
    chart = platform(f"kargo: {{chart: {{source: '{source}'}}}}\n").kargo.chart
    assert (chart.reference, chart.is_local, chart.version) == (reference, is_local, "1.11.2")


def test_changing_one_key_of_a_chart_keeps_the_others() -> None:
    """Each component has its own defaults."""
    chart = platform("argo_cd: {chart: {version: 10.2.0, timeout: 20m, values: {a: {b: 1}}}}\n").argo_cd.chart
    assert (chart.name, chart.version, chart.release, chart.timeout) == ("argo-cd", "10.2.0", "argocd", timedelta(minutes=20))
    assert chart.values == {"a": {"b": 1}}


@pytest.mark.parametrize(("text", "size"), [("5Gi", 5 * 2**30), ("10G", 10**10), ("1.5Ki", 1536), ("100M", 10**8), ("7", 7)])
def test_sizes_are_compared_in_bytes(text: str, size: int) -> None:
    """Thousands and 1024s."""
    assert size_in_bytes(text) == size


@pytest.mark.parametrize("text", ["5gb", "-1Gi", "", "Gi", "1 Gi"])
def test_what_is_no_size_has_no_bytes(text: str) -> None:
    """And says so."""
    with pytest.raises(ValueError, match="is not a size"):
        size_in_bytes(text)


def test_a_secret_says_where_it_comes_from() -> None:
    """For the plan and for errors; the value is never part of it."""
    refs: list[tuple[SecretRef, str]] = [
        (SecretRef(env="TOKEN"), "environment variable TOKEN"),
        (SecretRef(file="secrets/key"), "file secrets/key"),
        (SecretRef.model_validate({"secret": {"namespace": "a", "name": "b", "key": "c"}}), "Secret a/b, key c"),
        (RecordedSecretRef(generate=True), "generated once and kept in the cluster"),
        (RecordedSecretRef(env="TOKEN"), "environment variable TOKEN"),
        (SecretRef.model_validate("hunter2", context={"allow_plain_secrets": True}), "platform.yaml"),
    ]
    assert [ref.source for ref, _ in refs] == [expected for _, expected in refs]


def test_the_model_can_not_be_changed() -> None:
    """What the plan has seen is what `up` does."""
    found = platform(SHOP)
    with pytest.raises(ValidationError):
        setattr(found.kargo, "host", "other.lan")  # noqa: B010  a checker would refuse the assignment


def _keys() -> Iterator[tuple[str, type[BaseModel], str]]:
    for model in MODELS:
        for name in settings_of(model):
            yield f"{model.__name__}.{name}", model, name


@pytest.mark.parametrize(("model", "name"), [pytest.param(model, name, id=label) for label, model, name in _keys()])
def test_every_key_is_explained(model: type[BaseModel], name: str) -> None:
    """In sentences; they are the documentation, the schema and the comments of `bootstrap init`."""
    text = settings_of(model)[name].description
    assert text.endswith("."), text
    assert text[0].isupper() or text.startswith("`"), text


def test_every_map_is_a_section() -> None:
    """Unknown keys are refused everywhere, and nothing can be changed."""
    for model in MODELS:
        assert issubclass(model, Section)
        assert (model.model_config.get("extra"), model.model_config.get("frozen")) == ("forbid", True)


def test_a_chart_of_a_component_has_every_default() -> None:
    """Who changes the version only must not have to know the rest."""
    charts = [model for model in MODELS if issubclass(model, Chart)]
    assert len(charts) == 5
    for chart in charts:
        assert [name for name, setting in settings_of(chart).items() if setting.required] == []

"""What pods log in to GHCR with, in values and in manifests."""

from dataclasses import dataclass

import pytest

from tests.bootstrap.check.trees import PLATFORM
from tests.bootstrap.migrate.migrating import LOGIN, migrated

CHART = {"chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n"}
READS = {"chart/templates/a.yaml": "a: {{ toYaml .Values.imagePullSecrets }}\n"}
WITH_LOGIN = PLATFORM.replace("registry: {mode: external, host: registry.example.lan, namespace: git-server}", LOGIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A way to write a login, and what becomes of it."""

    name: str
    before: str
    after: str
    looks: tuple[str, ...] = ()


VALUES_FORMS = (
    Form(name="ghcrAuth", before="a: 1\nghcrAuth:\n  enabled: true\n", after="a: 1\n"),
    Form(name="ghcr_credentials", before="ghcr_credentials: {username: ann, password: xyz}\na: 1\n", after="a: 1\n"),
    Form(name="ghcr with a token", before="ghcr:\n  username: ann\n  token: xyz\na: 1\n", after="a: 1\n"),
    Form(
        name="a login by its registry",
        before="imageCredentials:\n  registry: ghcr.io\n  username: ann\n  password: xyz\na: 1\n",
        after="a: 1\n",
    ),
    Form(
        name="a login of another registry",
        before="imageCredentials:\n  registry: quay.io\n  username: ann\n  password: xyz\na: 1\n",
        after="imageCredentials:\n  registry: quay.io\n  username: ann\n  password: xyz\na: 1\n",
    ),
    Form(name="the only one in its map", before="auth:\n  ghcrAuth:\n    enabled: true\na: 1\n", after="auth: {}\na: 1\n"),
    Form(name="pull secrets", before="imagePullSecrets:\n  - name: ghcr-credentials\na: 1\n", after="a: 1\n"),
    Form(name="pull secrets as texts", before="image:\n  pullSecrets: [ghcr-credentials]\n  tag: x\n", after="image:\n  tag: x\n"),
    Form(name="global pull secrets", before="global:\n  imagePullSecrets:\n    - ghcr-credentials\na: 1\n", after="global: {}\na: 1\n"),
    Form(name="any name where no login is asked for", before="imagePullSecrets: [{name: regcred}]\na: 1\n", after="a: 1\n"),
    Form(
        name="that of another registry",
        before="imagePullSecrets:\n  - name: ghcr-credentials\n  - name: dockerhub-login\n",
        after="imagePullSecrets:\n  - name: dockerhub-login\n",
        looks=("chart/values.yaml:1: dockerhub-login is left: by its name it is the login for another registry",),
    ),
    Form(name="one name", before="imagePullSecret: ghcr-credentials  # it\na: 1\n", after="a: 1\n"),
    Form(name="an empty list", before="imagePullSecrets: []\n", after="imagePullSecrets: []\n"),
)


@pytest.mark.parametrize("form", VALUES_FORMS, ids=lambda form: form.name)
def test_a_login_in_values_goes(form: Form) -> None:
    """And a second run has nothing to do."""
    outcome = migrated({**CHART, "chart/values.yaml": form.before})
    assert outcome.files["chart/values.yaml"] == form.after
    assert outcome.looks == form.looks
    assert not migrated(outcome.files).plan.changes


def test_a_list_that_templates_read_stays_empty() -> None:
    """`toYaml` of nothing is no list."""
    outcome = migrated({**CHART, **READS, "chart/values.yaml": "imagePullSecrets:  # for kubelet\n  - name: ghcr\na: 1\n"})
    assert outcome.files["chart/values.yaml"] == "imagePullSecrets: []  # for kubelet\na: 1\n"


def test_a_name_that_templates_read_becomes_empty() -> None:
    """With its quotes."""
    template = {"chart/templates/a.yaml": "{{ with .Values.pullSecret }}imagePullSecrets: [{name: {{ . }}}]{{ end }}\n"}
    outcome = migrated({**CHART, **template, "chart/values.yaml": "pullSecret: 'ghcr-credentials' # x\n"})
    assert outcome.files["chart/values.yaml"] == "pullSecret: '' # x\n"
    outcome = migrated({**CHART, **template, "chart/values.yaml": "pullSecret: ghcr-credentials # x\n"})
    assert outcome.files["chart/values.yaml"] == 'pullSecret: "" # x\n'


def test_where_the_registry_asks_for_a_login_only_that_of_ghcr_goes() -> None:
    """The other one may be the new one."""
    files = {**CHART, "chart/values.yaml": "imagePullSecrets:\n  - name: regcred\n  - name: ghcr\n"}
    assert migrated(files, platform=WITH_LOGIN).files["chart/values.yaml"] == "imagePullSecrets:\n  - name: regcred\n"


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  imagePullSecrets:
    - name: ghcr-login
  containers:
    - {name: a, image: ghcr.io/ann/shop/api}
"""
ACCOUNT = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\nimagePullSecrets: [{name: ghcr-login}]\n"
SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: NAME
type: kubernetes.io/dockerconfigjson
data:
  .dockerconfigjson: eyJhdXRocyI6eyJnaGNyLmlvIjp7fX19
"""


def test_manifests_lose_the_secret_and_what_asks_for_it() -> None:
    """Whatever it is called: what is in it says that it is for GHCR."""
    files = {
        "k8s/pod.yaml": POD.replace("ghcr-login", "kubelet-login"),
        "k8s/account.yaml": ACCOUNT,
        "k8s/all.yaml": "a: 1\n---\n" + SECRET.replace("NAME", "kubelet-login") + "---\nb: 1\n",
        "k8s/secret.yaml": SECRET.replace("NAME", "ghcr-login"),
    }
    outcome = migrated(files, platform=WITH_LOGIN)
    assert outcome.files["k8s/pod.yaml"] == POD.replace("  imagePullSecrets:\n    - name: ghcr-login\n", "").replace(
        "ghcr.io/ann/shop", "registry.example.lan/shop"
    )
    assert outcome.files["k8s/account.yaml"] == "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n"
    assert outcome.files["k8s/all.yaml"] == "a: 1\n---\nb: 1\n"
    assert "k8s/secret.yaml" not in outcome.files


@pytest.mark.parametrize("kind", ["SealedSecret", "ExternalSecret"])
def test_what_becomes_the_secret_goes_by_its_name(kind: str) -> None:
    """Its content can't be read."""
    text = f"apiVersion: example.lan/v1\nkind: {kind}\nmetadata: {{name: ghcr-credentials}}\nspec: {{encryptedData: {{x: AgB}}}}\n"
    assert "k8s/s.yaml" not in migrated({"k8s/s.yaml": text}).files


def test_a_secret_for_another_registry_stays() -> None:
    """Also beside GHCR's."""
    text = SECRET.replace("NAME", "quay").replace("eyJhdXRocyI6eyJnaGNyLmlvIjp7fX19", "eyJhdXRocyI6eyJxdWF5LmlvIjp7fX19")
    assert migrated({"k8s/s.yaml": text, "k8s/pod.yaml": POD}).files["k8s/s.yaml"] == text


def test_a_kustomization_no_longer_makes_or_lists_the_secret() -> None:
    """Otherwise it could not be built."""
    text = (
        "resources:\n  - pod.yaml\n  - secret.yaml\nsecretGenerator:\n  - name: ghcr-login\n    type: kubernetes.io/dockerconfigjson\n"
        "    files: [.dockerconfigjson]\n  - name: other\n    literals: [a=b]\n"
    )
    files = {"k8s/kustomization.yaml": text, "k8s/pod.yaml": POD, "k8s/secret.yaml": SECRET.replace("NAME", "ghcr-login")}
    assert (
        migrated(files).files["k8s/kustomization.yaml"]
        == "resources:\n  - pod.yaml\nsecretGenerator:\n  - name: other\n    literals: [a=b]\n"
    )


def test_a_pipeline_that_is_there_pushes_to_the_platforms_registry_and_keeps_its_settings() -> None:
    """Which of them a plugin can do without is not known."""
    text = (
        "steps:\n  - name: build\n    image: woodpeckerci/plugin-docker-buildx:5\n    settings:\n      registry: ghcr.io\n"
        "      repo: ghcr.io/ann/shop/api\n      username: ann\n      password: {from_secret: ghcr_token}\n"
    )
    outcome = migrated({".woodpecker.yml": text})
    assert outcome.files[".woodpecker.yml"] == text.replace("ghcr.io/ann/shop", "registry.example.lan/shop").replace(
        "registry: ghcr.io", "registry: registry.example.lan"
    )
    assert outcome.looks == (".woodpecker.yml:8: ghcr_token is the login for GHCR",)

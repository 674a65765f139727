"""Templates of charts: what hands a login for GHCR to pods goes, in the forms that are well understood; everything else is named."""

from dataclasses import dataclass

import pytest

from tests.bootstrap.check.trees import PLATFORM
from tests.bootstrap.migrate.migrating import LOGIN, migrated

CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "chart/values.yaml": "ghcrAuth:\n  enabled: true\n  secretName: ghcr-credentials\nreplicas: 1\n",
}
PATH = "chart/templates/api.yaml"
POD = "kind: Pod\nspec:\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A way to write a template, and what becomes of it."""

    name: str
    before: str
    after: str
    looks: tuple[str, ...] = ()


FORMS = (
    Form(
        name="a list with one Secret",
        before=f"{POD}  imagePullSecrets:\n    - name: ghcr-credentials\n  containers: []\n",
        after=f"{POD}  containers: []\n",
    ),
    Form(
        name="items at the indent of their key",
        before=f"{POD}  imagePullSecrets:\n  - name: ghcr-credentials\n  containers: []\n",
        after=f"{POD}  containers: []\n",
    ),
    Form(
        name="in one line",
        before=f"{POD}  imagePullSecrets: [{{name: ghcr-credentials}}]\n  containers: []\n",
        after=f"{POD}  containers: []\n",
    ),
    Form(
        name="one of two",
        before=f"{POD}  imagePullSecrets:\n    - name: ghcr-credentials\n    - name: dockerhub\n  containers: []\n",
        after=f"{POD}  imagePullSecrets:\n    - name: dockerhub\n  containers: []\n",
    ),
    Form(
        name="named in the values",
        before=f"{POD}  imagePullSecrets:\n    - name: {{{{ .Values.ghcrAuth.secretName }}}}\n  containers: []\n",
        after=f"{POD}  containers: []\n",
    ),
    Form(
        name="a block around all of it",
        before=f"{POD}  {{{{- if .Values.ghcrAuth.enabled }}}}\n  imagePullSecrets:\n    - name: x\n  {{{{- end }}}}\n  containers: []\n",
        after=f"{POD}  containers: []\n",
    ),
    Form(
        name="a block inside of the list",
        before=f"{POD}  imagePullSecrets:\n    {{{{- if .Values.ghcrAuth }}}}\n    - name: x\n    {{{{- end }}}}\n  containers: []\n",
        after=f"{POD}  containers: []\n",
    ),
    Form(
        name="a block with a second condition",
        before=f"{POD}  {{{{- if and .Values.a .Values.ghcrAuth.enabled }}}}\n  imagePullSecrets:\n    - name: x\n  {{{{- end }}}}\n",
        after=POD,
    ),
    Form(
        name="a block with the variable of the root",
        before=f"{POD}  {{{{- with $.Values.ghcrAuth.secretName }}}}\n  imagePullSecrets:\n    - name: {{{{ . }}}}\n  {{{{- end }}}}\n",
        after=POD,
    ),
    Form(
        name="any list from the values stays",
        before=f"{POD}  {{{{- with .Values.imagePullSecrets }}}}\n  imagePullSecrets: {{{{- toYaml . | nindent 4 }}}}\n  {{{{- end }}}}\n",
        after=f"{POD}  {{{{- with .Values.imagePullSecrets }}}}\n  imagePullSecrets: {{{{- toYaml . | nindent 4 }}}}\n  {{{{- end }}}}\n",
    ),
    Form(
        name="a literal name of an image",
        before='image: "ghcr.io/ann/shop/api:{{ .Values.tag }}"\n',
        after='image: "registry.example.lan/shop/api:{{ .Values.tag }}"\n',
    ),
    Form(
        name="a literal beginning",
        before='a: ghcr.io/ann/shop/{{ .name }}:{{ .tag }}\nb: "{{ default "ghcr.io/ann/shop" .Values.registry }}/web"\n',
        after=(
            'a: registry.example.lan/shop/{{ .name }}:{{ .tag }}\nb: "{{ default "registry.example.lan/shop" .Values.registry }}/web"\n'
        ),
    ),
    Form(
        name="comments stay",
        before="{{/* ghcr.io/ann/shop/api */}}\nkind: Pod # from ghcr.io/ann/shop\n",
        after="{{/* ghcr.io/ann/shop/api */}}\nkind: Pod # from ghcr.io/ann/shop\n",
    ),
    Form(
        name="the other way round is not understood",
        before=f"{POD}  {{{{- if not .Values.ghcrAuth.enabled }}}}\n  hostNetwork: true\n  {{{{- end }}}}\n",
        after=f"{POD}  {{{{- if not .Values.ghcrAuth.enabled }}}}\n  hostNetwork: true\n  {{{{- end }}}}\n",
        looks=(f"{PATH}:3: ghcrAuth is used in a way that is not understood",),
    ),
    Form(
        name="with an else it is not understood",
        before=f"{POD}  {{{{- if .Values.ghcrAuth.enabled }}}}\n  a: 1\n  {{{{- else }}}}\n  a: 2\n  {{{{- end }}}}\n",
        after=f"{POD}  {{{{- if .Values.ghcrAuth.enabled }}}}\n  a: 1\n  {{{{- else }}}}\n  a: 2\n  {{{{- end }}}}\n",
        looks=(f"{PATH}:3: ghcrAuth is used in a way that is not understood",),
    ),
    Form(
        name="a name made of parts is not understood",
        before="image: ghcr.io/{{ .Values.owner }}/api\n",
        after="image: ghcr.io/{{ .Values.owner }}/api\n",
        looks=(f"{PATH}:1: ghcr.io alone",),
    ),
    Form(
        name="a block that never ends",
        before="{{- if .Values.ghcrAuth.enabled }}\nimage: ghcr.io/ann/shop/api\n",
        after="{{- if .Values.ghcrAuth.enabled }}\nimage: registry.example.lan/shop/api\n",
        looks=(f"{PATH}: has a block without an end", f"{PATH}:1: ghcrAuth is used"),
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_template_loses_the_login_for_ghcr(form: Form) -> None:
    """And nothing else."""
    outcome = migrated({**CHART, PATH: form.before})
    assert outcome.files.get(PATH) == form.after
    said = [look for look in outcome.looks if look.startswith(PATH) and "still reads" not in look and "reads .Values" not in look]
    assert len(said) == len(form.looks), outcome.looks
    assert all(each.startswith(wanted) for each, wanted in zip(said, form.looks, strict=True)), outcome.looks


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_templates_with_windows_line_ends_keep_them(form: Form) -> None:
    """The same, with CRLF."""
    files = {name: text.replace("\n", "\r\n") for name, text in {**CHART, PATH: form.before}.items()}
    assert migrated(files).files.get(PATH) == form.after.replace("\n", "\r\n")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_template_that_was_changed_is_left_alone(form: Form) -> None:
    """A second run has nothing to do."""
    assert not migrated(migrated({**CHART, PATH: form.before}).files).plan.changes


def test_a_value_that_a_template_still_reads_stays() -> None:
    """Without it the chart could no longer be rendered."""
    outcome = migrated({**CHART, PATH: "a: {{ if not .Values.ghcrAuth.enabled }}1{{ end }}\n"})
    assert outcome.files["chart/values.yaml"] == CHART["chart/values.yaml"]
    assert any(look.startswith("chart/values.yaml:1: ghcrAuth is the login for GHCR, and is kept") for look in outcome.looks)


SECRET = """\
{{- if .Values.ghcrAuth.enabled }}
apiVersion: v1
kind: Secret
metadata:
  name: registry-login
type: kubernetes.io/dockerconfigjson
data:
  .dockerconfigjson: {{ include "shop.dockerconfig" . }}
{{- end }}
"""
HELPERS = """\
{{- define "shop.name" -}}shop{{- end }}

{{/*
What kubelet logs in with.
*/}}
{{- define "shop.dockerconfig" -}}
{{- with .Values.imageCredentials }}
{{- printf "{\\"auths\\":{\\"%s\\":{\\"username\\":\\"%s\\"}}}" .registry .username | b64enc }}
{{- end }}
{{- end }}

{{- define "shop.labels" -}}
app: shop
{{- end }}
"""


def test_the_secret_its_helper_and_its_values_go_together() -> None:
    """As Helm's own documentation writes them, and the pods no longer ask for it, whatever it is called."""
    files = {
        **CHART,
        "chart/values.yaml": "# Login\nimageCredentials:\n  registry: ghcr.io\n  username: ann\n  password: secret-word\n\nreplicas: 1\n",
        "chart/templates/secret.yaml": SECRET.replace(".Values.ghcrAuth.enabled", ".Values.imageCredentials"),
        "chart/templates/_helpers.tpl": HELPERS,
        PATH: f"{POD}  imagePullSecrets:\n    - name: registry-login\n  containers: []\n",
    }
    outcome = migrated(files)
    assert "chart/templates/secret.yaml" not in outcome.files
    assert (
        outcome.files["chart/templates/_helpers.tpl"]
        == HELPERS[: HELPERS.index("{{/*")] + HELPERS[HELPERS.index('{{- define "shop.labels"') :]
    )
    assert outcome.files["chart/values.yaml"] == "replicas: 1\n"
    assert outcome.files[PATH] == f"{POD}  containers: []\n"
    assert outcome.plan.hidden == ("secret-word",)


def test_a_helper_that_something_still_includes_stays() -> None:
    """And is named."""
    helper = '{{- define "shop.ghcrAuth" -}}x{{- end }}\n'
    other = 'annotations: {{ include "shop.ghcrAuth" . }}\n'
    outcome = migrated({**CHART, "chart/templates/_helpers.tpl": helper, PATH: other})
    assert (outcome.files["chart/templates/_helpers.tpl"], outcome.files[PATH]) == (helper, other)
    assert f"{PATH}:1: ghcrAuth is used in a way that is not understood" in outcome.looks


def test_other_secrets_of_pods_stay_where_the_registry_asks_for_a_login() -> None:
    """It may be the one for the platform's registry."""
    platform = PLATFORM.replace("registry: {mode: external, host: registry.example.lan, namespace: git-server}", LOGIN)
    text = f"{POD}  imagePullSecrets:\n    - name: regcred\n    - name: ghcr-credentials\n"
    assert migrated({**CHART, PATH: text}, platform=platform).files[PATH] == f"{POD}  imagePullSecrets:\n    - name: regcred\n"
    assert migrated({**CHART, PATH: text}).files[PATH] == POD


def test_a_registry_from_the_values_and_a_folder_in_the_template_change_together() -> None:
    """`{{ .Values.registry }}/ann/shop/api`."""
    files = {
        "chart/Chart.yaml": CHART["chart/Chart.yaml"],
        "chart/values.yaml": "image:\n  registry: ghcr.io\n",
        PATH: 'image: "{{ .Values.image.registry }}/ann/shop/api:{{ .Values.tag }}"\n',
    }
    after = migrated(files).files
    assert after["chart/values.yaml"] == "image:\n  registry: registry.example.lan\n"
    assert after[PATH] == 'image: "{{ .Values.image.registry }}/shop/api:{{ .Values.tag }}"\n'


def test_a_literal_registry_before_a_repository_from_the_values_changes_with_it() -> None:
    """`ghcr.io/{{ .Values.image.repository }}`."""
    files = {
        "chart/Chart.yaml": CHART["chart/Chart.yaml"],
        "chart/values.yaml": "image:\n  repository: ann/shop/api\n  tag: v1\n",
        PATH: 'image: "ghcr.io/{{ .Values.image.repository }}:{{ .Values.image.tag }}"\n',
    }
    after = migrated(files).files
    assert after["chart/values.yaml"] == "image:\n  repository: shop/api\n  tag: v1\n"
    assert after[PATH] == 'image: "registry.example.lan/{{ .Values.image.repository }}:{{ .Values.image.tag }}"\n'

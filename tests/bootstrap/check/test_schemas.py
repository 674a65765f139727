"""Schemas: Kubernetes' own kinds, our own of Kargo and Argo CD, and CRDs that lie among the files."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from bootstrap.check import yaml_text
from bootstrap.check.kinds import Kinds, own
from bootstrap.check.source import Source, dotted
from devtools.paths import ROOT

SPECS = ROOT.parent / "shared/specs"
RENDERED_CHARTS = SPECS / "charts-rendered"
VERIFIED = ROOT / "tests/data/kargo/stages-verified.yaml"
CRDS = {
    "Project": "kargo/kargo.akuity.io_projects.yaml",
    "ProjectConfig": "kargo/kargo.akuity.io_projectconfigs.yaml",
    "Warehouse": "kargo/kargo.akuity.io_warehouses.yaml",
    "Stage": "kargo/kargo.akuity.io_stages.yaml",
    "Application": "argo-cd/crd-application.yaml",
    "AppProject": "argo-cd/crd-appproject.yaml",
    "AnalysisTemplate": "argo-rollouts/analysis-template-crd.yaml",
}


def sources(text: str) -> list[Source]:
    """Read the documents of a text."""
    return [Source(file="a.yaml", path=PurePosixPath("a.yaml"), document=document) for document in yaml_text.read(text).documents]


def misfits(text: str) -> list[str]:
    """Return what is wrong with the objects of a text."""
    found = sources(text)
    kinds = Kinds(found)
    return [f"{source.line(*misfit.place)}: {dotted(misfit.place)}: {misfit.text}" for source in found for misfit in kinds.misfits(source)]


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{POD}    - image: x\n", "6: spec.containers[0]: `name` is missing"),
        (
            f"{POD}    - {{name: a, env: [{{name: PORT, value: 80}}]}}\n",
            "6: spec.containers[0].env[0].value: must be a text (in quotes, where",
        ),
        (
            f"{POD}    - {{name: a, ports: [{{containerPort: '80'}}]}}\n",
            "6: spec.containers[0].ports[0].containerPort: must be a whole number",
        ),
        (f"{POD}    - {{name: a, tty: 1}}\n", "6: spec.containers[0].tty: must be true or false"),
        (f"{POD}    name: a\n", "5: spec.containers: must be a list"),
        (f"{POD}    - a\n", "6: spec.containers[0]: must be a map"),
        ("apiVersion: v1\nkind: Pod\nspec: {containers: []}\n", "1: metadata: `metadata.name` is missing"),
        ("apiVersion: v1\nkind: Pood\nmetadata: {name: a}\n", "2: kind: v1 has no kind Pood; did you mean `Pod`?"),
        ("apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n", "1: apiVersion: Kubernetes has no extensions/v1beta1"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: hunter2!}\n", "4: data.password: is not base64; a text in"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {port: 80}\n", "4: data.port: must be a text"),
    ],
)
def test_a_kind_of_kubernetes_that_does_not_fit_is_told_with_its_place(text: str, says: str) -> None:
    """Unknown fields, missing ones, and wrong types; never with the value, which may be a secret."""
    (found,) = misfits(text)
    assert found.startswith(says)
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "text",
    [
        f"{POD}    - name: a\n      resources: {{limits: {{cpu: 1, memory: 1.5Gi}}}}\n      ports: [{{containerPort: 80}}]\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, targetPort: http}, {port: 81, targetPort: 81}]}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\nspec: {containers: [{name: a, command: null}]}\n",
        "apiVersion: example.lan/v1\nkind: Unheard\nspec: {of: anything}\n",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
        "apiVersion: v1\nkind: List\nitems: []\n",
    ],
)
def test_what_the_api_server_takes_passes(text: str) -> None:
    """Quantities may be numbers, null is what nobody wrote, and of a kind that nobody knows nothing is said."""
    assert misfits(text) == []


def test_a_crd_among_the_files_is_a_schema() -> None:
    """Its unknown fields are wrong: the API server would drop them without a word."""
    crd = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ovens.example.lan}
spec:
  group: example.lan
  scope: Namespaced
  names: {kind: Oven, plural: ovens}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [heat]
              properties:
                heat: {type: integer}
                size: {x-kubernetes-int-or-string: true}
                anything: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
    good = "apiVersion: example.lan/v1\nkind: Oven\nmetadata: {name: a}\nspec: {heat: 5, size: 1, anything: {goes: here}}\n"
    assert misfits(f"{crd}---\n{good}") == []
    bad = "apiVersion: example.lan/v1\nkind: Oven\nmetadata: {name: a}\nspec: {heet: 5}\n"
    assert sorted(misfits(f"{crd}---\n{bad}")) == [
        "27: spec.heet: `heet` is no key here; did you mean `heat`?",
        "27: spec: `heat` is missing",
    ]


def test_stages_that_ran_on_a_real_kargo_fit_our_schemas() -> None:
    """With the Applications that they drive."""
    assert misfits(VERIFIED.read_text(encoding="utf-8")) == []


@pytest.mark.skipif(not RENDERED_CHARTS.is_dir(), reason="what the real charts render does not lie beside the repository")
@pytest.mark.parametrize("name", ["woodpecker-3.6.5.yaml", "argo-rollouts-2.41.0.yaml", "kargo-1.11.2.yaml"])
def test_what_the_real_charts_render_fits(name: str) -> None:
    """Hundreds of objects that API servers take."""
    assert misfits((RENDERED_CHARTS / name).read_text(encoding="utf-8")) == []


@pytest.mark.skipif(not SPECS.is_dir(), reason="the CRDs of the projects do not lie beside the repository")
@pytest.mark.parametrize("kind", CRDS)
def test_our_own_schemas_say_what_the_crds_of_the_projects_say(kind: str) -> None:
    """Key by key: where ours names any, it names all; and it asks for nothing that the real one does not."""
    crd = yaml.safe_load((SPECS / CRDS[kind]).read_text(encoding="utf-8"))
    (version,) = crd["spec"]["versions"]
    ours = own()[(f"{crd['spec']['group']}/{version['name']}", kind)]
    real = version["schema"]["openAPIV3Schema"]
    inner = {key: schema for key, schema in real["properties"].items() if key not in {"apiVersion", "kind", "metadata"}}
    assert list(_differences(ours, {**real, "properties": inner, "required": []}, kind)) == []


def _differences(ours: Mapping[str, Any], real: Mapping[str, Any], place: str) -> Iterator[str]:
    if ours.get("x-kubernetes-preserve-unknown-fields"):
        return
    if ours.get("type") != real.get("type"):
        yield f"{place} is {ours.get('type')}, really {real.get('type')}"
    if set(ours.get("required", [])) != set(real.get("required", [])):
        yield f"{place} needs {ours.get('required')}, really {real.get('required')}"
    if "enum" in ours and set(ours["enum"]) != set(real.get("enum", [])):
        yield f"{place} is one of {ours['enum']}, really {real.get('enum')}"
    if "properties" in ours:
        mine, theirs = ours["properties"], real.get("properties", {})
        if mine.keys() != theirs.keys():
            yield f"{place} has {sorted(mine.keys() ^ theirs.keys())} on one side only"
        for key in mine.keys() & theirs.keys():
            yield from _differences(mine[key], theirs[key], f"{place}.{key}")
    if "items" in ours:
        yield from _differences(ours["items"], real.get("items", {}), f"{place}[]")


def test_yaml_is_read_as_those_read_it_for_whom_it_is() -> None:
    """`yes` is true for kubectl and Helm, and a text for Woodpecker; only Woodpecker merges lists."""
    (manifest,) = yaml_text.read("a: yes\nb: 010\n").documents
    assert manifest.data == {"a": True, "b": 8}
    text = "x: &x [{a: 1}, {a: 2}]\nwhen:\n  - <<: *x\n  - a: 3\nyes: no\n"
    (pipeline,) = yaml_text.read(text, as_pipeline=True).documents
    assert pipeline.data["when"] == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert pipeline.data["yes"] == "no"


def test_a_tag_of_another_program_is_told() -> None:
    """One that kubectl would stop at."""
    assert [str(problem) for problem in yaml_text.read("a: !Ref b\n").problems] == [
        "1: !Ref is a YAML tag, which kubectl, Helm and Woodpecker don't know"
    ]

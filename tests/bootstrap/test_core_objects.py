"""Manifests beside a component are filled with values of any type."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.core.objects import Ref, load_manifest, ref_of

PACKAGE = "a_component_of_the_tests"


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the package of a component; yield the folder of its manifests."""
    folder = tmp_path / PACKAGE / "manifests"
    folder.mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    sys.modules.pop(PACKAGE, None)


def write(folder: Path, text: str) -> None:
    """Write the manifest of a test."""
    (folder / "a.yaml").write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{text}\n")


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("data: {a: '${name}'}", {"name": "x"}, {"a": "x"}),
        ("data: {a: 'pre-${name}-post'}", {"name": 7}, {"a": "pre-7-post"}),
        ("data: {a: '${name}'}", {"name": 7}, {"a": 7}),
        ("data: {a: '${name}'}", {"name": "7"}, {"a": "7"}),
        ("data: '${name}'", {"name": {"b": [1, True]}}, {"b": [1, True]}),
        ("data: {a: '${name}', b: 1}", {"name": None}, {"b": 1}),
        ("data: {a: ['${name}', b]}", {"name": None}, {"a": ["b"]}),
        ("data: {'${name}': 1}", {"name": "key"}, {"key": 1}),
        ("data: {a: '$${HOME} $HOME ${name}'}", {"name": "x"}, {"a": "${HOME} $HOME x"}),
        # A value is put in as it is: what looks like YAML, or like a place, stays text.
        ("data: {a: '${name}'}", {"name": "yes: [${other}]"}, {"a": "yes: [${other}]"}),
    ],
)
def test_places_are_filled_after_parsing(manifests: Path, text: str, values: dict[str, object], expected: object) -> None:
    """So no value can break the YAML around it."""
    write(manifests, text)
    assert load_manifest(PACKAGE, "a.yaml", values)[0]["data"] == expected


def test_a_place_without_a_value_is_an_error(manifests: Path) -> None:
    """A misspelt name is found by the first test that loads the manifest."""
    write(manifests, "data: {a: '${nam}'}")
    with pytest.raises(ValueError, match="nam"):
        load_manifest(PACKAGE, "a.yaml", {"name": 1})


def test_a_value_without_a_place_is_an_error(manifests: Path) -> None:
    """What is passed and does nothing was meant to do something."""
    write(manifests, "data: {}")
    with pytest.raises(ValueError, match="has no place for name"):
        load_manifest(PACKAGE, "a.yaml", {"name": 1})


def test_a_file_may_hold_several_documents(manifests: Path) -> None:
    """Empty ones do not count."""
    write(manifests, "---\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}")
    assert [each["kind"] for each in load_manifest(PACKAGE, "a.yaml")] == ["ConfigMap", "Secret"]


def test_an_object_is_named_as_people_do() -> None:
    """Kind, and namespace where it has one."""
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "shop"}}
    assert ref_of(manifest).label == "Deployment shop/api"
    assert Ref(api_version="v1", kind="Node", name="one").label == "Node one"
    assert (ref_of(manifest).group, Ref(api_version="v1", kind="Node", name="one").group) == ("apps", "")

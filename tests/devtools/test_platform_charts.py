"""Charts of the platform, as they are packed for a cluster that runs nothing."""

import tarfile
from pathlib import Path

import pytest
import yaml

from devtools.platform import charts

VERSION = "1.11.2"


def contents(archive: Path) -> dict[str, str]:
    """Return the files of a chart."""
    with tarfile.open(archive) as files:
        read = {each.name: files.extractfile(each) for each in files.getmembers() if each.isfile()}
        return {name: file.read().decode() for name, file in read.items() if file}


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Be where the real ones' objects do not lie beside the repository."""
    monkeypatch.setattr(charts, "RENDERED", tmp_path / "nowhere")


def test_the_objects_of_a_real_chart_come_without_webhooks_that_nobody_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Everything else is there, and no text of theirs is taken for a template."""
    kinds = ("ConfigMap", "MutatingWebhookConfiguration", "Deployment", "ValidatingWebhookConfiguration")
    documents = [f"# Source: {kind}\napiVersion: v1\nkind: {kind}\nmetadata: {{name: {{{{}}}}}}\n" for kind in kinds]
    (tmp_path / f"kargo-{VERSION}.yaml").write_text("---\n" + "---\n".join(documents))
    monkeypatch.setattr(charts, "RENDERED", tmp_path)
    files = contents(charts.pack(tmp_path / "out", "kargo", VERSION))
    assert [line for line in files["kargo/objects.yaml"].splitlines() if line.startswith("kind: ")] == [
        "kind: ConfigMap",
        "kind: Deployment",
    ]
    assert files["kargo/templates/objects.yaml"] == '{{ .Files.Get "objects.yaml" }}'


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("name", sorted(charts.NAMES.values()))
def test_a_chart_of_our_own_stands_for_one_that_is_not_known(name: str, tmp_path: Path) -> None:
    """Under the same name and version, so that platform.yaml need not be another one."""
    files = contents(charts.pack(tmp_path / "out", name, VERSION))
    assert yaml.safe_load(files[f"{name}/Chart.yaml"]) == {"apiVersion": "v2", "name": name, "version": VERSION}
    assert any("kind: Deployment" in text or "kind: StatefulSet" in text for text in files.values())

"""The Helm program is found, checked, and given nothing that others could read."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from lightkube import KubeConfig

from bootstrap.core import child
from bootstrap.core.chart import Chart, ChartSource
from bootstrap.core.connection import Connection
from bootstrap.core.errors import ChartError, HelmError, HelmMissingError
from bootstrap.core.helm import Helm
from tests.support.processes import is_gone, wait_for

MakeHelm = Callable[..., Helm]


@pytest.fixture
def connection(tmp_path: Path) -> Connection:
    """Name a cluster that nobody asks."""
    config = KubeConfig.from_server("https://127.0.0.1:1").get()
    assert config
    return Connection(config=config, kubeconfig=tmp_path / "kubeconfig")


@pytest.fixture
def helm(tmp_path: Path, connection: Connection) -> MakeHelm:
    """Make a Helm that is a program of the test; it writes down how it was called."""

    def make(version: str = "v3.18.0", body: str = "", *, known: frozenset[str] = frozenset()) -> Helm:
        program = tmp_path / "helm"
        program.write_text(
            f"#!{sys.executable}\n"
            "import json, os, sys\n"
            f'if sys.argv[1] == "version": print("{version}"); sys.exit()\n'
            f'json.dump({{"argv": sys.argv, "env": dict(os.environ), "input": sys.stdin.read()}}, open("{tmp_path}/called", "w"))\n'
            f"{body}\n"
        )
        program.chmod(0o755)
        return Helm(connection, program=str(program), known_secrets=lambda: known)

    return make


@pytest.fixture
def chart(tmp_path: Path) -> Chart:
    """Take a chart that nobody reads."""
    return Chart(path=tmp_path / "shop.tgz", name="shop", version="1.2.3", digest="sha256:0")


def render(helm: Helm, chart: Chart, **values: str) -> list[dict[str, object]]:
    """Render a chart as the release shop/shop."""
    return helm.render(chart, release="shop", namespace="shop", values=values, upgrade=False, kube_version="v1.36.0", api_versions=["v1"])


def test_a_missing_helm_is_named_with_the_way_out(connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Or the image, which has it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HelmMissingError, match="Helm is not installed: there is no helm on PATH") as missing:
        _ = Helm(connection).version
    assert "3.14 or newer" in (missing.value.hint or "")


def test_a_missing_helm_is_no_trouble_of_a_chart(connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each chart would else be said to be out of reach; so it is one error, which is told once."""
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = []
    for name in ("kargo", "argo-cd"):
        source = ChartSource(reference=f"oci://charts.example.lan/{name}", version="1.0.0")
        with pytest.raises(HelmMissingError, match="Helm is not installed") as error, Helm(connection, program="nohelm") as program:
            program.chart(source, folder=tmp_path)
        missing.append((error.value.message, error.value.hint))
    assert missing[0] == missing[1]


@pytest.mark.parametrize("version", ["v3.13.3", "v2.17.0", "nonsense"])
def test_a_helm_that_is_too_old_is_refused(helm: MakeHelm, version: str) -> None:
    """Before anything is tried with it."""
    with pytest.raises(HelmMissingError, match=rf"Helm {version} is too old"):
        _ = helm(version).version


def test_a_helm_that_is_too_old_fetches_no_chart(helm: MakeHelm, tmp_path: Path) -> None:
    """What it would say of the chart would be about something else."""
    source = ChartSource(reference="oci://charts.example.lan/shop", version="1.0.0")
    with pytest.raises(HelmMissingError, match=r"Helm v3.13.3 is too old"), helm("v3.13.3") as old:
        old.chart(source, folder=tmp_path)
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(("version", "expected"), [("v3.14.0", (3, 14, 0)), ("v3.22.0+g1234", (3, 22, 0)), ("v4.0.0-rc.1", (4, 0, 0))])
def test_newer_ones_are_taken(helm: MakeHelm, version: str, expected: tuple[int, ...]) -> None:
    """Both majors."""
    assert helm(version).version == expected


def test_values_go_to_standard_input_alone(helm: MakeHelm, chart: Chart, tmp_path: Path) -> None:
    """Everybody on the machine can read a command line, and a file may be left behind."""
    render(helm(), chart, password="correct-horse")
    called = json.loads((tmp_path / "called").read_text())
    assert json.loads(called["input"]) == {"password": "correct-horse"}
    assert "correct-horse" not in str(called["argv"]) + str(called["env"])


def test_a_secret_on_the_command_line_is_refused(helm: MakeHelm, chart: Chart) -> None:
    """Wherever it came from."""
    with pytest.raises(HelmError, match="Helm could not"):
        render(helm(known=frozenset({str(chart.path)})), chart)


def test_settings_of_a_person_do_not_lead_it_elsewhere(helm: MakeHelm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where charts come from is theirs, which cluster and store is not."""
    for name in ("HELM_KUBECONTEXT", "HELM_NAMESPACE", "HELM_DRIVER", "HELM_KUBETOKEN", "HELM_REGISTRY_CONFIG"):
        monkeypatch.setenv(name, "theirs")
    helm().uninstall(release="shop", namespace="shop", timeout=1)
    called = json.loads((tmp_path / "called").read_text())
    assert {name: value for name, value in called["env"].items() if name.startswith("HELM_")} == {
        "HELM_REGISTRY_CONFIG": "theirs",
        "HELM_DRIVER": "secret",
    }
    assert called["argv"][called["argv"].index("--kube-context") + 1] == "default"


def test_a_long_chart_is_read_to_its_end(helm: MakeHelm, chart: Chart) -> None:
    """Those with CRDs in their templates have two megabytes."""
    one = "---\\napiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\ndata: {a: " + "x" * 1000 + "}"
    assert len(render(helm(body=f'[print("{one}") for _ in range(2500)]'), chart)) == 2500


def test_crds_in_files_of_their_own_are_read_one_by_one(helm: MakeHelm, chart: Chart) -> None:
    """`helm show crds` writes one file behind the other, with nothing between those that do not begin with a line of dashes."""
    one = "# a comment\\napiVersion: v1\\nkind: CustomResourceDefinition\\nmetadata:\\n  name: {name}\\nspec: {{}}\\n"
    other = "---\\nkind: CustomResourceDefinition\\nmetadata:\\n  name: {name}\\n"
    body = f'print("{one.format(name="a")}{one.format(name="b")}{other.format(name="c")}{other.format(name="d")}")'
    assert [crd["metadata"]["name"] for crd in helm(body=body).crds(chart)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("said", ["Error: uninstall: Release not loaded: shop: release: not found", "Error: release: not found"])
def test_a_release_that_is_gone_need_not_be_uninstalled(helm: MakeHelm, said: str) -> None:
    """It was what was wanted."""
    helm(body=f'print("{said}", file=sys.stderr); sys.exit(1)').uninstall(release="shop", namespace="shop", timeout=1)


def test_a_release_that_can_not_be_read_is_not_taken_for_gone(helm: MakeHelm, tmp_path: Path) -> None:
    """Helm's own flag for releases that are gone calls every error that: no login, no connection."""
    said = "Error: uninstall: Release not loaded: shop: query: failed to query with labels: Unauthorized"
    program = helm(body=f'print("{said}", file=sys.stderr); sys.exit("--ignore-not-found" not in sys.argv)')
    with pytest.raises(HelmError, match="Helm could not uninstall shop/shop"):
        program.uninstall(release="shop", namespace="shop", timeout=1)
    assert (tmp_path / "called").exists()


def test_what_helm_says_is_told(helm: MakeHelm, chart: Chart) -> None:
    """With the way out, where there is one."""
    body = 'print("Error: another operation (install/upgrade/rollback) is in progress", file=sys.stderr); sys.exit(1)'
    with pytest.raises(HelmError, match="Helm could not render shop") as failed:
        render(helm(body=body), chart)
    assert failed.value.details == ("Error: another operation (install/upgrade/rollback) is in progress",)
    assert "somebody else works on this release" in (failed.value.hint or "")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('Error: chart \\"shop\\" version \\"1.2.3\\" not found in https://x', "there is no chart"),
        ("Error: failed to authorize: 401 Unauthorized", "a login is needed"),
        ("Error: x509: certificate signed by unknown authority", "the certificate of its server is not trusted"),
        ("Error: dial tcp 127.0.0.1:40443: connect: connection refused", "can't be fetched"),
    ],
)
def test_why_a_chart_is_not_there(helm: MakeHelm, tmp_path: Path, said: str, told: str) -> None:
    """Four different remedies."""
    source = ChartSource(reference="oci://registry.example.lan/charts/shop", version="1.2.3")
    with helm(body=f'print("{said}", file=sys.stderr); sys.exit(1)') as started, pytest.raises(ChartError) as failed:
        started.chart(source, folder=tmp_path)
    assert told in failed.value.message
    assert failed.value.hint


def test_downloads_are_gone_at_the_end(helm: MakeHelm, tmp_path: Path) -> None:
    """They lie in a folder that nobody else can read."""
    body = (
        "import tarfile\n"
        'if sys.argv[1] == "pull": tarfile.open(sys.argv[sys.argv.index("--destination") + 1] + "/shop-1.2.3.tgz", "w:gz").close()\n'
        'else: print("name: shop\\nversion: 1.2.3")'
    )
    with helm(body=body) as started:
        chart = started.chart(ChartSource(reference="oci://registry.example.lan/charts/shop", version="1.2.3"), folder=tmp_path)
        assert chart.path.is_file()
        assert chart.path.parent.parent.stat().st_mode & 0o777 == 0o700
    assert not chart.path.parent.parent.exists()


def test_a_file_that_is_no_chart_is_told(helm: MakeHelm, tmp_path: Path) -> None:
    """Such as the page of a proxy, saved under the name of an archive."""
    (tmp_path / "shop.tgz").write_text("<html>")
    source = ChartSource(reference="shop.tgz", version="1.2.3", local=True)
    with helm(body='print("name: shop\\nversion: 1.2.3")') as started, pytest.raises(ChartError, match="is no chart"):
        started.chart(source, folder=tmp_path)


def test_helm_is_called_helm_whatever_its_file_is_called() -> None:
    """It takes that name for the manager of the fields that it sets."""
    printed = subprocess.run(
        [sys.executable, "-I", "-S", child.__file__, str(os.getpid()), "/bin/sh", "-c", "echo $0"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert printed.stdout == "helm\n"


def test_helm_dies_with_whoever_has_started_it() -> None:
    """Though SIGKILL leaves no time to tell it; and it does not begin after that."""
    code = (
        "import os, subprocess, sys\n"
        f"argv = [sys.executable, '-I', '-S', {child.__file__!r}, str(os.getpid()), '/bin/sleep', '600']\n"
        "print(subprocess.Popen(argv).pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        started = int(parent.stdout.readline())
        assert wait_for(lambda: Path(f"/proc/{started}/cmdline").read_bytes().startswith(b"helm"))
        parent.send_signal(signal.SIGKILL)
    assert is_gone(started)
    orphan = subprocess.run([sys.executable, "-I", "-S", child.__file__, "1", "/bin/echo", "begun"], check=False, capture_output=True)
    assert (orphan.returncode, orphan.stdout) == (1, b"")

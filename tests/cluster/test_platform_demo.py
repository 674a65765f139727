"""The second half of `./dev demo --platform` on a control plane without a platform: commands are typed, and Kargo asks as often as it does.

The first half is the journey of test_bootstrap_up.py; what a terminal shows of it is tested in tests/devtools.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from bootstrap.components.project_kargo.component import stage_manifest
from bootstrap.platform.load import load
from devtools.controlplane import ControlPlane
from devtools.demo_terminal import Terminal
from devtools.platform import kargo_crds
from devtools.platform.command import CommandLine
from devtools.platform.gate_process import gate_process
from devtools.promotion_demo import PromotionDemo, window
from plugin_kit.console import Console
from tests.support.break_glass import PROJECT, USERS, guarded_platform, sections, up

COMMIT = "9d3309359aaea00204c619216b77ff7451c3c5df"
INSTALLED = {"mode": "install"}
HEAD = {"domain": "example.lan", "prerequisites": {"cert_manager": INSTALLED}, "gitea": INSTALLED, "registry": INSTALLED}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """Start a control plane that signs certificates and knows Kargo's kinds, with the policy for records of break-glass."""
    with ControlPlane.start(tmp_path / "plane", controllers=True, users=USERS) as started:
        started.apply(kargo_crds.manifests())
        started.apply(yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PROJECT}}))
        up(started, guarded_platform())
        yield started


def test_a_promotion_waits_until_somebody_breaks_glass_and_the_audit_names_them(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told why and until when, live fails at once, `system:admin` is refused, and the commit says who it was."""
    file = tmp_path / "platform.yaml"
    wanted = {**HEAD, **sections(), "market_gate": {"windows": [window(datetime.now(UTC))]}}
    file.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    platform = load(file).platform
    (project,) = platform.projects
    stages = {each.name: stage_manifest(platform, project, each) for each in project.stages}
    environment = {**os.environ, "KUBECONFIG": str(plane.admin_kubeconfig)}
    terminal = Terminal(command_line=CommandLine(folder=tmp_path, environment=environment), console=Console(colour=False))
    with gate_process(tmp_path, platform, kubeconfig=plane.admin_kubeconfig) as gate:
        gate.start()
        PromotionDemo(
            terminal=terminal,
            plane=plane,
            gate=gate,
            holding=stages["paper"],
            failing=stages["live"],
            tag=COMMIT,
            operator="ada",
            nobody=plane.kubeconfig("system:admin"),
        ).run()
    said = " ".join(capsys.readouterr().out.split())
    assert "blocked by the window 'quarter close' until" in said
    assert "break-glass needs a person" in said
    assert "Break-glass-operator: ada" in said
    assert said.index("# who broke glass") < said.rindex(COMMIT[:7])
    assert [row.code for row in terminal.rows] == [1, 0, 0, None, 0]

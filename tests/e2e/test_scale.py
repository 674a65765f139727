"""Two hundred images in one run, and a registry that is full of tags."""

import time
from pathlib import Path

from tests.support.fault_proxy import FaultProxy
from tests.support.monorepo import Monorepo, monorepo
from tests.support.plugin_step import Running
from tests.support.project import Project


def test_two_hundred_images_in_less_than_80_mb(project: Project, tmp_path: Path) -> None:
    """All of them are there, and the plugin's own process stays small."""
    repo = monorepo(tmp_path / "many", images=200, base="scratch", on_base=False)
    with project.started(repo, timeout=280) as running:
        peak = peak_memory(running)
        run = running.end()
    assert run.exit_code == 0, run.log
    assert "200 built, 0 cached" in run.log
    sha = repo.git("rev-parse", "HEAD")
    assert project.contents.repositories(project.name) == {*repo.names, "releases"}
    assert {name for name in repo.names if project.tags(name) != {sha, "latest"}} == set()
    assert 0 < peak < 80_000, f"{peak} kB"


def test_a_thousand_tags_cost_no_request(project: Project, proxy: FaultProxy, repo: Monorepo) -> None:
    """A run asks for what it needs by name, so it asks as often as in an empty registry."""
    assert project.push(repo, {"registry": proxy.inside}).exit_code == 0
    few = requests_of_a_run(project, proxy, repo)
    # Copied on the registry's disk: a thousand uploads would take much longer.
    folder = f"/var/lib/registry/docker/registry/v2/repositories/{project.name}/market-feed/_manifests/tags"
    copy = f"cd {folder} && for number in $(seq 1000); do cp -r latest old-$number; done"
    assert project.services.registry.container.exec_run(["sh", "-c", copy]).exit_code == 0
    assert len(project.tags("market-feed")) > 1000
    many = requests_of_a_run(project, proxy, repo)
    assert many == few


def requests_of_a_run(project: Project, proxy: FaultProxy, repo: Monorepo) -> dict[str, int]:
    """Push one more commit and count the plugin's own requests: those for manifests, tags and records."""
    part = f"/v2/{project.name}/"
    before = len(proxy.requests(part))
    run = project.push(repo, {"registry": proxy.inside}, sha=repo.commit())
    assert run.exit_code == 0, run.log
    asked = proxy.requests(part)[before:]
    # How often BuildKit asks for a blob that others push at the same time depends on who is first.
    kinds = ("/manifests/", "/tags/")
    return {kind: sum(kind in request.path for request in asked) for kind in kinds}


def peak_memory(running: Running) -> int:
    """Follow the plugin's process to its end and return the largest memory that it had, in kB."""
    running.container.reload()
    status = Path(f"/proc/{running.container.attrs['State']['Pid']}/status")
    peak = 0
    while True:
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except (FileNotFoundError, ProcessLookupError):
            return peak
        if "VmHWM" not in lines:
            return peak
        peak = int(lines["VmHWM"].split()[0])
        time.sleep(0.02)

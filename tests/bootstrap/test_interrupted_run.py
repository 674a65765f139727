"""Ctrl+C while an API server takes its time."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import wait_for
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server

PLATFORM = """\
domain: example.lan
prerequisites: {cert_manager: {mode: external}}
gitea: {mode: external, namespace: git-server}
registry: {mode: external, namespace: git-server}
timeouts: {request: 600s}
backup: {enabled: false}
"""
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "ADDRESS"}}]
users: [{name: me, user: {token: none}}]
"""
VERSION = Answer(body=b'{"major": "1", "minor": "33", "gitVersion": "v1.33.0"}')
CORE = b"""{"items": [{"metadata": {}, "versions": [{"version": "v1", "resources": [
  {"resource": "namespaces", "scope": "Cluster", "responseKind": {"kind": "Namespace"}}]}]}]}"""
RIGHTS = b"""{"items": [{"metadata": {"name": "rbac.authorization.k8s.io"}, "versions": [{"version": "v1", "resources": [
  {"resource": "rolebindings", "scope": "Namespaced", "responseKind": {"kind": "RoleBinding"}}]}]}]}"""
NOTHING = Answer(body=b'{"items": []}')
# Longer than anybody waits, and as long as a request may take here.
NEVER = Answer(delay=600)
SECONDS = 60


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Serve whatever a test says, by plain http."""
    with scripted_server() as script:
        yield script


def serve(server: ScriptedServer, held: str) -> None:
    """Answer everything but paths like this one."""
    server.on("GET", held, NEVER)
    server.on("GET", "^/version", VERSION)
    server.on("GET", "^/api$", Answer(body=CORE))
    server.on("GET", "^/apis$", Answer(body=RIGHTS))
    server.on("GET", ".*", NOTHING)


@contextmanager
def started(command: str, server: ScriptedServer, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a command in the background, and never for longer than the block."""
    (folder / "platform.yaml").write_text(PLATFORM)
    (folder / "kubeconfig").write_text(KUBECONFIG.replace("ADDRESS", server.url))
    argv = [sys.executable, "-m", "bootstrap", command, "--file", "platform.yaml", "--kubeconfig", "kubeconfig"]
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize(
    ("command", "held"),
    [("plan", "^/version"), ("status", "^/api/v1/namespaces"), ("plan", "labelSelector="), ("down", "^/api/v1/namespaces/")],
    ids=["what comes first", "what is there", "what is left over", "what would go"],
)
def test_ctrl_c_waits_for_no_answer(server: ScriptedServer, tmp_path: Path, command: str, held: str) -> None:
    """However many threads wait for one."""
    serve(server, held)
    with started(command, server, tmp_path) as running:
        assert wait_for(lambda: bool(server.asked(held)), SECONDS)
        running.send_signal(signal.SIGINT)
        said, problems = running.communicate(timeout=SECONDS)
    assert (running.returncode, problems) == (130, "")
    assert said.endswith("error: cancelled by SIGINT\n")


def test_nor_does_it_where_nobody_reads_any_more(server: ScriptedServer, tmp_path: Path) -> None:
    """Ctrl+C ends `tee` behind a pipe as well."""
    serve(server, "^/version")
    with started("plan", server, tmp_path) as running:
        assert wait_for(lambda: bool(server.asked("^/version")), SECONDS)
        assert running.stdout
        running.stdout.close()
        running.send_signal(signal.SIGINT)
        assert running.wait(SECONDS) == 1
        assert running.stderr
        assert running.stderr.read() == ""

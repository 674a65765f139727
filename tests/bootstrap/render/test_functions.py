"""What the rendered scripts do themselves, without a cluster: secrets put into their places, and what is said where something fails."""

import os
import subprocess
from pathlib import Path

import pytest

from bootstrap.render import script, text

BEGIN = "set -euo pipefail; shopt -s inherit_errexit; source ./functions.sh; CONTEXT=''"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a rendered folder with one file that wants a secret, and programs that are told what to do."""
    (tmp_path / "functions.sh").write_text(text.script(script.functions(), "platform.yaml"), encoding="utf-8")
    (tmp_path / "secret.yaml").write_text('password: "${PASSWORD}"\nkey: "${KEY}"\n', encoding="utf-8")
    (tmp_path / "values.yaml").write_text('podAnnotations:\n  mark: "${SUM_OF_SHOP}"\n', encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(folder: Path, name: str, *lines: str) -> None:
    """Put a program there that does this."""
    file = folder / "bin" / name
    file.write_text("\n".join(["#!/usr/bin/env bash", *lines, ""]), encoding="utf-8")
    file.chmod(0o755)


def bash(folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run lines of a script."""
    environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "-c", "\n".join([BEGIN, *lines])]
    return subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_all_secrets_that_are_missing_are_named_in_order(folder: Path) -> None:
    """Each with the way to it; what can be made at random is made once."""
    lines = ["secret_by_hand_early PASSWORD 'the password'", "secret_by_hand_early CA 'the CA'", "secret_at_random KEY", "prepare_secrets"]
    done = bash(folder, *lines)
    assert done.returncode == 1
    assert done.stderr == (
        "missing: secrets/CA, the CA\nmissing: secrets/PASSWORD, the password\n"
        "error: secrets are missing\n  hint: write each into its file (README.md), then run this again\n"
    )
    key = (folder / "secrets/KEY").read_text(encoding="utf-8")
    assert len(key) == 64
    assert (folder / "secrets/KEY").stat().st_mode & 0o777 == 0o600
    bash(folder, *lines)
    assert (folder / "secrets/KEY").read_text(encoding="utf-8") == key


def test_a_sum_is_another_one_when_a_secret_is(folder: Path) -> None:
    """And the same each time while nothing changes, so that pods restart then, and only then."""
    lines = ["secret_by_hand PASSWORD x", "secret_by_hand KEY y", "sum_of SUM_OF_SHOP secret.yaml", "filled values.yaml"]
    (folder / "secrets/KEY").write_text("key\n", encoding="utf-8")
    found = []
    for password in ("one", "one", "two"):
        (folder / "secrets/PASSWORD").write_text(f"{password}\n", encoding="utf-8")
        found.append(bash(folder, *lines).stdout)
    assert found[0].startswith('podAnnotations:\n  mark: "')
    assert "$" not in found[0]
    assert found[0] == found[1] != found[2]


def test_a_sum_of_a_secret_that_is_missing_is_none(folder: Path) -> None:
    """Rather than the sum of an empty one."""
    done = bash(folder, "secret_by_hand PASSWORD 'the password'", "sum_of SUM_OF_SHOP secret.yaml", "filled values.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: secrets/PASSWORD is missing: the password" in done.stderr


def test_a_cluster_that_can_not_be_reached_ends_it_at_once(folder: Path) -> None:
    """With kubectl's own words, and the address that it has tried."""
    program(folder, "kubectl", 'if [[ $1 == config ]]; then printf https://k3s.lan:6443; else echo "no route to host" >&2; exit 1; fi')
    done = bash(folder, "reach_cluster", "echo further")
    assert done.returncode == 1
    assert done.stdout == "==> Cluster https://k3s.lan:6443\n"
    assert done.stderr.startswith("no route to host\nerror: the cluster can't be reached\n  hint: ")


def test_a_release_that_was_left_pending_is_explained(folder: Path) -> None:
    """A run that was killed leaves one, and Helm does not say what to do."""
    program(folder, "helm", 'echo "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress" >&2; exit 1')
    done = bash(folder, "secret_by_hand PASSWORD x", "install kargo kargo secret.yaml 5s ./kargo")
    assert "error: secrets/PASSWORD is missing: x" in done.stderr
    (folder / "plain.yaml").write_text("a: 1\n", encoding="utf-8")
    done = bash(folder, "install kargo kargo plain.yaml 5s ./kargo", "echo further")
    assert (done.returncode, done.stdout) == (1, "    kargo (./kargo)\n")
    assert (
        "is in progress\nerror: the release kargo/kargo can't be installed\n  hint: if nobody else installs it now: helm roll"
        in done.stderr
    )


def test_nothing_is_removed_where_nobody_can_be_asked(folder: Path) -> None:
    """But with --yes."""
    done = bash(folder, "cluster=x", "confirm", "echo further")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: nobody can be asked here\n  hint: run it with --yes" in done.stderr
    assert bash(folder, "confirm --yes", "echo further").stdout == "further\n"


def test_a_namespace_that_does_not_go_says_where_to_look(folder: Path) -> None:
    """All go at once, and are waited for together."""
    program(folder, "kubectl", 'echo "$*" >>calls; echo "timed out waiting for the condition on namespaces/kargo" >&2; exit 1')
    done = bash(folder, "remove_namespaces kargo argocd")
    assert (folder / "calls").read_text(encoding="utf-8") == "delete namespace kargo argocd --ignore-not-found --wait --timeout 300s\n"
    assert "on namespaces/kargo\nerror: a namespace can't be deleted\n  hint: " in done.stderr

"""The embedded BuildKit: its configuration, and why it can't run."""

import io
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from plugin_kit.console import Console
from plugin_kit.errors import BuilderError
from registry_push import embedded
from tests.support.plans import make, settings, source

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def registries(folder: Path, **given: Any) -> dict[str, Any]:  # noqa: ANN401  the fields of Settings
    """Write the configuration and return its registries, as BuildKit reads them."""
    wanted = settings(**given)
    document = tomllib.loads(embedded.toml(make(source("api"), given=given, builders=()), wanted, folder))
    found: dict[str, Any] = document.get("registry", {})
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"insecure": True}, {"registry.lan:5000": {"http": True, "insecure": True}}),
        ({"insecure": True, "registry": "http://registry.lan:5000"}, {"registry.lan:5000": {"http": True, "insecure": True}}),
        ({"insecure": True, "registry": "https://registry.lan:5000"}, {"registry.lan:5000": {"insecure": True}}),
        ({"mirrors": ["mirror.lan"]}, {"docker.io": {"mirrors": ["mirror.lan"]}}),
        (
            {"mirrors": ["http://mirror:5000", "https://other.lan/hub"]},
            {"docker.io": {"mirrors": ["mirror:5000", "other.lan/hub"]}, "mirror:5000": {"http": True}},
        ),
        (
            {"mirrors": ["http://registry.lan:5000"], "insecure": True},
            {"docker.io": {"mirrors": ["registry.lan:5000"]}, "registry.lan:5000": {"http": True, "insecure": True}},
        ),
    ],
)
def test_registry_and_mirrors_are_configured(tmp_path: Path, given: dict[str, Any], expected: dict[str, Any]) -> None:
    """What the settings say of registry and mirrors, BuildKit is told; a table stands there once."""
    assert registries(tmp_path, **given) == expected


@pytest.mark.parametrize("given", [PEM, PEM.strip().replace("\n", "\\n")])
def test_a_private_ca_becomes_a_file(tmp_path: Path, given: str) -> None:
    """PEM from the settings is written beside the configuration."""
    assert registries(tmp_path, ca_cert=given) == {"registry.lan:5000": {"ca": [f"{tmp_path}/registry-ca.pem"]}}
    assert (tmp_path / "registry-ca.pem").read_text() == PEM


def test_a_private_ca_may_be_a_path(tmp_path: Path) -> None:
    """A path is read as well."""
    (tmp_path / "ca.pem").write_text(PEM)
    registries(tmp_path, ca_cert=f"{tmp_path}/ca.pem")
    assert (tmp_path / "registry-ca.pem").read_text() == PEM


def test_text_of_the_user_comes_last(tmp_path: Path) -> None:
    """`buildkit_config` is added, and may hold any table of buildkitd.toml."""
    wanted = settings(insecure=True, buildkit_config='[worker.oci]\n  max-parallelism = 4\n[registry."other.lan"]\n  http = true\n')
    document = tomllib.loads(embedded.toml(make(given={"insecure": True}, builders=()), wanted, tmp_path))
    assert document["worker"] == {"oci": {"max-parallelism": 4}}
    assert set(document["registry"]) == {"registry.lan:5000", "other.lan"}


def test_an_image_without_buildkit_says_which_to_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slim image can't build by itself; the error names both ways out."""
    monkeypatch.setenv("PATH", str(tmp_path))
    started = embedded.started(make(builders=()), settings(), Console(io.StringIO()), tmp_path)
    with pytest.raises(BuilderError, match="this image has no BuildKit inside") as caught, started:
        pytest.fail("nothing was started")
    assert "`builder: tcp://host:1234`" in (caught.value.hint or "")
    assert "registry-push-embedded" in (caught.value.hint or "")


def test_a_step_without_privileges_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started, and the hint has the words for Woodpecker and for docker run."""
    program(tmp_path / "buildkitd", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded, "_may_mount", lambda: False)
    started = embedded.started(make(builders=()), settings(), Console(io.StringIO()), tmp_path)
    with pytest.raises(BuilderError, match="the step is not privileged") as caught, started:
        pytest.fail("nothing was started")
    assert "WOODPECKER_PLUGINS_PRIVILEGED" in (caught.value.hint or "")
    assert "--privileged" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("complaint", "hint"),
    [
        ('time="x" level=fatal msg="operation not permitted"', "WOODPECKER_PLUGINS_PRIVILEGED"),
        ("buildkitd: could not lock /var/lib/buildkit/buildkitd.lock", "the lines above are BuildKit's own"),
    ],
)
def test_a_buildkit_that_ends_at_once_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complaint: str, hint: str) -> None:
    """Its last complaint is shown, and taken for missing privileges only where it speaks of them."""
    program(tmp_path / "buildkitd", f"echo 'level=info msg=starting' >&2\necho '{complaint}' >&2\nexit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(embedded, "_may_mount", lambda: True)
    started = embedded.started(make(builders=()), settings(), Console(io.StringIO()), tmp_path)
    with pytest.raises(BuilderError, match="the embedded BuildKit did not start") as caught, started:
        pytest.fail("nothing was started")
    assert caught.value.details == (complaint,)
    assert hint in (caught.value.hint or "")


def program(path: Path, script: str) -> None:
    """Write a shell script that stands for buildkitd: the real one can't fail on demand."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)

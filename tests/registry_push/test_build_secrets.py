"""Build secrets get into private files, and nowhere else."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from plugin_kit.errors import SettingsError
from registry_push.build_secrets import write_secrets
from tests.support.plans import make, settings, source

PLAN = make(source("api"), source("web"))


def contents(files: Mapping[str, str]) -> dict[str, str]:
    """Read the files of a target."""
    return {key: Path(path).read_text() for key, path in files.items()}


def written(folder: Path, secrets: Any, *, plan: Any = PLAN) -> dict[str, dict[str, str]]:  # noqa: ANN401
    """Write the secrets of the step's setting."""
    return write_secrets(plan, settings(secrets=secrets), folder)


def test_every_target_gets_the_steps_secrets(tmp_path: Path) -> None:
    """A map `id: value` is there for all images."""
    files = written(tmp_path, {"token": "s3cr3t", "npmrc": "line 1\nline 2"})
    assert files.keys() == {"api", "web"}
    assert contents(files["api"]) == contents(files["web"]) == {"token": "s3cr3t", "npmrc": "line 1\nline 2"}


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    """No other user of the machine sees a value, not even for a moment."""
    plan = make(source("api", secrets={"own": SecretStr("x")}))
    files = written(tmp_path, {"token": "s3cr3t"}, plan=plan)
    assert {stat.S_IMODE(Path(path).stat().st_mode) for path in files["api"].values()} == {0o600}


def test_an_images_own_secret_wins(tmp_path: Path) -> None:
    """The image's secret of the same id replaces the step's, for that image only."""
    plan = make(source("api", secrets={"token": SecretStr("own"), "more": SecretStr("2")}), source("web"))
    files = written(tmp_path, {"token": "common"}, plan=plan)
    assert contents(files["api"]) == {"token": "own", "more": "2"}
    assert contents(files["web"]) == {"token": "common"}


def test_no_two_secrets_share_a_file(tmp_path: Path) -> None:
    """However many images and secrets there are, no value overwrites another."""
    sources = [source(f"image-{number}", secrets={"a": SecretStr(f"a{number}"), "b": SecretStr(f"b{number}")}) for number in range(12)]
    files = written(tmp_path, {"common": "c"}, plan=make(*sources))
    for number in range(12):
        assert contents(files[f"image-{number}"]) == {"common": "c", "a": f"a{number}", "b": f"b{number}"}


def test_the_names_of_the_files_say_nothing(tmp_path: Path) -> None:
    """An id or a value in a path would be in argv or in BuildKit's words."""
    plan = make(source("api", secrets={"ownid": SecretStr("ownvalue")}))
    files = written(tmp_path, {"commonid": "commonvalue"}, plan=plan)
    names = " ".join(Path(path).name for path in files["api"].values())
    assert not any(word in names for word in ("ownid", "ownvalue", "commonid", "commonvalue"))


class TestOfPluginDockerBuildx:
    """The strings `id=x,src=file` and `id=x,env=NAME`."""

    def test_a_file_is_used_where_it_is(self, tmp_path: Path) -> None:
        """It is the user's file: it is named, not copied."""
        file = tmp_path / "npmrc"
        file.write_text("from a file")
        files = written(tmp_path, [{"id": "npmrc", "src": str(file)}, {"id": "also", "source": str(file)}])
        assert files["api"] == {"npmrc": str(file), "also": str(file)}

    def test_a_variable_is_written_to_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The value goes from the environment into a private file."""
        monkeypatch.setenv("NPM_TOKEN", "s3cr3t")
        files = written(tmp_path, [{"id": "token", "env": "NPM_TOKEN"}])
        assert contents(files["api"]) == {"token": "s3cr3t"}
        assert stat.S_IMODE(Path(files["api"]["token"]).stat().st_mode) == 0o600

    @pytest.mark.parametrize(
        ("entry", "problem"),
        [
            ({"id": "x", "src": "/no/such/file"}, "secrets[0] (x): the file /no/such/file does not exist"),
            ({"id": "x", "env": "NOT_SET_ANYWHERE"}, "secrets[0] (x): the variable NOT_SET_ANYWHERE is not set"),
            ({"id": "x"}, "secrets[0]: write id=name,src=file or id=name,env=NAME, or a map name: value"),
            ({"src": "/etc/hostname"}, "secrets[0]: write id=name,src=file or id=name,env=NAME, or a map name: value"),
            ({}, "secrets[0]: write id=name,src=file or id=name,env=NAME, or a map name: value"),
        ],
    )
    def test_what_cannot_be_used_says_why(self, tmp_path: Path, entry: dict[str, str], problem: str) -> None:
        """The entry is named by number and id."""
        with pytest.raises(SettingsError) as caught:
            written(tmp_path, [entry])
        assert caught.value.problems == (problem,)


@pytest.mark.parametrize("key", ["with space", "a,src=/etc/shadow", "", "a=b", "ä"])
def test_an_id_that_is_none_is_refused(tmp_path: Path, key: str) -> None:
    """An id goes into a list of attributes: it may hold nothing that means something there."""
    with pytest.raises(SettingsError) as caught:
        written(tmp_path, {key: "s3cr3t"})
    assert caught.value.problems == (f"secrets: {key!r} is no secret id",)
    assert "s3cr3t" not in str(caught.value.problems)


def test_every_problem_is_told_once(tmp_path: Path) -> None:
    """Both bad entries are reported, and not once per image."""
    with pytest.raises(SettingsError) as caught:
        written(tmp_path, [{"id": "a b", "src": "/etc/hostname"}, {"id": "x", "src": "/nope"}])
    assert len(caught.value.problems) == 2


def test_nothing_is_written_without_secrets(tmp_path: Path) -> None:
    """No secrets, no files."""
    assert written(tmp_path, {}) == {"api": {}, "web": {}}
    assert list(tmp_path.iterdir()) == []

"""Settings as PLUGIN_* variables, against what Woodpecker 3.17 itself made of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from devtools import goyaml, settings

DATA = Path(__file__).parents[1] / "data"
VECTORS: list[dict[str, Any]] = json.loads((DATA / "settings-env-vectors.json").read_text(encoding="utf-8"))
SECRETS = {
    "token": 's3cr3t,with "quotes"\nand a second line',
    "Deploy_Key": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
}


def read(text: str) -> dict[str, goyaml.Value]:
    """Return the settings that stand in `text`."""
    document = goyaml.load(text)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("vector", [v for v in VECTORS if "error" not in v], ids=lambda v: v["name"])
def test_settings_are_encoded_as_woodpecker_does(vector: dict[str, Any]) -> None:
    """Every recorded case gives the recorded variables."""
    assert settings.encode(read(vector["yaml"]), SECRETS).values == vector["env"]


@pytest.mark.parametrize("vector", [v for v in VECTORS if "error" in v], ids=lambda v: v["name"])
def test_settings_that_woodpecker_refuses_are_refused(vector: dict[str, Any]) -> None:
    """Every recorded error is raised, in the same words."""
    with pytest.raises(settings.SettingError, match=vector["error"]):
        settings.encode(read(vector["yaml"]), SECRETS)


def test_a_setting_with_a_secret_deep_inside_is_secret() -> None:
    """Only the variable that holds the secret counts as one."""
    encoded = settings.encode(read("images: [{secrets: {npm: {from_secret: TOKEN}}}]\nproject: shop"), SECRETS)
    assert encoded.secret == {"PLUGIN_IMAGES"}


def test_environment_keeps_the_case_of_its_keys() -> None:
    """The variables of `environment:` have no prefix."""
    assert settings.encode(read("Path_x: 1\ndebug: true"), {}, prefix="").values == {"Path_x": "1", "debug": "true"}


@pytest.mark.parametrize(
    ("value", "plain", "json_form"),
    [
        (1e6, "1e+06", "1000000"),
        (1234567.0, "1.234567e+06", "1234567"),
        (100000.0, "100000", "100000"),
        (0.0001, "0.0001", "0.0001"),
        (0.00001, "1e-05", "0.00001"),
        (-2.5e-7, "-2.5e-07", "-2.5e-7"),
        (1e21, "1e+21", "1e+21"),
        (0.0, "0", "0"),
    ],
)
def test_floats_are_written_as_go_writes_them(value: float, plain: str, json_form: str) -> None:
    """As text by %v, inside JSON by encoding/json; recorded from Go."""
    encoded = settings.encode({"a": value, "b": {"c": value}}, {}).values
    assert encoded == {"PLUGIN_A": plain, "PLUGIN_B": f'{{"c":{json_form}}}'}

"""Secrets in platform.yaml: only where they come from, and never shown, wherever they were written by mistake."""

from pathlib import Path

import pytest

from bootstrap.platform.load import parse
from bootstrap.platform.problems import PlatformError

FILE = Path("platform.yaml")
HEAD = """\
domain: example.lan
prerequisites: {cert_manager: {mode: install}}
gitea: {mode: install}
registry: {mode: install}
"""
PASSWORD = "correct-horse-battery"  # long enough to be found anywhere


def told(text: str) -> list[str]:
    """Return what is wrong with a file, as `line: key: text`."""
    with pytest.raises(PlatformError) as caught:
        parse(HEAD + text, FILE)
    assert PASSWORD not in f"{caught.value}{caught.value.details}{caught.value.hint}"
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (
            PASSWORD,
            "holds a secret in plain text; write {env: NAME}, {file: path} or {secret: {namespace: ..., name: ..., key: ...}}, or run",
        ),
        ("{plain: correct-horse-battery}", "holds a secret in plain text; write"),
        ("1234567", "holds a secret in plain text; write"),
        ("{env: correct-horse-battery}", "is not the name of an environment variable: letters, digits and _"),
        ("{env: 1234567}", "must be a text, not a number"),
        ("{file: 1234567}", "must be a text, not a number"),
        ("{}", "says nothing; write {env: NAME}, {file: path} or {secret: {namespace: ..., name: ..., key: ...}}"),
        ("{env: A, file: b}", "says env and file; write one of them"),
        ("{env: A, generate: true}", "says env and generate; write one of them"),
        ("[A]", "must be {env: NAME}, {file: path} or"),
        ("{evn: A}", 'unknown key, did you mean "env"?'),
        ("{secret: {name: a, key: b}}", "required, and it is missing"),
    ],
)
def test_a_secret_is_never_written_here_and_never_shown(written: str, problem: str) -> None:
    """Wherever in a reference it was put by mistake."""
    (found,) = told(f"kargo: {{admin_password: {written}}}\n")
    assert problem in found
    assert found.startswith("5: kargo.admin_password")
    assert PASSWORD not in found
    assert "1234567" not in found


def test_a_secret_that_can_not_be_generated_is_not() -> None:
    """A deploy key made here would be no use to GitHub."""
    mirror = "{remote: 'git@github.com:a/b.git', deploy_key: {generate: true}}"
    stages = "[{name: beta, promotion: auto}]"
    project = f"projects:\n  - {{name: shop, watched_image: api, chart_path: deploy, stages: {stages}, mirror: {mirror}}}\n"
    (found,) = told(project)
    assert found.startswith(
        "6: projects[shop].mirror.deploy_key: can't be made here, because somebody else has to know it; write {env: NAME}"
    )


@pytest.mark.parametrize("written", [PASSWORD, f"{{plain: {PASSWORD}}}"])
def test_plain_secrets_are_taken_when_asked_to_and_warned_about(written: str) -> None:
    """By --allow-plain-secrets, for a first try; even then neither the warning nor a dump shows it."""
    loaded = parse(f"{HEAD}kargo: {{admin_password: {written}}}\nbackup: {{enabled: false}}\n", FILE, allow_plain_secrets=True)
    plain = loaded.platform.kargo.admin_password.plain
    assert plain is not None
    assert plain.get_secret_value() == PASSWORD
    assert loaded.warnings == ("platform.yaml:5: kargo.admin_password: stands here in plain text: whoever reads this file has it",)
    assert PASSWORD not in repr(loaded) + str(loaded.platform) + loaded.platform.model_dump_json()

"""Nothing that a person typed as a password is shown, and where one stands it is said."""

import base64

import pytest

from tests.bootstrap.migrate.conftest import Place
from tests.bootstrap.migrate.test_command import VALUES

TOKEN = "ghp_" + "a1B2c3D4" * 5
CONFIG = '{"auths": {"ghcr.io": {"username": "ann", "password": "hunter2hunter2", "auth": "YW5uOmh1bnRlcjJodW50ZXIy"}}}'
WARNING = "a password or token for GHCR stands in the repository, and stays in git's history"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: ghcr-pull}\ntype: kubernetes.io/dockerconfigjson\n"
PULLED = "apiVersion: v1\nkind: Pod\nmetadata: {name: shop}\nspec: {containers: [{name: a, image: ghcr.io/ann/shop/api}]}\n---\n"
ENCODED = base64.b64encode(CONFIG.encode()).decode()


@pytest.mark.parametrize(
    ("name", "text", "hidden"),
    [
        pytest.param("push.sh", f"echo {TOKEN} | docker login ghcr.io -u ann --password-stdin\n", [TOKEN], id="a token piped in"),
        pytest.param("push.sh", f"TOKEN={TOKEN}\ndocker push ghcr.io/ann/shop/api\n", [TOKEN], id="a token beside"),
        pytest.param("push.sh", "echo hunter2 | docker login ghcr.io -u ann --password-stdin\n", ["hunter2"], id="a short password"),
        pytest.param("push.sh", "docker login -u ann -p 'hunter two' ghcr.io\n", ["hunter two"], id="an option"),
        pytest.param(
            "push.sh",
            "docker login -u ann \\\n  --password=hunter2 ghcr.io\ndocker push ghcr.io/ann/shop/api\n",
            ["hunter2"],
            id="on two lines",
        ),
        pytest.param(
            "k8s/all.yaml",
            f"{PULLED}{SECRET}stringData:\n  .dockerconfigjson: |\n    {CONFIG}\n",
            ["hunter2hunter2", "YW5uOmh1bnRlcjJodW50ZXIy"],
            id="spaced JSON",
        ),
        pytest.param(
            "k8s/all.yaml",
            f"{PULLED}{SECRET}data:\n  .dockerconfigjson: >-\n    {ENCODED[:76]}\n    {ENCODED[76:]}\n",
            [ENCODED[:76], ENCODED[76:]],
            id="folded base64",
        ),
        pytest.param(
            "k8s/kustomization.yaml",
            "resources: [a.yaml]\nsecretGenerator:\n  - name: ghcr-pull\n    literals:\n      - password=hunter2\n",
            ["hunter2"],
            id="a generator",
        ),
        pytest.param("values.yaml", "ghcrAuth:\n  username: ann\n  password: a b c d\n", ["a b c d"], id="with blanks"),
    ],
)
def test_passwords_and_tokens_are_not_shown(place: Place, name: str, text: str, hidden: list[str]) -> None:
    """Neither to a person nor to a program, and both are warned."""
    place.lay({**VALUES, name: text})
    shown = place.migrate()[1]
    answer = place.answer()[1]
    assert name in {change["path"] for change in answer["changes"]}
    assert "********" in shown
    assert [each for each in hidden if each in shown or each in str(answer)] == []
    assert f"warning: {WARNING}" in shown
    assert answer["warnings"] == [WARNING]


def test_the_password_of_a_login_that_is_kept_is_not_shown_beside_a_change(place: Place) -> None:
    """A diff has the lines around it."""
    values = "ghcrAuth:\n  password: hunter2hunter2\nimage: ghcr.io/ann/shop/api\n"
    template = "{{ if not .Values.ghcrAuth.password }}\na: {{ .Values.image }}\n{{ end }}\n"
    place.lay({**VALUES, "chart/values.yaml": values, "chart/templates/a.yaml": template})
    shown = place.migrate()[1]
    assert "still reads it" in " ".join(shown.split())
    assert " ghcrAuth:\n   password: ********\n-image: ghcr.io/ann/shop/api\n" in shown


@pytest.mark.parametrize(
    "command",
    [
        'echo "$GHCR_TOKEN" | docker login ghcr.io -u ann --password-stdin',
        'docker login -u ann -p "$GHCR_TOKEN" ghcr.io',
        "cat token.txt | docker login ghcr.io -u ann --password-stdin",
        "echo $(cat token.txt) | docker login ghcr.io -u ann --password-stdin",
        "docker login -u ann -p <token> ghcr.io",
    ],
)
def test_what_is_no_password_is_shown(place: Place, command: str) -> None:
    """A variable, a file, or a gap to fill in."""
    place.lay({**VALUES, "push.sh": f"{command}\ndocker push ghcr.io/ann/shop/api\n"})
    shown = place.migrate()[1]
    assert f" {command}\n" in shown or f"-{command}\n" in shown
    assert WARNING not in shown

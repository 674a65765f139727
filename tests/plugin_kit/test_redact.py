"""Secrets don't get into a log, whatever form a program gives them."""

import base64
import json
import random
import textwrap
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from plugin_kit.redact import MASK, Redactor

PASSWORD = 'p@ss/w+rd "ü" 100%&<x>'  # has what JSON, URLs and base64 each write differently
PEM = "\r\n".join(
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        *textwrap.wrap(base64.b64encode(random.Random(1).randbytes(400)).decode(), 70),
        "-----END OPENSSH PRIVATE KEY-----",
        "",
    ]
)


def test_secret_is_masked_wherever_it_stands() -> None:
    """Every occurrence goes, the text around it stays."""
    assert Redactor(["hunter22"]).text("a hunter22, hunter22b") == f"a {MASK}, {MASK}b"


def test_nothing_is_masked_without_secrets() -> None:
    """No secrets, no change; not even for empty and blank ones."""
    assert Redactor(["", "  \n "]).text("a  b\n") == "a  b\n"


@pytest.mark.parametrize(("secret", "shown"), [("yes", True), ("on\n", True), ("sure", False)])
def test_values_of_up_to_three_characters_stay(secret: str, *, shown: bool) -> None:
    """As in Woodpecker, since masking "1" or "on" would leave no log to read."""
    assert (Redactor([secret]).text(f"say {secret}") == f"say {secret}") is shown


def test_longest_secret_wins() -> None:
    """A secret that begins with another one is masked as a whole."""
    assert Redactor(["token", "token-of-prod"]).text("token-of-prod token") == f"{MASK} {MASK}"


def test_overlapping_secrets_leave_no_rest() -> None:
    """What two secrets share must not uncover the end of the second one."""
    assert Redactor(["abcdef", "defghijk"]).text("-abcdefghijk-") == f"-{MASK}-"


def test_added_secrets_are_masked_from_then_on() -> None:
    """A token that is fetched while the plugin runs can be added."""
    redactor = Redactor(["first-one"])
    redactor.add("second-one", "third-one")
    assert redactor.text("first-one second-one third-one") == f"{MASK} {MASK} {MASK}"


def test_secret_from_a_file_is_masked_without_its_newline() -> None:
    """Files and web forms add blanks and newlines that no program prints."""
    assert Redactor(["  hunter22\n"]).text("password=hunter22;") == f"password={MASK};"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", json.dumps(PASSWORD)),
        ("json with unicode", json.dumps(PASSWORD, ensure_ascii=False)),
        ("json of Go", '"p@ss/w+rd \\"ü\\" 100%\\u0026\\u003cx\\u003e"'),
        ("path of a URL", quote(PASSWORD)),
        ("query of a URL", "q=p%40ss%2Fw%2Brd+%22%C3%BC%22+100%25%26%3Cx%3E"),
        ("lower-case codes in a URL", "p%40ss%2fw%2brd%20%22%c3%bc%22%20100%25%26%3cx%3e"),
        ("user info of Go", "p%40ss%2Fw+rd%20%22%C3%BC%22%20100%25&%3Cx%3E"),
        ("base64", base64.b64encode(PASSWORD.encode()).decode()),
        ("base64 for URLs", base64.urlsafe_b64encode(PASSWORD.encode()).decode()),
        ("base64 without padding", base64.b64encode(PASSWORD.encode()).decode().rstrip("=")),
        ("base64 of a file with it", base64.b64encode(PASSWORD.encode() + b"\n").decode()),
    ],
)
def test_form_is_masked_completely(form: str, text: str) -> None:
    """Nothing of an encoded secret is left."""
    rest = Redactor([PASSWORD]).text(text).strip('"').removeprefix("q=")
    assert rest == MASK, f"{form}: {rest}"


@pytest.mark.parametrize("user", ["u", "me", "bot", "ci-robot", "robot$shop"])
@pytest.mark.parametrize("secret", ["hunter22", "correct horse", PASSWORD, "ÿÿÿ>>>???~~~"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("tail", ["", "\n", ":x"])
def test_basic_auth_is_masked_at_any_offset(user: str, secret: str, encode: Callable[[bytes], bytes], tail: str) -> None:
    """The auth of a Docker config and an Authorization header: of base64("user:secret") at most the bits that neighbours share are left."""
    auth = encode(f"{user}:{secret}{tail}".encode()).decode()
    shown = Redactor([secret]).text(f'{{"auths":{{"r.lan":{{"auth":"{auth}"}}}}}}').split('"auth":"')[1].removesuffix('"}}}')
    head, mask, rest = shown.partition(MASK)
    assert mask, shown
    known = -(-len(f"{user}:".encode()) * 8 // 6)
    assert len(head) <= known, shown
    assert len(rest) <= 4 + len(tail) * 2, shown


def test_short_base64_fragments_stay() -> None:
    """A piece of less than 8 characters is no evidence: digests and names would be blacked out by chance."""
    embedded = base64.b64encode(b"xabcdx").decode()
    assert Redactor(["abcd"]).text(embedded) == embedded


def test_password_in_a_url_is_masked() -> None:
    """Git and curl print addresses as they were given."""
    text = Redactor(["s3cr/et"]).text("fatal: https://bot:s3cr%2Fet@git.lan/acme/shop.git: 403")
    assert text == f"fatal: https://bot:{MASK}@git.lan/acme/shop.git: 403"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_key_is_masked_line_by_line(newline: str) -> None:
    """A child's output comes in lines, and so does the key that it prints."""
    redactor = Redactor([PEM])
    lines = newline.join(PEM.splitlines()).split("\n")
    assert {redactor.text(line).rstrip("\r") for line in lines} == {MASK}


def test_key_is_masked_in_json() -> None:
    """A request that is shown with its body has the key on one line."""
    assert Redactor([PEM]).text(json.dumps({"key": PEM.replace("\r", "")})) in (f'{{"key": "{MASK}\\n"}}', f'{{"key": "{MASK}"}}')


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("width", [64, 76, 100_000])
def test_key_is_masked_in_wrapped_base64(newline: str, width: int) -> None:
    """As `base64 key` and the data of a Kubernetes Secret have it."""
    data = newline.join(PEM.splitlines()) + newline
    redactor = Redactor([PEM])
    shown = [redactor.text(line) for line in textwrap.wrap(base64.b64encode(data.encode()).decode(), width)]
    assert set(shown[:-1]) <= {MASK}
    assert shown[-1] == MASK or len(shown[-1]) < 8


def test_indented_line_of_a_secret_is_masked() -> None:
    """Tools print a line of a configuration without its indentation."""
    secret = "users:\n  - token: abc-def-ghi\n"
    assert Redactor([secret]).text("bad value: - token: abc-def-ghi") == f"bad value: {MASK}"


def test_long_log_takes_little_time() -> None:
    """20,000 lines of a build of many images, with keys among the secrets, cost a fraction of a second, not seconds."""
    chance = random.Random(7)
    secrets = [PEM, PEM.replace("\r", "").swapcase(), *(chance.randbytes(20).hex() for _ in range(20))]
    redactor = Redactor(secrets)
    log = [f"#{n} [linux/arm64 {n}/9] COPY --from=build /usr/lib/x86_64/{chance.randbytes(32).hex()} sha256: done" for n in range(20_000)]
    begin = time.perf_counter()
    shown = [redactor.text(line) for line in log]
    assert time.perf_counter() - begin < 2
    assert shown == log

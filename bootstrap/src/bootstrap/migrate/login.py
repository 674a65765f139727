"""What a login for GHCR looks like: its names, the Secrets that hold it, and the names that pods ask for it by."""

import base64
import binascii
import re

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from bootstrap.migrate import nodes
from bootstrap.migrate.aim import Aim
from bootstrap.migrate.references import REFERENCE

LOGIN = re.compile(r"ghcr[-_]?(auth|cred\w*|login|secret|pull\w*|token|docker\w*|registry\w*)", re.IGNORECASE)
PULL_KEY = re.compile(r"image[_-]?pull[_-]?secrets?(_?names?)?|pull[_-]?secrets?(_?names?)?", re.IGNORECASE)
_CREDENTIALS = frozenset({"username", "password", "token", "auth", "user", "pat", "email", "dockerconfigjson"})
_OF_IMAGE = frozenset({"repository", "repo", "tag", "pullPolicy", "image", "digest"})
_OTHER_REGISTRY = re.compile(
    r"(?<![a-z])(docker-?hub|docker-?io|quay(io)?|ecr|gcr|acr|gitlab|harbor|nexus|artifactory|jfrog)(?![a-z])", re.IGNORECASE
)
_PULL_SECRETS = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg")
_HOLDERS = frozenset({"Secret", "SealedSecret", "ExternalSecret", "ClusterExternalSecret", "VaultStaticSecret"})
_HIDDEN = re.compile(r"gh[pousr]_\w{16,}|github_pat_\w{16,}")
_SECRET_KEY = re.compile(r"pass|token|secret|auth|pat$|config", re.IGNORECASE)
_PASSWORD_KEY = re.compile(r"passw(or)?d$|token$", re.IGNORECASE)
_NO_PASSWORDS = frozenset({"true", "false", "null"})
# A shorter one under a key that may mean something else is hardly a secret: `auth: basic`.
_SHORTEST_WORD = 8
# An entry of JSON, such as a Docker config in a Secret.
_QUOTED = re.compile(r'"(\w+)"\s*:\s*"((?:[^"\\]|\\.)+)"')
# What a shell takes literally: a variable is no secret.
_TYPED = r"""(?:"([^"$`{}<>]{4,})"|'([^'{}<>]{4,})'|([^\s"'$`|;&(){}<>]{4,}))"""
_PIPED_IN = re.compile(rf"\b(?:echo|printf)\b[^|\n]*?\s{_TYPED}\s*\|(?=[^|\n]*\blogin\b)")
_AS_OPTION = re.compile(rf"\blogin\b[^|;&\n]*?\s(?:-p|--password)[ =]{_TYPED}")


def is_login(key: str, value: Node, *, by_content: bool = True) -> bool:
    """Tell whether an entry is a login for GHCR: by its key, or (with `by_content`) because it holds a name and a password for it."""
    if LOGIN.fullmatch(key) and not PULL_KEY.fullmatch(key):
        return True
    if not by_content or not isinstance(value, MappingNode):
        return False
    found = nodes.effective(value)
    if found.keys() & _OF_IMAGE or not found.keys() & _CREDENTIALS:
        return False
    if key.lower() == "ghcr":
        return True
    return any(isinstance(each, ScalarNode) and _is_ghcr(each.value) for each in found.values())


def _is_ghcr(text: str) -> bool:
    found = REFERENCE.search(text)
    return found is not None and not found[1]


def is_pull_secret(root: Node) -> bool:
    """Tell whether an object is a Secret that pods log in to GHCR with, or becomes one."""
    kind, name = nodes.text(nodes.at(root, "kind")), nodes.text(nodes.at(root, "metadata", "name"))
    if kind not in _HOLDERS:
        return False
    if _is_of_ghcr(name):
        return True
    if kind != "Secret" or nodes.text(nodes.at(root, "type")) not in _PULL_SECRETS:
        return False
    held = [nodes.text(each) for part in ("stringData", "data") for each in nodes.effective(nodes.at(root, part) or root).values()]
    return any("ghcr.io" in text or "ghcr.io" in _decoded(text) for text in held)


def asked_for(name: str, known: frozenset[str], aim: Aim) -> bool | None:
    """Tell whether pods no longer ask for a Secret of this name; None where that can't be known.

    `known` are the names of Secrets for GHCR that go.
    """
    if name in known or _is_of_ghcr(name):
        return True
    if aim.asks_for_login or _OTHER_REGISTRY.search(name):
        return None
    return True


def why(name: str, known: frozenset[str], aim: Aim) -> str:
    """Say why pods no longer ask for a Secret."""
    if name in known or _is_of_ghcr(name):
        return f"{name} is the login for GHCR"
    return f"{name}: {aim.registry} asks for no login"


def secrets_in(node: Node) -> list[str]:
    """Return what nobody should read of a login that is shown."""
    found = []
    for under, scalar in nodes.scalars(node):
        # `password=...`: of a generator of Kustomize.
        name, _, literal = scalar.value.partition("=") if under == "literals" else (under, "", scalar.value)
        value = literal.strip()
        quoted = [inner for key, inner in _QUOTED.findall(value) if _SECRET_KEY.search(key)]
        is_password = _PASSWORD_KEY.search(name) and value not in _NO_PASSWORDS and not value.startswith("{{")
        is_word = _SECRET_KEY.search(name) and len(value) >= _SHORTEST_WORD and " " not in value
        if quoted:
            found += quoted
        elif is_password or is_word:
            found.append(value)
        elif "dockerc" in name:
            # Base64 on several lines.
            found += value.split()
        found += _HIDDEN.findall(value)
    return [each for each in found if not LOGIN.fullmatch(each)]


def typed_in(text: str) -> list[str]:
    """Return the tokens of GitHub in a text, and the passwords in commands that log in."""
    commands = re.sub(r"\\\r?\n", " ", text)
    passwords = [next(filter(None, found.groups())) for pattern in (_PIPED_IN, _AS_OPTION) for found in pattern.finditer(commands)]
    return [*_HIDDEN.findall(text), *passwords]


def _is_of_ghcr(name: str) -> bool:
    return "ghcr" in name.lower()


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""

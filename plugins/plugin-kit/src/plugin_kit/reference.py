"""Names of the OCI distribution specification: registry host, repository, tag, digest.

The grammar is the one of the distribution specification 1.1 ("Pulling manifests") and of github.com/distribution/reference,
which every registry and BuildKit enforce.
"""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

DOCKER_HUB = "docker.io"
# The name that Docker's credential files and the older plugins use for Docker Hub.
DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"
_DOCKER_HUB_ALIASES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})

_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
_FULL_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LONGEST_TAG = 128
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryHost:
    """Where a registry is: `host[:port]`, and the scheme if the user wrote one."""

    host: str
    scheme: str | None = None

    @property
    def api(self) -> str:
        """The host that answers the distribution API (Docker Hub has another one than its name)."""
        return "registry-1.docker.io" if self.host == DOCKER_HUB else self.host

    @property
    def loopback(self) -> bool:
        """Whether BuildKit takes it for plain http by itself (moby/buildkit util/resolver: MatchLocalhost)."""
        name = self.host.rsplit(":", 1)[0]
        return name in {"localhost", "[::1]"} or name.startswith("127.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository of a registry: `registry.lan:5000` and `shop/api`."""

    host: str
    path: str

    def __str__(self) -> str:
        """Return the name as BuildKit and Kubernetes take it."""
        return f"{self.host}/{self.path}"

    @property
    def name(self) -> str:
        """The last component of the path."""
        return self.path.rsplit("/", 1)[-1]

    def sibling(self, name: str) -> "Repository":
        """Return the repository `name` beside this one."""
        parent = self.path.rsplit("/", 1)[0] if "/" in self.path else ""
        return Repository(host=self.host, path=f"{parent}/{name}" if parent else name)


def parse_registry(text: str) -> RegistryHost:
    """Read what a user writes as `registry`: a host, host:port, or a URL (the path of a login URL is dropped).

    Raises ValueError with the reason.
    """
    scheme = None
    host = text.strip()
    if "://" in host:
        parts = urlsplit(host)
        scheme, host = parts.scheme, parts.netloc
        if scheme not in {"http", "https"}:
            raise ValueError(f"{scheme}:// is not a registry address; write host or host:port")
        if "@" in host:
            raise ValueError("the address holds a login; use `username` and `password` instead")
    host = host.rstrip("/")
    if "/" in host:
        raise ValueError(f"{text!r} has a path; write host or host:port here and the path as `project`")
    if not _HOST.fullmatch(host):
        raise ValueError(f"{text!r} is not a host or host:port")
    if host in _DOCKER_HUB_ALIASES:
        host = DOCKER_HUB
    return RegistryHost(host=host, scheme=scheme)


def parse_repository(text: str, *, default_host: str) -> Repository:
    """Read a full repository name as `docker push` does: the first component is a host if it looks like one.

    Raises ValueError with the reason.
    """
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, path = parse_registry(first).host, rest
    else:
        host, path = default_host, text
        if host == DOCKER_HUB and not slash:
            path = f"library/{text}"
    problem = repository_problem(path)
    if problem:
        raise ValueError(problem)
    return Repository(host=host, path=path)


def repository_problem(path: str) -> str | None:
    """Say why a registry would refuse the repository path, or None."""
    if not path:
        return "the repository name is empty"
    if len(path) > _LONGEST_NAME:
        return f"{path[:40]}... has {len(path)} characters, a repository name has at most {_LONGEST_NAME}"
    if path != path.lower():
        return f"{path!r} has upper-case letters; repository names are lower case: {path.lower()!r}"
    for component in path.split("/"):
        if not _COMPONENT.fullmatch(component):
            return f"{path!r} is not a repository name: letters a-z, digits, and single . _ - between them"
    return None


def tag_problem(tag: str) -> str | None:
    """Say why a registry would refuse the tag, or None."""
    if len(tag) > _LONGEST_TAG:
        return f"tag {tag[:40]}... has {len(tag)} characters, a tag has at most {_LONGEST_TAG}"
    if not _TAG.fullmatch(tag):
        return f"{tag!r} is not a tag: letters, digits and . _ - with no . or - in front"
    return None


def branch_slug(branch: str) -> str:
    """Turn a branch name into the front of a tag, short enough that a SHA still fits behind it."""
    slug = re.sub(r"[^a-z0-9._-]+", "-", branch.lower()).strip(".-_")
    return slug[: _LONGEST_TAG - 41].rstrip(".-_") or "branch"


def is_digest(text: str) -> bool:
    """Whether the text is a digest rather than a tag."""
    return _DIGEST.fullmatch(text) is not None


def is_full_sha(text: str) -> bool:
    """Whether the text is a complete git object id (SHA-1 or SHA-256)."""
    return _FULL_SHA.fullmatch(text) is not None


def digest_of(content: bytes) -> str:
    """Compute the digest that a registry stores the content under."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"

"""How git reaches the forge: by https with a login that only that git gets to see, or by ssh with a key of its own."""

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from github_mirror import host_keys, keys
from github_mirror.errors import GitFailed, SourceError
from github_mirror.git import Git
from github_mirror.remote import Remote
from github_mirror.ssh import Ssh
from plugin_kit.ci import CI

if TYPE_CHECKING:
    from github_mirror.settings import Settings

COMPLETE_CLONE = (
    "clone completely: `clone: [{name: git, image: woodpeckerci/plugin-git, settings: {partial: false, depth: 0, tags: true}}]`"
)
LOGIN = (
    "set `source_token` to a token that may read the repository, or let Woodpecker trust this image with the forge's credentials "
    "(WOODPECKER_PLUGINS_TRUSTED_CLONE, or netrc_trusted of the repository)"
)

_USERNAME = "GITHUB_MIRROR_SOURCE_USERNAME"
_PASSWORD = "GITHUB_MIRROR_SOURCE_PASSWORD"  # noqa: S105  a variable's name
# printf is part of the shell, so the login is on no command line.
_HELPER = f'!f() {{ test "$1" = get && printf \'username=%s\\npassword=%s\\n\' "${_USERNAME}" "${_PASSWORD}"; }}; f'
# Forges take a token as the password of any user; this is the name that GitLab asks for.
_ANY_USER = "oauth2"

# What git and curl say, what it means, and what to do.
_REASONS = (
    (r"could not read Username|terminal prompts disabled", "asks for a login, and the step has none", LOGIN),
    (r"Authentication failed|HTTP Basic: Access denied|error: 40[13]\b", "refused the login", LOGIN),
    (r"repository '[^']*' not found|error: 404", "has no such repository, or does not show it to this login", LOGIN),
    (r"Could not resolve (?:host|proxy)", "can't be found: its name does not resolve", "check `source` and the DNS of this step"),
    (
        r"unable to get local issuer|self.signed certificate|unable to verify|certificate verification failed",
        "has a certificate of an unknown CA",
        "set `ca_cert` to that CA",
    ),
    (
        r"certificate|SSL routines",
        "has a certificate that is not good",
        "check its dates and the name it is for; `ca_cert` is for a CA of your own",
    ),
    (
        r"Failed to connect|Connection refused|Connection timed out|No route to host",
        "can't be reached",
        "check `source` and the network of this step",
    ),
    (r"Permission denied \(", "does not know `source_ssh_key`", "add its public key to the repository there; read access is enough"),
    (
        r"not our ref|unadvertised object",
        "does not have the commit any more",
        "its branch was deleted or moved meanwhile; the next pipeline mirrors it",
    ),
    (r"error: 5\d\d|HTTP 5\d\d", "has a fault of its own at the moment", "run the pipeline again"),
    (r"early EOF|unexpected disconnect|hung up|Connection (?:reset|closed)|Operation too slow", "broke off", "run the pipeline again"),
    (r"find remote ref", "does not have the ref any more", "it was deleted meanwhile"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """The address of a repository that is read, and what git needs to get in."""

    url: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    config: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def label(self) -> str:
        """The address for people."""
        return self.url.removesuffix(".git")

    def enabled(self, git: Git) -> Git:
        """Give a git in the same repository that can read from the forge."""
        return git.using(self.environment, self.config)

    def explain(self, error: GitFailed) -> SourceError | None:
        """Say what a failed fetch means; None where it is nothing that the forge or the way to it would do."""
        for pattern, sentence, hint in _REASONS:
            if re.search(pattern, error.text, re.IGNORECASE):
                return SourceError(f"{self.label} {sentence}", details=_own_words(error), hint=hint)
        return None


@contextmanager
def access(url: str, settings: "Settings", ci: CI, folder: Path) -> Iterator[Forge]:
    """Prepare to read from an address, which is not contacted yet; `folder` is private and takes the CA's file."""
    if url.startswith(("http://", "https://")):
        yield _by_http(url, settings, ci, folder)
    elif url.startswith(("/", "file://")):
        yield Forge(url=url)
    else:
        with _by_ssh(url, settings, ci.workspace) as forge:
            yield forge


def _by_http(url: str, settings: "Settings", ci: CI, folder: Path) -> Forge:
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise SourceError(
            "the address of the source has a login in it, which everybody on the machine could read", hint="use `source_token` instead"
        )
    environment = {}
    if settings.ca_cert:
        environment["GIT_SSL_CAINFO"] = str(_write_bundle(settings.ca_cert, ci.workspace, folder))
    login = _login(parts.hostname or "", settings, ci)
    if login is None:
        return Forge(url=url, environment=environment)
    return Forge(
        url=url,
        environment={**environment, _USERNAME: login[0], _PASSWORD: login[1]},
        # Only for this host: where it redirects to is asked for a login of its own.
        config={f"credential.{parts.scheme}://{parts.netloc}.helper": _HELPER},
        secrets=frozenset({login[1]}),
    )


def _login(host: str, settings: "Settings", ci: CI) -> tuple[str, str] | None:
    if settings.source_token:
        return settings.source_username or _ANY_USER, settings.source_token.get_secret_value()
    if ci.netrc and ci.netrc.machine == host:
        return ci.netrc.username or _ANY_USER, ci.netrc.password.get_secret_value()
    return None


@contextmanager
def _by_ssh(url: str, settings: "Settings", workspace: Path) -> Iterator[Forge]:
    try:
        remote = Remote.parse(url)
    except ValueError as error:
        raise SourceError(f"the address of the source {error}") from None
    if settings.source_ssh_key is None:
        raise SourceError(
            f"{remote.label} is read by ssh, and there is no key for it",
            hint="set `source_ssh_key` to a key that may read the repository there, or `source` to its https address",
        )
    key = keys.repair(settings.source_ssh_key.get_secret_value(), setting="source_ssh_key")
    with Ssh(key=key, known_hosts=host_keys.known_hosts(settings.known_hosts, [remote], workspace)) as ssh:
        yield Forge(url=remote.url, environment=ssh.environment())


def _write_bundle(ca_cert: str, workspace: Path, folder: Path) -> Path:
    """Write the CA beside those of the system, since objects of LFS may lie on a public server."""
    from plugin_kit.http import pem_text  # noqa: PLC0415  TLS and HTTP, and only for a forge with a CA of its own

    try:
        own = pem_text(ca_cert if "-----BEGIN" in ca_cert else str(workspace / ca_cert.strip()))
    except OSError as error:
        raise SourceError(f"ca_cert: neither PEM nor a file that can be read ({error.strerror})") from None
    system = ssl.get_default_verify_paths().cafile
    public = Path(system).read_text(encoding="utf-8", errors="replace") if system else ""
    path = folder / "ca.pem"
    path.write_text(f"{public}\n{own}", encoding="utf-8")
    return path


def _own_words(error: GitFailed) -> list[str]:
    return [line for line in error.result.stderr.splitlines() if line.strip()][-4:]

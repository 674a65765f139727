"""What this machine's network needs: CA bundle, proxies, pip and apt configuration; given to builds, never left in an image."""

import configparser
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from devtools import apt_sources
from devtools.paths import cache_dir

SUITE = "trixie"
CA_BUNDLES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"), Path("/etc/ssl/cert.pem"))
PROXY_NAMES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
# Where a configuration says so, pip and apt take these; everything else in them is about the host itself.
PIP_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "timeout", "retries", "no-index", "find-links")
APT_OPTIONS = re.compile(r"^Acquire::(http|https|ftp|Check-Valid-Until|Check-Date|Retries|ForceIPv4|ForceIPv6)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder with the host's network configuration, for containers that install something."""

    folder: Path
    """Holds `apt`, `pip`, and where they exist `debian.sources` and `ca`."""

    @property
    def path(self) -> str:
        """The place of the folder in a container: it exists in every image, so that the mount leaves no trace in a commit."""
        return "/mnt"

    @property
    def environment(self) -> dict[str, str]:
        """The variables for commands in such a container."""
        names = {"APT_CONFIG": "apt", "SSL_CERT_FILE": "ca", "PIP_CONFIG_FILE": "pip"}
        present = {name: f"{self.path}/{file}" for name, file in names.items() if (self.folder / file).exists()}
        return {"DEBIAN_FRONTEND": "noninteractive", **present, **proxies()}


def ca_bundle() -> Path | None:
    """Return the CA bundle that this machine trusts."""
    named = [
        Path(os.environ[name]) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE") if os.environ.get(name)
    ]
    return next((bundle for bundle in (*named, *CA_BUNDLES) if bundle.is_file()), None)


def proxies() -> dict[str, str]:
    """Return the proxy variables that are set, in both spellings."""
    found: dict[str, str] = {}
    for name in PROXY_NAMES:
        if value := os.environ.get(name) or os.environ.get(name.upper()):
            found[name] = found[name.upper()] = value
    return found


def pip_conf(ca: str | None = None) -> str:
    """Return a pip.conf for inside a container, with this machine's indexes; `ca` is the path of the CA bundle there.

    pip itself may be missing on the host, so that its files and variables are read here in pip's own order.
    """
    options: dict[str, str] = {}
    parser = configparser.RawConfigParser(strict=False)
    home = Path.home()
    files = [Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf"), home / ".pip/pip.conf", home / ".config/pip/pip.conf"]
    if given := os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(given))
    parser.read(files)
    for section in ("global", "install"):
        if parser.has_section(section):
            options.update({name.replace("_", "-"): value for name, value in parser.items(section)})
    options.update(
        {name: os.environ[variable] for name in PIP_OPTIONS if (variable := "PIP_" + name.upper().replace("-", "_")) in os.environ}
    )
    options = {name: value for name, value in options.items() if name in PIP_OPTIONS and value}
    if "find-links" in options:
        # A folder of the host does not exist in a container.
        remote = [link for link in options.pop("find-links").split() if urlsplit(link).scheme in ("http", "https")]
        options |= {"find-links": " ".join(remote)} if remote else {}
    if ca:
        options["cert"] = ca
    return "[global]\n" + "".join(f"{name} = {value.replace(chr(10), chr(10) + '  ')}\n" for name, value in options.items())


def apt_conf(*, folder: str) -> str:
    """Return an apt.conf with this machine's proxies and checks; `folder` is where debian.sources and ca are in the container."""
    lines: list[str] = []
    if shutil.which("apt-config"):
        dumped = subprocess.run(["apt-config", "dump"], check=False, capture_output=True, text=True).stdout
        lines = [line for line in dumped.splitlines() if APT_OPTIONS.match(line) and not line.endswith(' "";') and "CAInfo" not in line]
    if ca_bundle():
        lines.append(f'Acquire::https::CAInfo "{folder}/ca";')
    if debian_sources():
        lines += [f'Dir::Etc::sourcelist "{folder}/debian.sources";', 'Dir::Etc::sourceparts "-";']
    return "".join(line + "\n" for line in lines)


def debian_sources() -> str | None:
    """Return sources (deb822) for the suite of our images on the Debian mirror of this machine, or None where it has none.

    `LOCAL_CICD_DEBIAN_MIRROR` names another mirror; it is needed on machines that are not Debian.
    """
    if mirror := os.environ.get("LOCAL_CICD_DEBIAN_MIRROR"):
        return apt_sources.Entry(uris=(mirror,), suites=(SUITE,)).deb822()
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return None
    if release.get("ID") != "debian":
        return None
    entries = apt_sources.for_suite(apt_sources.read(), release.get("VERSION_CODENAME", ""), SUITE)
    return "\n".join(entry.deb822() for entry in entries) or None


def mount() -> Mount:
    """Write the folder that is mounted into containers which install something."""
    return Mount(folder=write(cache_dir("host", "mount"), inside="/mnt"))


def build_secrets() -> dict[str, Path]:
    """Return the build secrets of this machine's network, by their ids, to be mounted under /run/secrets."""
    folder = write(cache_dir("host", "secrets"), inside="/run/secrets")
    return {file.name.removeprefix("debian."): file for file in sorted(folder.iterdir())}


def write(folder: Path, *, inside: str) -> Path:
    """Write apt's and pip's configuration, Debian's sources and the CA bundle into a folder; `inside` is its path in the container."""
    bundle = ca_bundle()
    contents = {
        "apt": apt_conf(folder=inside),
        "debian.sources": debian_sources(),
        "pip": pip_conf(f"{inside}/ca" if bundle else None),
        "ca": bundle.read_text(encoding="utf-8", errors="replace") if bundle else None,
    }
    for name, content in contents.items():
        file = folder / name
        if content is None:
            file.unlink(missing_ok=True)
        elif not file.exists() or file.read_text(encoding="utf-8") != content:
            fresh = folder.parent / f".{name}.{os.getpid()}"
            # The URL of a mirror or an index may hold a password. apt reads the CA bundle as its own user, _apt.
            fresh.touch(mode=0o644 if name == "ca" else 0o600)
            fresh.write_text(content, encoding="utf-8")
            fresh.replace(file)
    return folder

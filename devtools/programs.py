"""Programs of the host: finding them, installing what is missing, running them with root's rights."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from devtools import progress
from devtools.errors import DevError


def as_root(argv: Sequence[str]) -> list[str]:
    """Return the command line that runs `argv` as root: itself, or behind sudo."""
    if os.geteuid() == 0:
        return list(argv)
    if shutil.which("sudo") is None:
        raise DevError(f"{argv[0]} needs root's rights, and sudo is not installed", hint="run ./dev as root, or install sudo")
    # sudo forgets the environment; proxies and certificates of the network are needed all the same.
    kept = "--preserve-env=http_proxy,https_proxy,no_proxy,HTTP_PROXY,HTTPS_PROXY,NO_PROXY,SSL_CERT_FILE"
    return ["sudo", kept, *argv]


def apt_machine() -> bool:
    """Tell whether this is a Debian or Ubuntu machine on which packages can be installed."""
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def run(argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float | None = None) -> str:
    """Run a program and return its standard output; a failure shows the last lines of what it printed."""
    try:
        done = subprocess.run(
            list(argv),
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            timeout=timeout,
            check=False,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise DevError(f"the program {argv[0]} is missing", hint=f"install {argv[0]} and try again") from error
    except subprocess.TimeoutExpired as error:
        raise DevError(f"{' '.join(argv[:3])} did not end within {timeout:.0f} s") from error
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise DevError(f"{' '.join(argv[:4])} failed (exit {done.returncode}):\n{last}")
    return done.stdout


def install(*packages: str, why: str) -> None:
    """Install Debian packages that are missing; elsewhere name them and stop."""
    missing = [package for package in packages if not installed(package)]
    if not missing:
        return
    if not apt_machine():
        raise DevError(
            f"{', '.join(missing)} missing, needed for {why}", hint="install it; only on Debian and Ubuntu does ./dev do that itself"
        )
    with progress.step(f"installing {' '.join(missing)} ({why})"):
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing]
        try:
            run(as_root(command), env=env)
        except DevError:
            # The package lists of a fresh machine are empty or old.
            run(as_root(["apt-get", "-qq", "update"]))
            run(as_root(command), env=env)


def installed(package: str) -> bool:
    """Tell whether a Debian package is installed."""
    if shutil.which("dpkg-query") is None:
        return False
    query = subprocess.run(["dpkg-query", "-W", "-f=${db:Status-Status}", package], check=False, capture_output=True, text=True)
    return query.stdout.strip() == "installed"


def available(package: str) -> bool:
    """Tell whether apt knows a package of this name that can be installed."""
    shown = subprocess.run(["apt-cache", "policy", package], check=False, capture_output=True, text=True).stdout
    return any(
        line.split()[0] == "Candidate:" and line.split()[1] != "(none)"
        for line in shown.splitlines()
        if line.strip().startswith("Candidate:")
    )

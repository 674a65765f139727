"""The two base images: pulled where a registry can be reached, else made from Debian's packages and a Go module under the same names."""

import os
import subprocess
import time
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

from devtools import engine, go_programs, host, programs, progress, recipe
from devtools.errors import DevError
from devtools.go_programs import GoProgram
from devtools.locks import alone
from devtools.paths import ROOT, cache_dir, log_dir

DEBIAN = f"debian:{host.SUITE}-slim"
BUILDKIT_MODULE = ROOT / "devtools/go/buildkit"
BUILDKIT_VERSION = go_programs.pinned(BUILDKIT_MODULE, "github.com/moby/buildkit")
BUILDKIT = f"moby/buildkit:{BUILDKIT_VERSION}"
_VERSION_PACKAGE = "github.com/moby/buildkit/version"
BUILDKIT_PROGRAMS = tuple(
    GoProgram(
        name=name,
        module=BUILDKIT_MODULE,
        package=f"github.com/moby/buildkit/cmd/{name}",
        pin="github.com/moby/buildkit",
        stamps={f"{_VERSION_PACKAGE}.Version": BUILDKIT_VERSION, f"{_VERSION_PACKAGE}.Package": "github.com/moby/buildkit"},
        takes=takes,
    )
    for name, takes in (("buildkitd", "about 1.5 minutes on 2 cores, once"), ("buildctl", "some seconds"))
)
PULL_SILENCE_SECONDS = 15
DAY = 86400
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What Debian's own slim images leave out, and keep out of whatever is installed later.
SLIM = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/linda/*", "/usr/share/lintian/*", "/usr/share/locale/*", "/usr/share/man/*")

# As in Debian's own images: what apt downloads and indexes does not stay in a layer, and translations are not fetched.
APT_IN_IMAGES = """\
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
"""


def ensure() -> None:
    """See to it that both base images are there."""
    ensure_debian()
    ensure_buildkit()


def ensure_debian() -> str:
    """See to it that the engine has Debian's slim image and return its name."""
    if not recipe.exists(DEBIAN):
        with alone("debian"):
            if not recipe.exists(DEBIAN) and not pull(DEBIAN):
                _import_debian()
    return DEBIAN


def ensure_buildkit() -> str:
    """See to it that the engine has the BuildKit image (buildkitd, buildctl, runc) and return its name."""
    if not recipe.exists(BUILDKIT):
        with alone("buildkit"):
            if not recipe.exists(BUILDKIT) and not pull(BUILDKIT):
                _make_buildkit()
    return BUILDKIT


def from_registry() -> bool:
    """Tell whether the base images came from a registry: only then can there be other platforms of them."""
    return pulled(DEBIAN) and pulled(BUILDKIT)


def pulled(image: str) -> bool:
    """Tell whether the engine got this image from a registry."""
    return bool(pulled_digest(image))


def pulled_digest(image: str) -> str:
    """Return the digest by which the engine got this image from a registry, "" where it was made here."""
    # A push elsewhere leaves a digest too, under that repository's name.
    known = engine.connect().images.get(image).attrs.get("RepoDigests") or []
    ours = f"{image.split(':', 1)[0]}@"
    return next((digest.removeprefix(ours) for digest in known if digest.startswith(ours)), "")


def pull(image: str) -> bool:
    """Pull an image, giving up where no registry answers within a few seconds."""
    repository, tag = image.split(":")
    client = docker.APIClient(base_url=os.environ.get("DOCKER_HOST"), version="auto", timeout=PULL_SILENCE_SECONDS)
    with progress.step(f"pulling {image}") as step:
        try:
            for event in client.pull(repository, tag, stream=True, decode=True):
                if "error" in event:
                    step.result = "no registry has it or can be reached: found out"
                    return False
                step.detail = f"{event.get('status', '')} {event.get('progress', '')}"
        except (DockerException, requests.RequestException):
            step.result = "no registry can be reached: found out"
            return False
        finally:
            client.close()
    return True


def _make_buildkit() -> None:
    hint = "install Go 1.26 or newer, or give the engine a way to a container registry"
    recipe.Recipe(
        base=ensure_debian(),
        packages=("ca-certificates", "runc"),
        files={f"/usr/bin/{program.name}": go_programs.build(program, hint=hint) for program in BUILDKIT_PROGRAMS},
        changes=("VOLUME /var/lib/buildkit", 'ENTRYPOINT ["buildkitd"]', "CMD []"),
    ).make(BUILDKIT)


def _import_debian() -> None:
    """Make the slim image from the machine's own Debian mirror."""
    archive = cache_dir("debian") / f"{host.SUITE}-slim.tar"
    # Security updates: an archive of last month is made again.
    if not archive.exists() or time.time() - archive.stat().st_mtime > 30 * DAY:
        _bootstrap_debian(archive)
    with progress.step(f"importing {DEBIAN}"):
        repository, tag = DEBIAN.split(":")
        # No labels: whatever is built from it would have them too.
        changes = [f"ENV PATH={PATH}", 'CMD ["bash"]']
        engine.connect().api.import_image_from_file(str(archive), repository=repository, tag=tag, changes=changes)


def _bootstrap_debian(archive: Path) -> None:
    sources = host.debian_sources()
    if sources is None:
        hint = "give the engine a way to a container registry, or name a mirror in LOCAL_CICD_DEBIAN_MIRROR"
        raise DevError(f"no container registry can be reached, and this machine has no Debian mirror to make {DEBIAN} from", hint=hint)
    programs.install("mmdebstrap", "debian-archive-keyring", why=f"to make {DEBIAN}")
    folder = cache_dir("debian")
    source_file = folder / "debian.sources"
    unfinished = folder / "unfinished.tar"
    unfinished.unlink(missing_ok=True)
    log = log_dir() / "mmdebstrap.log"
    with progress.step(f"making {DEBIAN} with mmdebstrap (about 50 seconds)"):
        source_file.write_text(sources, encoding="utf-8")
        excludes = [f"--dpkgopt=path-exclude={pattern}" for pattern in SLIM]
        excludes.append("--dpkgopt=path-include=/usr/share/doc/*/copyright")
        options = [
            f"--aptopt={line.rstrip(';')}" for line in host.apt_conf(folder="").splitlines() if "Dir::" not in line and "CAInfo" not in line
        ]
        image_conf = folder / "apt-in-images"
        image_conf.write_text(APT_IN_IMAGES, encoding="utf-8")
        # The host's apt options (proxies, for one) are for the making only.
        hooks = [
            '--customize-hook=rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap; rm -rf "$1"/var/log/* "$1"/var/cache/apt/*.bin',
            f"--customize-hook=copy-in {image_conf} /etc/apt/apt.conf.d",
        ]
        argv = programs.as_root(
            ["mmdebstrap", "--variant=minbase", *excludes, *options, *hooks, host.SUITE, str(unfinished), str(source_file)]
        )
        with log.open("w", encoding="utf-8") as output:
            code = subprocess.run(argv, check=False, stdout=output, stderr=subprocess.STDOUT).returncode
        if code != 0:
            last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
            raise DevError(f"mmdebstrap failed (exit {code}, log in {log}):\n{last}")
        unfinished.rename(archive)

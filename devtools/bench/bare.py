"""Bare `docker-buildx bake` of the plugin's own bake file, on the same builder, from the same image."""

from devtools.bench.container import Timed, docker_run, timed
from devtools.bench.plugin import BakeFile, Plugin
from devtools.buildkit import buildkitd_toml
from devtools.checkout import BASE
from devtools.metadata import Commit

# What makes the plugin's images what they are and is no part of the file.
_ENVIRONMENT = ("BUILDX_NO_DEFAULT_ATTESTATIONS=1", "BUILDX_METADATA_PROVENANCE=disabled", "BUILDX_GIT_INFO=false")
_BAKE = """\
cd /
printf %s "$BAKE_FILE" >/tmp/bake.json
docker-buildx create --name bare --driver remote "$BUILDER" >/dev/null
exec docker-buildx bake --builder bare --file /tmp/bake.json --progress plain --metadata-file /tmp/metadata.json "$@"
"""
_DAEMON = """\
printf %s "$BUILDKITD_TOML" >/tmp/buildkitd.toml
buildkitd --config /tmp/buildkitd.toml --addr "$BUILDER" --root /var/lib/buildkit --oci-worker-gc=false >/tmp/buildkitd.log 2>&1 &
until [ -S "${BUILDER#unix://}" ]; do
    kill -0 $! || { cat /tmp/buildkitd.log; exit 1; }
    sleep 0.02
done
"""


def bake(plugin: Plugin, file: BakeFile, volume: str, commit: Commit, *, builder: str) -> Timed:
    """Bake on a builder that is there."""
    return _run(plugin, _BAKE, file, volume, commit, {"BUILDER": builder})


def bake_alone(plugin: Plugin, file: BakeFile, volume: str, commit: Commit, *, mirror: str, registry: str) -> Timed:
    """Start a buildkitd in the same container and bake on it."""
    toml = buildkitd_toml(mirror=mirror, http=[registry])
    return _run(plugin, _DAEMON + _BAKE, file, volume, commit, {"BUILDER": "unix:///tmp/buildkitd.sock", "BUILDKITD_TOML": toml})


def _run(plugin: Plugin, script: str, file: BakeFile, volume: str, commit: Commit, environment: dict[str, str]) -> Timed:
    given = {"BAKE_FILE": file.for_commit(commit), **environment}
    variables = [*_ENVIRONMENT, *(f"{key}={value}" for key, value in given.items())]
    options = ["--entrypoint=sh", f"--volume={volume}:{BASE}", *(f"--env={variable}" for variable in variables), *plugin.privileges]
    return timed(docker_run(plugin.image, ["-euc", script, "bake", *file.targets], net=plugin.net, options=options))

"""The docker-buildx program: where it is, its private configuration, and how it is run."""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugin_kit.errors import BuilderError
from plugin_kit.process import Result, run
from registry_push.progress import Progress

# Where packages put it; it runs alone as well as under the docker program.
_PLACES = ("/usr/libexec/docker/cli-plugins", "/usr/local/lib/docker/cli-plugins", "/usr/lib/docker/cli-plugins")
_BUILDER = "local-cicd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildx:
    """A buildx with a configuration folder of its own: its builder, and the registry logins."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of buildx: ours without settings and credentials."""
        return {
            # buildx traces all targets as one, and BuildKit then writes that whole trace into the history of each of them
            # (buildkit solver/llbsolver/history.go): 5 s of its CPU after 14 images, minutes and gigabytes after 200.
            # Who wants traces sets a sampler.
            "OTEL_TRACES_SAMPLER": "always_off",
            **without_settings(os.environ),
            "DOCKER_CONFIG": str(self.folder),
            "BUILDX_CONFIG": str(self.folder / "buildx"),
            "HOME": str(self.folder),
            # Provenance turns every image into an index that differs in each run (docker/build-push-action#755).
            "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
            "BUILDX_METADATA_PROVENANCE": "disabled",
            "BUILDX_GIT_INFO": "false",
        }

    def write_logins(self, docker_config: str) -> None:
        """Give buildx the logins for push, base images and cache."""
        path = self.folder / "config.json"
        path.touch(mode=0o600)
        path.write_text(docker_config, encoding="utf-8")

    def use(self, addresses: Sequence[str], options: Mapping[str, str]) -> None:
        """Make the BuildKits at the addresses our builder, one node each; they are not contacted yet."""
        for number, address in enumerate(addresses):
            argv = [*command(), "create", "--name", _BUILDER, "--driver", "remote"]
            argv += ["--append"] if number else []
            argv += [f"--driver-opt={name}={value}" for name, value in options.items()]
            result = run([*argv, address], env=self.environment, timeout=30, check=False)
            if result.returncode:
                raise BuilderError(f"buildx does not take the builder {address}", details=result.stderr.splitlines()[-4:])

    def bake(self, document: Mapping[str, Any], progress: Progress, *, deadline: float) -> Result:
        """Bake the document's targets; `deadline` is a time of the monotonic clock. The result's return code says how it went."""
        file = self.folder / "bake.json"
        file.write_text(json.dumps(document, indent=1), encoding="utf-8")
        argv = [
            *command(),
            "bake",
            "--builder",
            _BUILDER,
            "--file",
            str(file),
            "--progress=rawjson",
            "--metadata-file",
            str(self._metadata),
        ]
        self._metadata.unlink(missing_ok=True)
        take: Callable[[str, str], None] = lambda stream, line: progress.feed(line) if stream == "stderr" else None  # noqa: E731
        return run(
            [*argv, *document["target"]],
            env=self.environment,
            cwd=Path(os.sep),  # every path in the document is absolute
            timeout=max(1.0, deadline - time.monotonic()),
            on_line=take,
            check=False,
        )

    def digests(self) -> dict[str, str]:
        """Return the digest that each pushed target got, as buildx reports it; empty after a failure."""
        if not self._metadata.is_file():
            return {}
        document = json.loads(self._metadata.read_text(encoding="utf-8"))
        return {name: entry["containerimage.digest"] for name, entry in document.items() if "containerimage.digest" in entry}

    @property
    def _metadata(self) -> Path:
        return self.folder / "metadata.json"


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for children: without the settings, which hold secrets, and without the forge's credentials."""
    return {name: value for name, value in environ.items() if not name.startswith(("PLUGIN_", "CI_NETRC_", "DRONE_"))}


def command() -> list[str]:
    """Find the program; raises BuilderError with what to install."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *_PLACES])
    found = shutil.which("docker-buildx", path=path)
    if not found:
        raise BuilderError(
            "the program docker-buildx is missing", hint="use the container image, or install your system's docker-buildx package"
        )
    return [found]

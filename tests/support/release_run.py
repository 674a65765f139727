"""A run of bootstrap with one Helm release, in a process of its own that a test can kill: `python -m tests.support.release_run JSON`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.core.chart import ChartSource
from bootstrap.core.release import ReleaseResource
from devtools.controlplane import ControlPlane
from plugin_kit.errors import PluginError
from plugin_kit.process import terminated
from tests.support.bootstrap_run import Parts, Runner, a_platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRun:
    """What the child is to do."""

    kubeconfig: str
    helm: str
    namespace: str
    """Of the release; that of the platform has `-lock` behind it."""
    chart: str
    version: str
    values: dict[str, Any]

    def runner(self, plane: ControlPlane | None = None) -> Runner:
        """Return how it runs."""
        return Runner(plane=plane, helm=self.helm, platform=a_platform(f"{self.namespace}-lock"), kubeconfig=Path(self.kubeconfig))

    def release(self) -> ReleaseResource:
        """Return what it brings up."""
        source = ChartSource(reference=self.chart, version=self.version, local=True)
        return ReleaseResource(name="shop", namespace=self.namespace, chart=source, values=self.values, timeout=120.0)

    @contextmanager
    def started(self) -> Iterator["subprocess.Popen[str]"]:
        """Start it, and see to it that it is gone at the end."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        argv = [sys.executable, "-m", "tests.support.release_run", json.dumps(fields)]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ))
        try:
            with child:
                try:
                    yield child
                finally:
                    child.kill()
        finally:
            child.wait()


def main() -> int:
    """Run `up`."""
    what = ReleaseRun(**json.loads(sys.argv[1]))
    try:
        with terminated(), what.runner().engine(Parts(parts=[what.release()])) as run:
            run.engine.up()
    except PluginError as error:
        sys.stdout.write("\n".join([error.message, *error.details, ""]))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

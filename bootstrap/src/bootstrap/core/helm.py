"""The Helm program, 3.14 or newer and 4: started as a child that dies with us, its values on standard input."""

import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from bootstrap.core import child, documents
from bootstrap.core.chart import Chart, ChartSource, Downloads, check_digest, description_of, digest_of, looks_up
from bootstrap.core.connection import Connection
from bootstrap.core.errors import ChartError, HelmError, HelmMissingError
from bootstrap.core.objects import Manifest
from plugin_kit import process
from plugin_kit.cancellation import cancellation
from plugin_kit.errors import ProcessError

OLDEST = (3, 14)
TAKES_OWNERSHIP = (3, 17)
SERVER_SIDE = 4
_DOWNLOAD_SECONDS = 120.0
_RENDER_SECONDS = 120.0
# Helm ends by itself at its own timeout, and says then what it was waiting for.
_SPARE_SECONDS = 30.0
_INSTALL_HINT = "install Helm 3.14 or newer (helm.sh/docs/intro/install), or run bootstrap from its image, which has it"
_NOT_FOUND = re.compile(r"not found|no chart version found|no chart name found|\b404\b|manifest unknown|path .* not found", re.IGNORECASE)
_GONE = re.compile(r"\brelease: not found$")
_DENIED = re.compile(r"\b40[13]\b|unauthorized|denied", re.IGNORECASE)
_TLS = re.compile(r"x509|certificate|tls:", re.IGNORECASE)
# What of a person's Helm settings says where charts come from; the others would send this to another cluster or store.
_KEPT_SETTINGS = frozenset(
    {"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_REGISTRY_CONFIG", "HELM_REPOSITORY_CONFIG", "HELM_REPOSITORY_CACHE"}
)


class Helm:
    """Helm for one cluster; leaving the context deletes its downloads."""

    def __init__(
        self, connection: Connection, *, program: str | None = None, known_secrets: Callable[[], Collection[str]] = frozenset
    ) -> None:
        """Take the program of that name or path, by default `helm` on PATH; none of `known_secrets` may stand on a command line."""
        self._connection = connection
        self._wanted = program or "helm"
        self._secrets = known_secrets
        self._downloads = Downloads()
        self._lock = threading.Lock()
        self._version: tuple[int, ...] | None = None
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        """Return Helm itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Delete what was downloaded."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def version(self) -> tuple[int, ...]:
        """Major, minor and patch; HelmMissingError where there is none, or one that is too old."""
        with self._lock:
            if self._version is None:
                self._version = self._checked_version()
            return self._version

    def chart(self, source: ChartSource, *, folder: Path) -> Chart:
        """Fetch a chart once in a run; paths are relative to `folder`. ChartError where it can't be had, or is another one."""
        with self._downloads.lock(source):
            chart = self._downloads.get(source)
            if chart is None:
                path = (folder / Path(source.reference).expanduser()) if source.local else self._pull(source)
                if not path.exists():
                    raise ChartError(f"there is no chart {path}", hint="the path is relative to platform.yaml")
                described = self._described(path, source)
                chart = Chart(
                    path=path, name=described["name"], version=described["version"], digest=digest_of(path), looks_up=looks_up(path)
                )
                self._downloads.put(source, chart)
        check_digest(source, chart)
        _check_version(source, chart)
        return chart

    def render(
        self,
        chart: Chart,
        *,
        release: str,
        namespace: str,
        values: Mapping[str, Any],
        upgrade: bool,
        kube_version: str,
        api_versions: Sequence[str],
    ) -> list[Manifest]:
        """Return the objects that Helm would apply, without hooks and CRDs of the folder `crds`; of CRDs in templates the metadata."""
        argv = ["template", release, str(chart.path), "--namespace", namespace, "--no-hooks", "--skip-tests", "--values", "-"]
        argv += ["--kube-version", kube_version, *([f"--api-versions={','.join(api_versions)}"] if api_versions else [])]
        argv += ["--is-upgrade"] if upgrade else []

        def printed(*more: str) -> str:
            return self._run([*argv, *more], values=values, what=f"render {chart.name}", timeout=_RENDER_SECONDS)

        if chart.looks_up:
            try:
                return documents.objects(printed("--dry-run=server", *self._login()), heads=True)
            except HelmError:
                # Helm 4 then asks the API server about each object, too: it fails on kinds that come later and on objects that are there.
                if self.version[0] < SERVER_SIDE:
                    raise
        return documents.objects(printed("--dry-run=client"), heads=True)

    def crds(self, chart: Chart) -> list[Manifest]:
        """Return the CRDs of the folder `crds`, which are no part of a release."""
        printed = self._run(["show", "crds", str(chart.path)], what=f"read {chart.name}", timeout=_RENDER_SECONDS)
        return documents.objects(documents.apart(printed))

    def upgrade(
        self,
        chart: Chart,
        *,
        release: str,
        namespace: str,
        values: Mapping[str, Any],
        labels: Mapping[str, str],
        timeout: float,
        take_ownership: bool,
    ) -> None:
        """Install or upgrade a release and wait until it is in order."""
        argv = [
            "upgrade",
            release,
            str(chart.path),
            "--install",
            "--namespace",
            namespace,
            "--values",
            "-",
            "--reset-values",
            "--skip-crds",
        ]
        argv += ["--wait", "--timeout", f"{timeout:.0f}s"]
        argv += ["--labels", ",".join(f"{key}={value}" for key, value in labels.items())] if labels else []
        if take_ownership and self.version < TAKES_OWNERSHIP:
            raise HelmMissingError("`take_ownership` needs Helm 3.17 or newer", hint=_INSTALL_HINT)
        argv += ["--take-ownership"] if take_ownership else []
        # Helm 4 applies on the server, where what was changed by hand would be a conflict. Whether it may be changed was asked before.
        argv += ["--server-side=true", "--force-conflicts"] if self.version[0] >= SERVER_SIDE else []
        self._run([*argv, *self._login()], values=values, what=f"install {namespace}/{release}", timeout=timeout + _SPARE_SECONDS)

    def rollback(self, *, release: str, namespace: str, revision: int, timeout: float) -> None:
        """Go back to a revision, without waiting: what it goes back to may not come up, either."""
        argv = ["rollback", release, str(revision), "--namespace", namespace, "--timeout", f"{timeout:.0f}s"]
        argv += ["--server-side=true", "--force-conflicts"] if self.version[0] >= SERVER_SIDE else []
        self._run([*argv, *self._login()], what=f"roll back {namespace}/{release}", timeout=timeout + _SPARE_SECONDS)

    def uninstall(self, *, release: str, namespace: str, timeout: float) -> None:
        """Delete a release and its objects, and wait until they are gone; nothing where there is none."""
        argv = ["uninstall", release, "--namespace", namespace, "--wait", "--timeout", f"{timeout:.0f}s"]
        try:
            self._run([*argv, *self._login()], what=f"uninstall {namespace}/{release}", timeout=timeout + _SPARE_SECONDS)
        except HelmError as error:
            # Helm's own --ignore-not-found calls everything well for which it can't read the release: no login, no connection.
            if not any(_GONE.search(line) for line in error.details):
                raise

    @staticmethod
    def stop() -> None:
        """Kill whatever runs: when the lock is lost, nothing may be changed any more."""
        for running in list(cancellation.children):
            running.kill()

    def _checked_version(self) -> tuple[int, ...]:
        try:
            printed = process.run([self._program(), "version", "--template", "{{.Version}}"], env=_environment(), timeout=30).stdout
        except ProcessError as error:
            raise HelmMissingError(f"Helm can't be used: {error.message}", details=error.details, hint=_INSTALL_HINT) from error
        found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", printed.strip())
        version = tuple(int(part) for part in found.groups()) if found else (0, 0, 0)
        if version < OLDEST:
            raise HelmMissingError(f"Helm {printed.strip()} is too old: 3.14 is the oldest that can do what is needed", hint=_INSTALL_HINT)
        return version

    def _program(self) -> str:
        found = shutil.which(self._wanted)
        if found is None:
            raise HelmMissingError(f"Helm is not installed: there is no {self._wanted} on PATH", hint=_INSTALL_HINT)
        return str(Path(found).absolute())

    def _login(self) -> list[str]:
        if self._connection.kubeconfig is None:
            return []
        return ["--kubeconfig", str(self._connection.kubeconfig), "--kube-context", self._connection.context]

    def _pull(self, source: ChartSource) -> Path:
        # Each chart by itself, since a reference says nothing of the name of its archive.
        place = Path(tempfile.mkdtemp(dir=self._private_folder()))
        argv = ["pull", source.reference, "--version", source.version, "--destination", str(place)]
        argv += ["--repo", source.repo] if source.repo else []
        try:
            self._run(argv, what=f"fetch {source}", timeout=_DOWNLOAD_SECONDS)
        except HelmMissingError:
            # Of the chart that says nothing.
            raise
        except HelmError as error:
            raise _chart_error(source, error) from error
        archives = list(place.glob("*.tgz"))
        if len(archives) != 1:
            raise ChartError(f"the chart {source} came as {len(archives)} archives", hint="try: helm pull")
        return archives[0]

    def _private_folder(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="bootstrap-"))
            return self._folder

    def _described(self, path: Path, source: ChartSource) -> Mapping[str, Any]:
        if found := description_of(path):
            return found
        # What is wrong with it, Helm says.
        printed = self._run(["show", "chart", str(path)], what=f"read {source}", timeout=_RENDER_SECONDS)
        described = yaml.safe_load(printed)
        if not isinstance(described, Mapping) or "name" not in described or "version" not in described:
            raise ChartError(f"{path} is no Helm chart", hint="a chart has a Chart.yaml with name and version")
        return described

    def _run(self, arguments: Sequence[str], *, what: str, timeout: float, values: Mapping[str, Any] | None = None) -> str:
        # Asked once: one that is too old fails in ways that say nothing of that.
        _ = self.version
        argv = [sys.executable, "-I", "-S", child.__file__, str(os.getpid()), self._program(), *arguments]
        # JSON is YAML. On standard input the values, and the secrets among them, are in no file and on no command line.
        data = json.dumps(values) if values is not None else ""
        # All of it: a chart with CRDs in its templates is longer than what a result keeps.
        lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
        try:
            process.run(
                argv,
                env=_environment(),
                input=data,
                timeout=timeout,
                secrets=self._secrets(),
                on_line=lambda stream, line: lines[stream].append(line),
            )
        except ProcessError as error:
            details = error.details or [error.message.replace(Path(sys.executable).name, "helm")]
            raise HelmError(f"Helm could not {what}", details=details, hint=_hint(error)) from error
        return "".join(f"{line}\n" for line in lines["stdout"])


def _check_version(source: ChartSource, chart: Chart) -> None:
    if chart.version.removeprefix("v") != source.version.removeprefix("v"):
        raise ChartError(
            f"the chart {source.reference} has version {chart.version}, and platform.yaml names {source.version}",
            hint="set `version` to what is meant",
        )


def _chart_error(source: ChartSource, error: HelmError) -> ChartError:
    text = "\n".join(error.details)
    if _TLS.search(text):
        return ChartError(
            f"the chart {source} can't be fetched: the certificate of its server is not trusted",
            details=error.details,
            hint="add its CA to the system's, or name it in SSL_CERT_FILE",
        )
    if _DENIED.search(text):
        return ChartError(
            f"the chart {source} can't be fetched: a login is needed",
            details=error.details,
            hint="helm registry login, or helm repo add with a login",
        )
    if _NOT_FOUND.search(text):
        return ChartError(
            f"there is no chart {source}", details=error.details, hint="check `source`, `name` and `version` of the chart in platform.yaml"
        )
    return ChartError(
        f"the chart {source} can't be fetched",
        details=error.details,
        hint="without a way to it: helm pull it elsewhere, and give the path of the archive as `source`",
    )


def _hint(error: ProcessError) -> str | None:
    text = "\n".join(error.details)
    if "another operation" in text:
        return "somebody else works on this release at the moment; run it again when that is over"
    if "invalid ownership metadata" in text:
        return "set `take_ownership: true` for this chart in platform.yaml to make what exists a part of the release"
    return error.hint


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HELM_") or name in _KEPT_SETTINGS}
    return {**kept, "HELM_DRIVER": "secret"}

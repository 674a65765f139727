"""The programs of the tests' Kubernetes: pinned in tests/support/controlplane, built from their Go modules when they are first needed."""

import os
from pathlib import Path

from devtools import go_programs
from devtools.errors import DevError
from devtools.go_programs import GoProgram, pinned
from devtools.paths import ROOT

MODULES = ROOT / "tests/support/controlplane"
# One program is all three of them.
KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
# What envtest's archives hold; whoever has set the variable wants to test with these.
ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"
ASSETS = ("etcd", "kube-apiserver")


def build(*names: str) -> None:
    """Build those of the programs that are missing; by default what a control plane with nodes needs."""
    given = bool(os.environ.get(ASSETS_VARIABLE))
    for name in names or ("kubernetes", "etcd", "kwok"):
        if not (given and name in ASSETS):
            go_programs.build(PROGRAMS[name])


def command(name: str) -> list[str]:
    """Return how a program is started, such as `kube-apiserver`, `etcd`, `kwok`, `kubectl` or `helm3`, built if need be.

    kube-apiserver and etcd are those in the folder `KUBEBUILDER_ASSETS` where that is set.
    """
    if name in ASSETS and (folder := os.environ.get(ASSETS_VARIABLE)):
        return [str(_asset(Path(folder), name))]
    if name in KUBERNETES:
        return [str(go_programs.build(PROGRAMS["kubernetes"])), name]
    return [str(go_programs.build(PROGRAMS[name]))]


def stages() -> list[Path]:
    """Return the files that tell KWOK what becomes of nodes and pods: ready at once, and gone when they are deleted."""
    folder = go_programs.build(PROGRAMS["kwok"]).parent / "stages"
    names = ("node/fast", "node/heartbeat", "pod/fast")
    return [file for name in names for file in sorted((folder / name).glob("*.yaml")) if file.name != "kustomization.yaml"]


def _asset(folder: Path, name: str) -> Path:
    file = folder / name
    if not os.access(file, os.X_OK):
        raise DevError(
            f"{ASSETS_VARIABLE} is {folder}, and there is no program {name}", hint=f"put {name} there, or unset {ASSETS_VARIABLE}"
        )
    return file


def _kubernetes(name: str, package: str, takes: str) -> GoProgram:
    module = MODULES / name
    version = pinned(module, "k8s.io/kubernetes")
    major, minor, _ = version.removeprefix("v").split(".", 2)
    # Without these it takes itself for v0.0.0, and whoever asks for its version (Helm charts, clients) refuses it.
    stamps = {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": version,
    }
    return GoProgram(name=name, module=module, package=package, pin="k8s.io/kubernetes", stamps=stamps, takes=takes)


def _helm(major: int) -> GoProgram:
    module = MODULES / f"helm{major}"
    path = f"helm.sh/helm/v{major}"
    version = pinned(module, path)
    stamps = {f"{path}/internal/version.version": version}
    if major == 3:  # noqa: PLR2004  Helm 4 reads it from its build information
        # The Kubernetes that `helm template` assumes is that of its client, 1.37 for v0.37.
        minor = pinned(module, "k8s.io/client-go").split(".")[1]
        for package in ("pkg/chartutil", "pkg/lint/rules"):
            stamps |= {f"{path}/{package}.k8sVersionMajor": "1", f"{path}/{package}.k8sVersionMinor": minor}
    takes = "about 1.5 minutes on 2 cores, once"
    return GoProgram(name=f"helm{major}", module=module, package=f"{path}/cmd/helm", pin=path, stamps=stamps, takes=takes)


PROGRAMS = {
    each.name: each
    for each in (
        _kubernetes("kubernetes", ".", "about 6 minutes on 2 cores, once"),
        _kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl", "less than half a minute on 2 cores after the API server, once"),
        GoProgram(
            name="etcd",
            module=MODULES / "etcd",
            package="go.etcd.io/etcd/server/v3",
            pin="go.etcd.io/etcd/server/v3",
            takes="about half a minute on 2 cores, once",
        ),
        GoProgram(
            name="kwok",
            module=MODULES / "kwok",
            package="sigs.k8s.io/kwok/cmd/kwok",
            pin="sigs.k8s.io/kwok",
            folders={"stages": "kustomize/stage"},
            takes="about 1.5 minutes on 2 cores, once",
        ),
        _helm(3),
        _helm(4),
    )
}

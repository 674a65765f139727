"""What only a pod can find out: whether names resolve and answer inside the cluster, and whether nodes can mount the NFS folders."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bootstrap.components import probe_pod
from bootstrap.components.probe import Probe
from bootstrap.components.storage.component import uses
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest, load_manifest
from bootstrap.platform.platform import Platform

NETWORK, VOLUMES = "probe-network", "probe-volumes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address that pods have to reach."""

    name: str
    url: str
    setting: str
    codes: frozenset[str] = frozenset()
    """HTTP codes by which it is known that nobody else answers; none: any answer will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a pod has found out about one thing."""

    name: str
    good: bool
    text: str


def targets(platform: Platform) -> list[Target]:
    """Return what is there already and has to be reached from inside."""
    found = []
    if platform.registry.mode == "external":
        found.append(registry_target(platform))
    if platform.gitea.mode == "external":
        url = f"{platform.gitea.endpoint.cluster_url}/api/v1/version"
        found.append(Target(name="gitea", url=url, setting="gitea.endpoint.cluster_url"))
    return found


def registry_target(platform: Platform) -> Target:
    """Return the registry under the name that pods and nodes know it by."""
    scheme = "http" if platform.registry.plain_http else "https"
    codes = frozenset({"200", "401", "403"})
    return Target(name="registry", url=f"{scheme}://{platform.registry.host}/v2/", setting="registry.host", codes=codes)


def network_probe(platform: Platform, wanted: Sequence[Target], *, name: str = NETWORK) -> Probe:
    """Make the pod that asks each address."""
    values = {
        "name": name,
        "namespace": platform.namespace,
        "image": platform.prerequisites.probe_image,
        "targets": " ".join(f"{each.name} {each.url}" for each in wanted),
    }
    (manifest,) = load_manifest(__package__, "network.yaml", values)

    def judge(context: Context, live: Manifest) -> None:
        del context
        bad = [(target, answer) for target, answer in _paired(wanted, answers(live)) if not answer.good]
        if bad:
            raise BootstrapError(
                f"from inside the cluster {_listed([target.name for target, _ in bad])} can't be reached",
                details=[f"{target.url}: {answer.text}" for target, answer in bad],
                hint=" ".join(dict.fromkeys(_network_remedy(target, answer) for target, answer in bad)),
            )

    return Probe(
        manifest=probe_pod.stamped(manifest), purpose="tries from inside whether names resolve and answer", judge=judge, stuck=_stuck_image
    )


def volume_probe(platform: Platform) -> Probe | None:
    """Make the pod that mounts each NFS folder, or None where there are no volumes on NFS."""
    storage, used = platform.storage, {use.volume.persistent_volume for use in uses(platform)}
    if storage is None or not used:
        return None
    paths = {key.replace("_", "-"): each.path for key, each in storage.volumes().items() if each.persistent_volume in used}
    values = {
        "name": VOLUMES,
        "namespace": platform.namespace,
        "image": platform.prerequisites.probe_image,
        "folders": " ".join(paths),
        "mounts": [{"name": key, "mountPath": f"/volumes/{key}"} for key in paths],
        "volumes": [{"name": key, "nfs": {"server": storage.server, "path": path}} for key, path in paths.items()],
    }
    (manifest,) = load_manifest(__package__, "volumes.yaml", values)

    def judge(context: Context, live: Manifest) -> None:
        del context
        wanted = [Target(name=key, url=path, setting=f"storage.{key}") for key, path in paths.items()]
        bad = [(target, answer) for target, answer in _paired(wanted, answers(live)) if not answer.good]
        if bad:
            raise BootstrapError(
                f"pods can't write into {_listed([target.url for target, _ in bad])} on {storage.server}",
                details=[f"{target.url}: {answer.text}" for target, answer in bad],
                hint="let user 1000 write there: chown 1000:1000 on the server, or map the users of the export to one that may",
            )

    def stuck(context: Context, live: Manifest) -> BootstrapError | None:
        return _stuck_image(context, live) or _stuck_mount(context, live, storage.server)

    return Probe(manifest=probe_pod.stamped(manifest), purpose="tries whether a node can mount the NFS folders", judge=judge, stuck=stuck)


def answers(live: Manifest) -> list[Answer]:
    """Read the last words of a probe: a line for each thing, with tabs between name, `ok` or `failed`, and what was found."""
    found = []
    for line in probe_pod.message(live).splitlines():
        name, _, rest = line.partition("\t")
        state, _, text = rest.partition("\t")
        found.append(Answer(name=name, good=state == "ok", text=text))
    return found


def _paired(wanted: Sequence[Target], given: Sequence[Answer]) -> list[tuple[Target, Answer]]:
    by_name = {each.name: each for each in given}
    return [(each, _judged(each, by_name.get(each.name))) for each in wanted]


def _judged(target: Target, answer: Answer | None) -> Answer:
    if answer is None:
        # A probe that was killed may have said nothing, and that is no success.
        return Answer(name=target.name, good=False, text="the probe said nothing about it")
    protocol, _, code = answer.text.partition(" ")
    if answer.good and target.codes and protocol == "HTTP" and code not in target.codes:
        # The name leads to an ingress that knows nothing of it.
        return replace(answer, good=False, text=f"something else answers there (HTTP {code})")
    return answer


def _network_remedy(target: Target, answer: Answer) -> str:
    if "bad address" in answer.text:
        return (
            f"`{target.setting}`: the cluster's DNS does not know this name; add it to your DNS, or to CoreDNS"
            " (k3s: a ConfigMap coredns-custom in kube-system)."
        )
    return f"`{target.setting}`: it must be an address that pods reach; NetworkPolicies and firewalls may be in the way."


def _stuck_image(context: Context, live: Manifest) -> BootstrapError | None:
    trouble = probe_pod.pull_trouble(live)
    if not trouble:
        return None
    image = context.platform.prerequisites.probe_image
    return BootstrapError(
        f"the node can't pull {image}, the image of the probe pod",
        details=[trouble],
        hint="set `prerequisites.probe_image` to an image with sh and wget that your nodes can pull,"
        " such as a copy of busybox in your registry",
    )


# mount.nfs and the kubelet in their own words, with what helps.
_MOUNT_REMEDIES = (
    (
        r"bad option|need a /sbin/mount|executable file not found",
        'the nodes lack an NFS client: install nfs-common (NixOS: boot.supportedFilesystems = [ "nfs" ])',
    ),
    (r"No such file or directory", "make the folder on the NFS server; each volume needs its own, and it must exist"),
    (r"access denied|Permission denied|Operation not permitted", "export the folder to the addresses of all nodes"),
    (r"Connection refused|timed out|No route to host|Connection timed out", "check `storage.server`, and that nodes reach its port 2049"),
    (r"Protocol not supported|requested NFS version", "switch on NFS 4.1 on the server, or set `storage.mount_options`"),
    (r"Failed to resolve|Name or service not known", "write `storage.server` as an address: nodes don't ask the cluster's DNS"),
)


def _stuck_mount(context: Context, live: Manifest, server: str) -> BootstrapError | None:
    name, uid = live["metadata"]["name"], live["metadata"].get("uid")
    for event in reversed(context.cluster.events(live["metadata"]["namespace"])):
        about: dict[str, Any] = event.get("involvedObject") or {}
        if event.get("reason") != "FailedMount" or about.get("name") != name or about.get("uid") not in {None, uid}:
            continue
        text = str(event.get("message") or "")
        for sign, remedy in _MOUNT_REMEDIES:
            if re.search(sign, text, re.IGNORECASE):
                node = (live.get("spec") or {}).get("nodeName") or "a node"
                return BootstrapError(f"{node} can't mount a folder of the NFS server {server}", details=[text.strip()], hint=remedy)
    return None


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

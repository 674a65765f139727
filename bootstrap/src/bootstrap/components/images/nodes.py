"""Whether every node can pull from the platform's registry. Its container runtime has to trust the CA, and no API can teach it that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bootstrap.components import probe_pod
from bootstrap.components.registry.access import pull_secrets
from bootstrap.components.trust import makes_ca
from bootstrap.core.change import ABSENT, READY, Action, Change, FieldChange, Observation, Readiness, Removal, State
from bootstrap.core.clock import Deadline
from bootstrap.core.context import Context
from bootstrap.core.errors import BootstrapError
from bootstrap.core.objects import Manifest, Ref, load_manifest, ref_of

PURPOSE = {"local-cicd.dev/probe": "pull"}
_CA_FILE = "/etc/rancher/k3s/local-cicd-ca.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTrust:
    """A pod on each node that is ready, which does nothing but pull; it stays, ended, as the evidence, and a new node gets its own."""

    image: str

    @property
    def label(self) -> str:
        """How a person knows it."""
        return "Nodes that pull from the registry"

    def observe(self, context: Context) -> Observation:
        """Find the nodes of which it isn't known yet."""
        pods = self._pods(context)
        open_ones = [name for name, manifest in self._wanted(context).items() if not _is_done(pods.get(ref_of(manifest).name), manifest)]
        if not open_ones:
            return Observation()
        fields = tuple(FieldChange(path=f"node {name}", after="a pod that pulls") for name in open_ones)
        note = f"tries whether these nodes can pull {self.image}"
        return Observation(change=Change(resource=self.label, action=Action.CREATE, fields=fields, note=note))

    def apply(self, context: Context, change: Change) -> None:
        """Start the pods that are missing, in the place of those that have failed."""
        del change
        pods = self._pods(context)
        missing = []
        for manifest in self._wanted(context).values():
            live = pods.get(ref_of(manifest).name)
            if _is_done(live, manifest):
                continue
            if live is not None:
                context.guard.check()
                context.cluster.delete(ref_of(live))
            missing.append(manifest)
        for manifest in missing:
            _wait_gone(context, ref_of(manifest))
            context.guard.check()
            labels = {**context.labels, **manifest["metadata"]["labels"]}
            context.cluster.apply({**manifest, "metadata": {**manifest["metadata"], "labels": labels}})

    def verify(self, context: Context, deadline: Deadline) -> None:
        """Wait until all have pulled, and name every node that can't, with what to write on it."""

        def look() -> Readiness:
            pods = self._pods(context)
            manifests = self._wanted(context)
            waiting = [name for name, manifest in manifests.items() if not _has_said(pods.get(ref_of(manifest).name))]
            return Readiness(state=State.PROGRESSING, message=f"waiting for {', '.join(waiting)}") if waiting else READY

        context.waiter.wait(self.label, look, deadline=deadline, refs=[ref_of(each) for each in self._wanted(context).values()])
        bad = self._bad(context)
        if bad:
            nodes = {node["metadata"]["name"]: node for node in context.cluster.list("v1", "Node")}
            details = [f"{name}: {trouble}" for name, trouble in bad.items()]
            raise BootstrapError(
                f"{', '.join(bad)} can't pull {self.image}",
                details=[*details, *remedy(context, [nodes[name] for name in bad if name in nodes], " ".join(bad.values()))],
                hint="when that is done, run this again",
            )

    def status(self, context: Context) -> Readiness:
        """Say which nodes can't, or were never asked."""
        if bad := self._bad(context):
            return Readiness(state=State.FAILED, message=f"{', '.join(bad)} can't pull {self.image}")
        pods = self._pods(context)
        unknown = [name for name, manifest in self._wanted(context).items() if not _is_done(pods.get(ref_of(manifest).name), manifest)]
        if not unknown:
            return READY
        return ABSENT if not pods else Readiness(state=State.UNKNOWN, message=f"not tried yet on {', '.join(unknown)}")

    def removal(self, context: Context) -> Removal | None:
        """Let the pods go."""
        return Removal(resource=self.label, note="the pods that have tried it") if self._pods(context) else None

    def remove(self, context: Context, deadline: Deadline) -> None:
        """Delete the pods."""
        del deadline
        for live in self._pods(context).values():
            context.guard.check()
            context.cluster.delete(ref_of(live))

    def _pods(self, context: Context) -> dict[str, Manifest]:
        found = context.cluster.list("v1", "Pod", namespace=context.platform.namespace, labels=PURPOSE)
        return {live["metadata"]["name"]: live for live in found}

    def _wanted(self, context: Context) -> dict[str, Manifest]:
        """Return the pod of each node that is ready and takes pods; the others are asked when they are back."""
        secrets = pull_secrets(context)
        found = {}
        for node in context.cluster.list("v1", "Node"):
            name = node["metadata"]["name"]
            if (node.get("spec") or {}).get("unschedulable") or not _is_ready(node):
                continue
            values = {
                "name": f"pull-{name}",
                "namespace": context.platform.namespace,
                "node": name,
                "image": self.image,
                "secrets": secrets,
            }
            (manifest,) = load_manifest(__package__, "pull.yaml", values)
            found[name] = probe_pod.stamped(manifest)
        return found

    def _bad(self, context: Context) -> Mapping[str, str]:
        found = {}
        for live in self._pods(context).values():
            trouble = probe_pod.pull_trouble(live)
            if trouble:
                found[str((live.get("spec") or {}).get("nodeName"))] = trouble
        return dict(sorted(found.items()))


def remedy(context: Context, nodes: Sequence[Manifest], trouble: str) -> Iterator[str]:
    """Yield what has to be written on the nodes, for the container runtime that they have."""
    registry = context.platform.registry
    if any(sign in trouble for sign in ("401", "unauthorized", "authentication required", "no basic auth")):
        yield "the registry wants a login: set `registry.login` in platform.yaml"
        return
    if any(sign in trouble for sign in ("no such host", "server misbehaving", "Temporary failure in name resolution")):
        yield f"nodes ask their own DNS, not the cluster's: let it know {registry.hostname}, or add it to /etc/hosts on each node"
        return
    k3s = [node["metadata"]["name"] for node in nodes if "k3s" in _info(node, "kubeletVersion")]
    others = [node["metadata"]["name"] for node in nodes if "k3s" not in _info(node, "kubeletVersion")]
    scheme = "http" if registry.plain_http else "https"
    if k3s:
        yield f"on {', '.join(k3s)}, in /etc/rancher/k3s/registries.yaml:"
        yield "  mirrors:"
        # Without an entry here k3s does not look at the one below (k3s-io/k3s#9839).
        yield f'    "{registry.host}":'
        yield f'      endpoint: ["{scheme}://{registry.host}"]'
        if not registry.plain_http:
            yield "  configs:"
            yield f'    "{registry.host}":'
            yield f"      tls: {{ca_file: {_CA_FILE}}}"
            yield f"with the CA in {_CA_FILE} on each of them: {_ca_command(context)}"
        if any("NixOS" in _info(node, "osImage") for node in nodes):
            yield 'on NixOS as environment.etc."rancher/k3s/registries.yaml".text, then nixos-rebuild switch'
        yield "then: systemctl restart k3s (on a server), systemctl restart k3s-agent (on an agent)"
    if others:
        yield f"on {', '.join(others)}, in /etc/containerd/certs.d/{registry.host}/hosts.toml (containerd reads it at once):"
        yield f'  server = "{scheme}://{registry.host}"'
        yield f'  [host."{scheme}://{registry.host}"]'
        if not registry.plain_http:
            yield f'    ca = "/etc/containerd/certs.d/{registry.host}/ca.pem"'
            yield f"with the CA in that file: {_ca_command(context)}"


def _ca_command(context: Context) -> str:
    platform = context.platform
    own = makes_ca(platform) and (platform.registry.mode == "install" or platform.ca is None)
    bundle = None if own else platform.ca
    if bundle is not None and bundle.file is not None:
        return f"it is {bundle.file}"
    if bundle is not None and (key := bundle.secret or bundle.config_map):
        kind, decode = ("secret", " | base64 -d") if bundle.secret else ("configmap", "")
        path = key.key.replace(".", "\\.")
        return f"kubectl get {kind} -n {key.namespace} {key.name} -o jsonpath='{{.data.{path}}}'{decode}"
    if own:
        namespace, name = platform.prerequisites.cert_manager.chart.namespace, f"{platform.prerequisites.cert_manager.issuer}-ca"
        return f"kubectl get secret -n {namespace} {name} -o jsonpath='{{.data.tls\\.crt}}' | base64 -d"
    return "the certificate of the CA that signed the registry's; name it in platform.yaml as `ca`, too"


def _info(node: Manifest, key: str) -> str:
    return str(((node.get("status") or {}).get("nodeInfo") or {}).get(key) or "")


def _is_ready(node: Manifest) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _is_done(live: Manifest | None, manifest: Manifest) -> bool:
    return (
        live is not None and probe_pod.is_of(live, manifest) and probe_pod.is_pulled(live) and not live["metadata"].get("deletionTimestamp")
    )


def _has_said(live: Manifest | None) -> bool:
    return live is not None and (probe_pod.is_pulled(live) or bool(probe_pod.pull_trouble(live)))


def _wait_gone(context: Context, ref: Ref) -> None:
    def look() -> Readiness:
        return READY if context.cluster.get(ref) is None else Readiness(state=State.PROGRESSING, message="is still there")

    deadline = context.deadline(context.platform.timeouts.deleted)
    context.waiter.wait(f"Deletion of {ref.label}", look, deadline=deadline, refs=[ref])

"""A real Kubernetes control plane on loopback, without containers: etcd and kube-apiserver, on request controllers, scheduler and nodes.

    with ControlPlane.start(folder, controllers=True, nodes=2) as plane:
        plane.url                       "https://127.0.0.1:41234"
        plane.kubeconfig("admin")       a file, for Helm or a program of ours
        plane.tokens["nobody"]          for who speaks HTTP by hand
        plane.client()                  lightkube, as admin
        plane.apply(text)               CRDs are served when it returns

The nodes are made up: KWOK says of their pods that they run. Nothing answers behind Services, so webhooks find nobody.
"""

from devtools.controlplane.plane import ControlPlane

__all__ = ["ControlPlane"]

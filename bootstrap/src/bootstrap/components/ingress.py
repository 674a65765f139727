"""What every ingress of the platform has in common."""

from bootstrap.platform.platform import Platform


def issuer_annotations(platform: Platform) -> dict[str, str]:
    """Return the annotation by which cert-manager makes the certificate of an ingress, in the Secret that its `tls` names."""
    issuer = platform.prerequisites.cert_manager
    key = "cluster-issuer" if issuer.issuer_kind == "ClusterIssuer" else "issuer"
    return {f"cert-manager.io/{key}": issuer.issuer}

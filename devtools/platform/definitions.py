"""CRDs of a few words, for kinds whose own are none of ours to copy: they take everything."""

from typing import Any


def definition(group: str, kind: str, *, version: str = "v1", scope: str = "Namespaced", status: bool = True) -> dict[str, Any]:
    """Write the CRD of a kind; with `status` that is a subresource, as it is for most."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything, "status": anything}}}
    served: dict[str, Any] = {"name": version, "served": True, "storage": True, "schema": schema}
    if status:
        served["subresources"] = {"status": {}}
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [served],
        },
    }

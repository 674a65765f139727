"""cert-manager and an issuer with a CA of its own, where the cluster has none."""

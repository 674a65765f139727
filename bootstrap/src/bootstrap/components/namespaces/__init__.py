"""The namespaces that the platform needs."""

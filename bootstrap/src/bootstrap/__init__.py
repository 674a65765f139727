"""Installs, checks and removes the platform on a Kubernetes cluster."""

__version__ = "0.1.0"

"""Argo CD: brings the charts in Git to the cluster."""

"""Volumes on NFS that outlive the cluster, and the claims that they are reserved for."""

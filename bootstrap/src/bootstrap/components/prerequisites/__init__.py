"""What the cluster must have before anything is changed."""

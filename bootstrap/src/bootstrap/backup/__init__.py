"""What is nowhere else but on the cluster, as files: written, kept, and brought back."""

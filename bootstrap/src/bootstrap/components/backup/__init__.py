"""The nightly export of what is nowhere else."""

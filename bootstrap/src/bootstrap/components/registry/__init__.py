"""The registry that all images go through."""

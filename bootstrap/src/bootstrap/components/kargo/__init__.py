"""Kargo: promotes a commit from stage to stage."""

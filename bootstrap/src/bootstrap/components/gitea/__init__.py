"""Gitea: the forge that is there, or one of our own."""

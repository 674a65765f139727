"""Gitea: its state, its API, its pages, and the push of an existing clone; one file per noun."""

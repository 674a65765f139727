"""Woodpecker CI: its API and the first login without a browser; one file per noun."""

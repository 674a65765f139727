"""A stand-in for Gitea: its installation page, its API, its login and consent pages, and repositories that git can push into.

It answers as recorded from a real one (tests/data/gitea), and has bad days on demand. It needs the standard library and git.
"""

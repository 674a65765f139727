"""A stand-in for Woodpecker 3.17's server: its login by way of a Gitea, its API, and agents that only say that they are there.

It answers as recorded from a real one (tests/data/woodpecker), and has bad days on demand. Only the standard library is needed.
Its Gitea is any server that speaks OAuth2 and the API as Gitea does: the stand-in devtools.gitea.
"""

"""A stand-in for Kargo 1.11: its REST API, its generic webhook receiver, and a controller that discovers images and makes Freight of them.

It answers as recorded from a real one (tests/data/kargo), and has bad days on demand. Only the standard library is needed, so that it also
runs in a container: `python -m devtools.kargo`.
"""

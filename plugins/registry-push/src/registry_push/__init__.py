"""Builds every image of a repository in one Woodpecker step, all or nothing."""

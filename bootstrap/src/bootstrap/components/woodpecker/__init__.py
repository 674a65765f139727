"""Woodpecker: server, agents, and the login with which the repositories are set up."""

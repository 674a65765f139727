"""The repositories of projects in Gitea."""

"""A project in Argo CD: its repository, and an Application for each stage."""

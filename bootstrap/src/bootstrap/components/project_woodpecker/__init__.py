"""Each project in Woodpecker: its repository, secrets and registry login, and what its integration tests may do on the cluster."""

"""What `./dev` runs: the environment of the developers, never shipped."""

"""BuildKit: what builds the images, so that no pipeline step is privileged."""

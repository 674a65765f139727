"""What the Woodpecker plugins of local-cicd share."""

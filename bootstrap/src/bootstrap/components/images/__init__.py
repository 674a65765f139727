"""This project's own images, copied into the platform's registry."""

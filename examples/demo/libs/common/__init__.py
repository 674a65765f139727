"""What several services of the platform share; they are built with the repository root as context."""

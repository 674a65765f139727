"""Actions Runner Controller is taken away."""

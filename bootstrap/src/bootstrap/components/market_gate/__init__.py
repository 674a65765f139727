"""The market gate: what stages ask before a promotion, what it is told, and who may ask."""

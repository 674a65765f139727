"""The rules for records of break-glass, in force on the API server."""

"""Tells whether a promotion may run now."""

import os

# An image says of which state of the repository it is.
__version__ = os.environ.get("LOCAL_CICD_VERSION") or "0.1.0"

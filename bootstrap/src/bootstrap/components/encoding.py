"""How a Secret holds its values."""

import base64


def encoded(text: str) -> str:
    """Return a text as it stands in the `data` of a Secret."""
    return base64.b64encode(text.encode()).decode("ascii")

"""Where the gate answers."""

from bootstrap.platform.platform import Platform

NAME = "market-gate"
PORT = 8080
"""Of its pods; that of its Service is 80."""


def gate_url(platform: Platform) -> str:
    """Return the address that stages and analyses ask, as pods reach it."""
    return f"http://{NAME}.{platform.market_gate.namespace}.svc/v1/gate"

"""Stops an order that would take a position over its limit."""

import service
from common import money


def verdict(position: int, order: int, limit: int) -> dict[str, object]:
    """Return whether an order is allowed; all amounts in cents, sales negative."""
    exposure = abs(position + order)
    allowed = exposure <= limit or exposure < abs(position)
    return {"allowed": allowed, "exposure": money.text(exposure), "limit": money.text(limit)}


def route(query: service.Query) -> object:
    """Answer /verdict?position=900.00&order=150.00&limit=1000.00."""
    return verdict(money.cents(query["position"]), money.cents(query["order"]), money.cents(query["limit"]))


if __name__ == "__main__":
    service.run(
        "risk-engine",
        {"/verdict": route},
        self_test={"/verdict?position=900&order=150&limit=1000": {"allowed": False, "exposure": "1050.00", "limit": "1000.00"}},
    )

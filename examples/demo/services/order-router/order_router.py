"""Splits an order into lots that a venue takes."""

import service
from common import symbols

LOT = 100


def lots(symbol: str, quantity: int, venues: list[str]) -> list[dict[str, object]]:
    """Return the child orders: whole lots spread over the venues, the odd rest to the first."""
    if quantity <= 0:
        raise ValueError(f"quantity must be positive: {quantity}")
    whole, rest = divmod(quantity, LOT)
    shares = [whole // len(venues) + (index < whole % len(venues)) for index in range(len(venues))]
    sizes = [share * LOT + (rest if index == 0 else 0) for index, share in enumerate(shares)]
    ticker = symbols.parse(symbol).ticker
    return [{"venue": venue, "ticker": ticker, "quantity": size} for venue, size in zip(venues, sizes, strict=True) if size]


def route(query: service.Query) -> object:
    """Answer /lots?symbol=XNYS:ACME&quantity=250&venues=A,B."""
    return lots(query["symbol"], int(query["quantity"]), query["venues"].split(","))


if __name__ == "__main__":
    service.run(
        "order-router",
        {"/lots": route},
        self_test={
            "/lots?symbol=XNYS:ACME&quantity=250&venues=A,B": [
                {"venue": "A", "ticker": "ACME", "quantity": 150},
                {"venue": "B", "ticker": "ACME", "quantity": 100},
            ]
        },
    )

"""Reads the lines of an exchange's feed: symbol, price, size."""

import service


def quote(line: str) -> dict[str, object]:
    """Return the quote that a line such as "XNYS:ACME 12.34 100" holds."""
    symbol, price, size = line.split()
    if float(price) <= 0 or int(size) <= 0:
        raise ValueError(f"price and size must be positive: {line!r}")
    return {"symbol": symbol.upper(), "price": float(price), "size": int(size)}


def route(query: service.Query) -> object:
    """Answer /quote?line=..."""
    return quote(query["line"])


if __name__ == "__main__":
    service.run(
        "market-feed",
        {"/quote": route},
        self_test={"/quote?line=xnys:acme+12.5+100": {"symbol": "XNYS:ACME", "price": 12.5, "size": 100}},
    )

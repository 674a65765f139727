"""Folds trades into candles: open, high, low, close."""

from collections.abc import Sequence

import service


def candle(prices: Sequence[float]) -> dict[str, float]:
    """Return the candle of the prices of one interval, in the order of the trades."""
    if not prices:
        raise ValueError("an interval without trades has no candle")
    return {"open": prices[0], "high": max(prices), "low": min(prices), "close": prices[-1]}


def route(query: service.Query) -> object:
    """Answer /candle?prices=1,2,3."""
    return candle([float(price) for price in query["prices"].split(",")])


if __name__ == "__main__":
    service.run(
        "candle-store",
        {"/candle": route},
        self_test={"/candle?prices=10,12,9,11": {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0}},
    )

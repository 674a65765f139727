"""Says buy or sell where a short moving average crosses a long one."""

from collections.abc import Sequence
from statistics import fmean

import service

SHORT = 3
LONG = 6


def signal(prices: Sequence[float]) -> str:
    """Return buy, sell or hold for a series of closing prices."""
    if len(prices) <= LONG:
        return "hold"
    before = fmean(prices[-SHORT - 1 : -1]) - fmean(prices[-LONG - 1 : -1])
    after = fmean(prices[-SHORT:]) - fmean(prices[-LONG:])
    if before <= 0 < after:
        return "buy"
    if before >= 0 > after:
        return "sell"
    return "hold"


def route(query: service.Query) -> object:
    """Answer /signal?prices=1,2,3."""
    return {"signal": signal([float(price) for price in query["prices"].split(",")])}


if __name__ == "__main__":
    service.run("signal-engine", {"/signal": route}, self_test={"/signal?prices=10,10,10,10,10,10,16": {"signal": "buy"}})

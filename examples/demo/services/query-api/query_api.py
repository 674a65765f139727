"""Answers questions about what the platform has traded."""

from collections.abc import Sequence
from typing import NamedTuple

import service
from common import money, symbols


class Trade(NamedTuple):
    """A trade: what, how many, at which price in cents."""

    symbol: symbols.Symbol
    quantity: int
    price: int


TRADES = (
    Trade(symbols.parse("XNYS:ACME"), 100, 1250),
    Trade(symbols.parse("XNAS:BOLT"), 40, 9900),
    Trade(symbols.parse("XNYS:ACME"), -30, 1310),
)


def turnover(trades: Sequence[Trade], exchange: str | None = None) -> int:
    """Return what was turned over in cents, on one exchange or on all."""
    return sum(abs(trade.quantity) * trade.price for trade in trades if exchange in {None, trade.symbol.exchange})


def route(query: service.Query) -> object:
    """Answer /turnover and /turnover?exchange=XNYS."""
    return {"turnover": money.text(turnover(TRADES, query.get("exchange")))}


if __name__ == "__main__":
    service.run(
        "query-api",
        {"/turnover": route},
        self_test={"/turnover": {"turnover": "5603.00"}, "/turnover?exchange=XNYS": {"turnover": "1643.00"}},
    )

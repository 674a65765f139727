"""Values what is held at the last prices."""

from collections.abc import Mapping

import service
from common import money, symbols


def value(holdings: Mapping[str, int], prices: Mapping[str, int]) -> int:
    """Return the value in cents; a holding without a price is an error, not a zero."""
    return sum(quantity * prices[str(symbols.parse(symbol))] for symbol, quantity in holdings.items())


def route(query: service.Query) -> object:
    """Answer /value?XNYS:ACME=10@12.50."""
    parts = {symbol: holding.split("@") for symbol, holding in query.items()}
    holdings = {symbol: int(quantity) for symbol, (quantity, _price) in parts.items()}
    prices = {str(symbols.parse(symbol)): money.cents(price) for symbol, (_quantity, price) in parts.items()}
    return {"value": money.text(value(holdings, prices))}


if __name__ == "__main__":
    service.run("portfolio", {"/value": route}, self_test={"/value?XNYS:ACME=10@12.50&XNAS:BOLT=2@0.99": {"value": "126.98"}})

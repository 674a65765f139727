"""Symbols of instruments: the exchange's market identifier code and the ticker, as in XNYS:ACME."""

import re
from typing import NamedTuple

_SYMBOL = re.compile(r"(?P<exchange>[A-Z]{4}):(?P<ticker>[A-Z][A-Z0-9.]{0,7})")


class Symbol(NamedTuple):
    """An instrument on an exchange."""

    exchange: str
    ticker: str

    def __str__(self) -> str:
        """Return the symbol as it is written."""
        return f"{self.exchange}:{self.ticker}"


def parse(text: str) -> Symbol:
    """Return the symbol that `text` names; ValueError if it names none."""
    found = _SYMBOL.fullmatch(text.strip().upper())
    if found is None:
        raise ValueError(f"not a symbol: {text!r}")
    return Symbol(**found.groupdict())

"""Speaks a broker's wire format: tag=value fields with a checksum."""

import service
from common import symbols


def message(symbol: str, side: str, quantity: int) -> str:
    """Return the message of an order, fields separated by a bar, as people print them."""
    fields = {"35": "D", "55": symbols.parse(symbol).ticker, "54": {"buy": "1", "sell": "2"}[side], "38": str(quantity)}
    body = "".join(f"{tag}={text}|" for tag, text in fields.items())
    return f"{body}10={sum(body.encode()) % 256:03d}|"


def route(query: service.Query) -> object:
    """Answer /message?symbol=XNYS:ACME&side=buy&quantity=100."""
    return {"message": message(query["symbol"], query["side"], int(query["quantity"]))}


if __name__ == "__main__":
    service.run(
        "broker-adapter",
        {"/message": route},
        self_test={"/message?symbol=XNYS:ACME&side=buy&quantity=100": {"message": "35=D|55=ACME|54=1|38=100|10=166|"}},
    )

"""Keeps books: every entry has two sides that sum to nothing."""

from collections.abc import Sequence

import service
from common import money

Posting = tuple[str, int]


def balance(postings: Sequence[Posting]) -> dict[str, int]:
    """Return the balance of each account in cents; an entry that doesn't sum to zero is refused."""
    if total := sum(amount for _account, amount in postings):
        raise ValueError(f"the entry is off by {money.text(total)}")
    accounts: dict[str, int] = {}
    for account, amount in postings:
        accounts[account] = accounts.get(account, 0) + amount
    return accounts


def route(query: service.Query) -> object:
    """Answer /balance?cash=-12.50&shares=12.50."""
    balances = balance([(account, money.cents(amount)) for account, amount in query.items()])
    return {account: money.text(amount) for account, amount in balances.items()}


if __name__ == "__main__":
    service.run("ledger", {"/balance": route}, self_test={"/balance?cash=-12.50&shares=12.50": {"cash": "-12.50", "shares": "12.50"}})

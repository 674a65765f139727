"""Reports over the trades of the platform, in SQL."""

import sqlite3
from pathlib import Path

import service
from common import money

SCHEMA = Path(__file__).with_name("schema.sql")


def turnover_by_day() -> dict[str, str]:
    """Return the turnover of each day."""
    database = sqlite3.connect(":memory:")
    try:
        database.executescript(SCHEMA.read_text(encoding="utf-8"))
        return {day: money.text(cents) for day, cents in database.execute("SELECT day, cents FROM turnover_by_day")}
    finally:
        database.close()


def route(_query: service.Query) -> object:
    """Answer /turnover-by-day."""
    return turnover_by_day()


if __name__ == "__main__":
    service.run(
        "analytics",
        {"/turnover-by-day": route},
        self_test={"/turnover-by-day": {"2026-03-02": "5210.00", "2026-03-03": "393.00"}},
    )

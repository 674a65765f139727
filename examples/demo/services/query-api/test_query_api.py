"""Tests of query-api."""

import unittest

import query_api


class QueryApiTest(unittest.TestCase):
    def test_sales_count_as_much_as_purchases(self) -> None:
        self.assertEqual(query_api.turnover(query_api.TRADES, "XNYS"), 164_300)

    def test_an_exchange_without_trades_has_no_turnover(self) -> None:
        self.assertEqual(query_api.turnover(query_api.TRADES, "XLON"), 0)


if __name__ == "__main__":
    unittest.main()

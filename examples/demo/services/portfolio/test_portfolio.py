"""Tests of portfolio."""

import unittest

import portfolio


class PortfolioTest(unittest.TestCase):
    def test_holdings_are_valued_at_the_last_price(self) -> None:
        self.assertEqual(portfolio.value({"xnys:acme": 10}, {"XNYS:ACME": 1250}), 12500)

    def test_a_missing_price_is_an_error(self) -> None:
        with self.assertRaises(KeyError):
            portfolio.value({"XNYS:ACME": 10}, {})


if __name__ == "__main__":
    unittest.main()

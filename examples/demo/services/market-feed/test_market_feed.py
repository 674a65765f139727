"""Tests of market-feed."""

import unittest

import market_feed


class MarketFeedTest(unittest.TestCase):
    def test_a_line_becomes_a_quote(self) -> None:
        self.assertEqual(market_feed.quote("xnys:acme 12.5 100"), {"symbol": "XNYS:ACME", "price": 12.5, "size": 100})

    def test_a_price_of_zero_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            market_feed.quote("XNYS:ACME 0 100")


if __name__ == "__main__":
    unittest.main()

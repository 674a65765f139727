"""Tests of analytics."""

import unittest

import analytics


class AnalyticsTest(unittest.TestCase):
    def test_sales_count_as_much_as_purchases(self) -> None:
        self.assertEqual(analytics.turnover_by_day()["2026-03-03"], "393.00")


if __name__ == "__main__":
    unittest.main()

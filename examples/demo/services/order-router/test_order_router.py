"""Tests of order-router."""

import unittest

import order_router


class OrderRouterTest(unittest.TestCase):
    def test_whole_lots_are_spread_and_the_rest_goes_first(self) -> None:
        children = order_router.lots("XNYS:ACME", 250, ["A", "B"])
        self.assertEqual([child["quantity"] for child in children], [150, 100])

    def test_nothing_is_lost(self) -> None:
        children = order_router.lots("XNYS:ACME", 777, ["A", "B", "C"])
        self.assertEqual(sum(int(str(child["quantity"])) for child in children), 777)


if __name__ == "__main__":
    unittest.main()

"""Tests of what the services share."""

import unittest

from common import money, symbols


class MoneyTest(unittest.TestCase):
    def test_amounts_are_rounded_half_to_even(self) -> None:
        self.assertEqual([money.cents(amount) for amount in ("0.125", "0.135", "-3", "19.99")], [12, 14, -300, 1999])

    def test_cents_are_written_with_two_places(self) -> None:
        self.assertEqual([money.text(amount) for amount in (5, -1205, 100)], ["0.05", "-12.05", "1.00"])


class SymbolTest(unittest.TestCase):
    def test_symbols_are_normalised(self) -> None:
        self.assertEqual(str(symbols.parse(" xnys:acme ")), "XNYS:ACME")

    def test_a_ticker_without_exchange_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            symbols.parse("ACME")


if __name__ == "__main__":
    unittest.main()

"""Tests of ledger."""

import unittest

import ledger


class LedgerTest(unittest.TestCase):
    def test_accounts_are_summed(self) -> None:
        self.assertEqual(ledger.balance([("cash", -700), ("fees", 200), ("fees", 500)]), {"cash": -700, "fees": 700})

    def test_an_entry_that_does_not_balance_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "off by 1.00"):
            ledger.balance([("cash", -700), ("fees", 800)])


if __name__ == "__main__":
    unittest.main()

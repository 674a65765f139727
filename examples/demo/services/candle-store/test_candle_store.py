"""Tests of candle-store."""

import unittest

import candle_store


class CandleStoreTest(unittest.TestCase):
    def test_a_candle_holds_open_high_low_close(self) -> None:
        self.assertEqual(candle_store.candle([10, 12, 9, 11]), {"open": 10, "high": 12, "low": 9, "close": 11})

    def test_no_trades_no_candle(self) -> None:
        with self.assertRaises(ValueError):
            candle_store.candle([])


if __name__ == "__main__":
    unittest.main()

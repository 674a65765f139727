"""Tests of signal-engine."""

import unittest

import signal_engine


class SignalEngineTest(unittest.TestCase):
    def test_a_rise_after_a_calm_is_bought(self) -> None:
        self.assertEqual(signal_engine.signal([10, 10, 10, 10, 10, 10, 16]), "buy")

    def test_a_fall_after_a_calm_is_sold(self) -> None:
        self.assertEqual(signal_engine.signal([10, 10, 10, 10, 10, 10, 4]), "sell")

    def test_a_short_series_is_held(self) -> None:
        self.assertEqual(signal_engine.signal([10, 11]), "hold")


if __name__ == "__main__":
    unittest.main()

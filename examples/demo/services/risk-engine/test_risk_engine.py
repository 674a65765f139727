"""Tests of risk-engine."""

import unittest

import risk_engine


class RiskEngineTest(unittest.TestCase):
    def test_an_order_over_the_limit_is_stopped(self) -> None:
        self.assertFalse(risk_engine.verdict(90_000, 15_000, 100_000)["allowed"])

    def test_a_reduction_is_allowed_even_over_the_limit(self) -> None:
        self.assertTrue(risk_engine.verdict(150_000, -10_000, 100_000)["allowed"])


if __name__ == "__main__":
    unittest.main()

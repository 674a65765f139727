"""Tests of notifier."""

import unittest

import notifier


class NotifierTest(unittest.TestCase):
    def test_a_line_names_severity_and_subject(self) -> None:
        self.assertEqual(notifier.line("info", "orders", "all filled"), "[INFO] orders: all filled")

    def test_a_long_line_is_shortened(self) -> None:
        self.assertEqual(len(notifier.line("warning", "orders", "x" * 200)), 80)


if __name__ == "__main__":
    unittest.main()

"""Tests of broker-adapter."""

import unittest

import broker_adapter


class BrokerAdapterTest(unittest.TestCase):
    def test_a_message_ends_with_its_checksum(self) -> None:
        self.assertEqual(broker_adapter.message("XNYS:ACME", "buy", 100), "35=D|55=ACME|54=1|38=100|10=166|")

    def test_an_unknown_side_is_an_error(self) -> None:
        with self.assertRaises(KeyError):
            broker_adapter.message("XNYS:ACME", "hold", 100)


if __name__ == "__main__":
    unittest.main()

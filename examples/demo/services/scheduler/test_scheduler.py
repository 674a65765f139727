"""Tests of scheduler."""

import unittest
from datetime import UTC, datetime, timedelta

import scheduler


class SchedulerTest(unittest.TestCase):
    def test_the_next_quarter_of_an_hour(self) -> None:
        after = datetime(2026, 3, 2, 14, 31, tzinfo=UTC)
        self.assertEqual(scheduler.next_run(after, timedelta(minutes=15)), datetime(2026, 3, 2, 14, 45, tzinfo=UTC))

    def test_a_job_that_just_ran_waits_for_its_next_turn(self) -> None:
        after = datetime(2026, 3, 2, 14, 45, tzinfo=UTC)
        self.assertEqual(scheduler.next_run(after, timedelta(minutes=15)), datetime(2026, 3, 2, 15, 0, tzinfo=UTC))


if __name__ == "__main__":
    unittest.main()

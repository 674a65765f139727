"""Knows when a job runs next."""

from datetime import UTC, datetime, timedelta

import service


def next_run(after: datetime, every: timedelta) -> datetime:
    """Return the first multiple of `every` since midnight UTC that lies after `after`."""
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + every * ((after - midnight) // every + 1)


def route(query: service.Query) -> object:
    """Answer /next?after=2026-03-02T14:31:00&minutes=15."""
    after = datetime.fromisoformat(query["after"]).replace(tzinfo=UTC)
    return {"next": next_run(after, timedelta(minutes=int(query["minutes"]))).isoformat()}


if __name__ == "__main__":
    service.run(
        "scheduler",
        {"/next": route},
        self_test={"/next?after=2026-03-02T14:31:00&minutes=15": {"next": "2026-03-02T14:45:00+00:00"}},
    )

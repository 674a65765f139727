"""A pytest plugin: SIGTERM ends the run as Ctrl-C does, so that fixtures remove their containers."""

import signal


def pytest_configure() -> None:
    """Take SIGTERM, which would end pytest without any clean-up."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt

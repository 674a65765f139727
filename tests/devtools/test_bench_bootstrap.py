"""The bench of bootstrap: its numbers, and the slow line in front of servers."""

import http.server
import threading
import time
import urllib.request
from functools import partial
from pathlib import Path

from devtools.bench import bootstrap_results as results
from devtools.bench.bootstrap_results import Measured
from devtools.bench.slow_line import slow_line

MEASURED = Measured(
    objects=258,
    version=[0.4],
    first=52.0,
    plan=[5.0, 5.504, 9.0],
    up=[7.5],
    status=[1.0, 2.0],
    near=([2.0], [3.0], [0.5]),
    down=30.0,
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name in the base class
        """Be quiet."""


def test_the_last_line_has_what_was_promised_and_how_much_it_is_about() -> None:
    """Medians, so that one slow run decides nothing."""
    assert results.summary(MEASURED) == {"plan_s": 5.5, "up_noop_s": 7.5, "status_s": 1.5, "objects": 258}


def test_a_missed_number_is_told() -> None:
    """Beside its target."""
    _, rows = results.targets_table(MEASURED)
    assert rows == [
        ["plan_s", "5.5 s", "at most 6 s", "met"],
        ["up_noop_s", "7.5 s", "at most 7 s", "MISSED"],
        ["status_s", "1.5 s", "at most 2 s", "met"],
    ]


def test_a_slow_line_delays_each_request_and_loses_nothing(tmp_path: Path) -> None:
    """Also what is larger than one piece, in both directions' order."""
    content = bytes(range(256)) * 4096
    (tmp_path / "large").write_bytes(content)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with slow_line(0.2, [server.server_address[1]]) as (port,):
                begun = time.monotonic()
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/large") as answer:
                    assert answer.read() == content
                assert time.monotonic() - begun >= 0.2
        finally:
            server.shutdown()
            thread.join()

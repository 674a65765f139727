"""Break-glass records as the cluster has them: listed once, then heard of as they are made.

Where the API server goes away, what was known stays: a record was valid when it was read, and it carries its own end.
"""

import http.client
import json
import logging
import random
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from market_gate.access import Access
from market_gate.clock import Clock
from market_gate.record import LABEL, BadRecordError, BreakGlass, RecordSet, parse
from market_gate.records import Known, Source
from market_gate.words import one_line

log = logging.getLogger("market_gate")

# Small enough that reading a page does not hold up an answer.
PAGE = 250
# The API server ends a watch after this; that it does is the sign of life of one that has nothing to tell.
WATCH_SECONDS = 20
# Longer than a watch that has nothing to tell.
SILENCE_SECONDS = 30
CONNECT_SECONDS = 5
MOST_SECONDS_BETWEEN = 5.0
# A server that ends each watch at once must not be asked as fast as it can answer.
SHORTEST_SECONDS = 0.1
# A ConfigMap holds 1 MiB; written as JSON with escapes, it is a few.
_LONGEST_LINE = 16 << 20
_TOLD = 5


class ExpiredError(Exception):
    """What was read is too old to go on from; it has to be listed again."""


class RefusedError(Exception):
    """The API server answered, but not with what was asked for; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    items: list[dict[str, Any]]
    version: str
    further: str


class ClusterRecords:
    """Break-glass records of one namespace, kept up to date by a thread of its own."""

    def __init__(self, access: Access, *, namespace: str, longest: timedelta, clock: Clock) -> None:
        self._access = access
        self._path = f"/api/v1/namespaces/{namespace}/configmaps"
        self._namespace = namespace
        self._longest = longest
        self._clock = clock
        self._known = Known(records=RecordSet(), source=Source.STARTING)
        self._heard: float | None = None
        self._failures = 0
        self._stopping = threading.Event()
        self._version: str | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)

    def known(self) -> Known:
        """Return what is known now; never waits."""
        known, heard = self._known, self._heard
        return known if heard is None else replace(known, age=max(0.0, self._clock.monotonic() - heard))

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stopping.set()
        # Wakes the thread where it reads; closing would not.
        if (reading := self._socket) is not None:
            with suppress(OSError):
                reading.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(timeout=1)

    def _run(self) -> None:
        while not self._stopping.is_set():
            begun = self._clock.monotonic()
            try:
                if self._version is None:
                    self._version = self._list()
                self._watch()
            except ExpiredError as error:
                log.info("listing break-glass records again: %s", error)
                self._version = None
            except (OSError, http.client.HTTPException) as error:
                self._lost(error)
            except (RefusedError, ValueError) as error:
                self._version = None
                self._lost(error)
            except Exception as error:
                # Whatever it is, the gate goes on answering and this goes on trying.
                log.exception("reading break-glass records failed")
                self._version = None
                self._lost(error)
            finally:
                self._hang_up()
            if self._clock.monotonic() - begun < SHORTEST_SECONDS:
                self._stopping.wait(SHORTEST_SECONDS)

    def _list(self) -> str:
        found: dict[str, BreakGlass] = {}
        refused: list[str] = []
        further, version = "", ""
        # An answer of several pages is one state of the cluster; a page that comes too late is 410, and all begins again.
        while True:
            page = self._page(further)
            for item in page.items:
                record = self._read(item, refused)
                if record is not None:
                    found[record.name] = record
            further, version = page.further, page.version
            if not further:
                break
        self._tell(refused)
        self._keep(RecordSet(found))
        return version

    def _page(self, further: str) -> _Page:
        query = {"labelSelector": LABEL, "limit": str(PAGE), **({"continue": further} if further else {})}
        response = self._get(query, timeout=CONNECT_SECONDS)
        body = json.loads(response.read())
        metadata = body["metadata"] if isinstance(body, dict) and isinstance(body.get("metadata"), dict) else {}
        items = body.get("items") if isinstance(body, dict) else None
        if not isinstance(metadata.get("resourceVersion"), str) or not isinstance(items, list | None):
            raise RefusedError("the API server's list has another form than expected")
        return _Page(
            items=[item for item in items or [] if isinstance(item, dict)],
            version=metadata["resourceVersion"],
            further=str(metadata.get("continue") or ""),
        )

    def _watch(self) -> None:
        query = {
            "labelSelector": LABEL,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version or "",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        response = self._get(query, timeout=SILENCE_SECONDS)
        self._alive()
        for event in _lines(response):
            self._take(event)
            self._alive()
        self._alive()

    def _take(self, event: Mapping[str, Any]) -> None:
        kind, item = event.get("type"), event.get("object")
        if not isinstance(item, dict):
            raise RefusedError("the API server's watch has another form than expected")
        if kind == "ERROR":
            if item.get("code") == HTTPStatus.GONE:
                raise ExpiredError(one_line(str(item.get("message", "410 Gone")), most=200))
            raise RefusedError(one_line(str(item.get("message", "the watch failed")), most=200))
        metadata = item["metadata"] if isinstance(item.get("metadata"), dict) else {}
        name = str(metadata.get("name", ""))
        if kind in {"ADDED", "MODIFIED"}:
            refused: list[str] = []
            record = self._read(item, refused)
            self._tell(refused)
            # What was a record and can no longer be read is none.
            gone = [name] if record is None else []
            self._keep(self._known.records.changed(put=[record] if record else [], gone=gone))
            if record is not None:
                self._announce(record)
        elif kind == "DELETED":
            log.warning("break-glass record %s was deleted, which the policy forbids; it no longer counts", one_line(name))
            self._keep(self._known.records.changed(gone=[name]))
        self._version = str(metadata.get("resourceVersion") or self._version)

    def _get(self, query: Mapping[str, str], *, timeout: float) -> http.client.HTTPResponse:
        if self._connection is None or self._connection.sock is None:
            self._connection = self._access.connect(timeout=CONNECT_SECONDS)
            self._socket = self._connection.sock
        self._connection.sock.settimeout(timeout)
        headers = {"Accept": "application/json", "User-Agent": "market-gate", **self._access.headers()}
        self._connection.request("GET", f"{self._path}?{urlencode(query)}", headers=headers)
        response = self._connection.getresponse()
        if response.status == HTTPStatus.GONE:
            response.read()
            raise ExpiredError("410 Gone")
        if response.status != HTTPStatus.OK:
            raise RefusedError(f"{response.status} {response.reason}: {_message(response)}")
        self._compare_clocks(response.headers.get("Date"))
        return response

    def _read(self, item: Mapping[str, Any], refused: list[str]) -> BreakGlass | None:
        try:
            return parse(item, longest=self._longest)
        except BadRecordError as error:
            metadata = item.get("metadata")
            name = metadata.get("name") if isinstance(metadata, dict) else None
            refused.append(f"break-glass record {one_line(str(name))} is not honoured: it {error}")
            return None

    def _tell(self, refused: list[str]) -> None:
        for line in refused[:_TOLD]:
            log.warning(line)
        if len(refused) > _TOLD:
            log.warning("... and %d more records that are not honoured", len(refused) - _TOLD)

    def _announce(self, record: BreakGlass) -> None:
        if record.valid(self._clock.now()):
            log.warning(
                "break-glass for %s/%s by %s until %s: %s (record %s)",
                record.project,
                record.stage,
                record.operator,
                f"{record.expires:%H:%M:%SZ}",
                record.justification,
                record.name,
            )

    def _keep(self, records: RecordSet) -> None:
        self._alive()
        self._known = replace(self._known, records=records)

    def _alive(self) -> None:
        if self._known.source is not Source.CURRENT:
            log.info("hearing of break-glass records in %s from %s", self._namespace, self._access.address)
        self._failures = 0
        self._heard = self._clock.monotonic()
        self._known = replace(self._known, source=Source.CURRENT, since=None, problem="")

    def _lost(self, error: Exception) -> None:
        if self._stopping.is_set():
            return
        self._failures += 1
        # One try more at once: a connection that somebody in between has cut is no news.
        if self._failures > 1:
            problem = one_line(str(error) or type(error).__name__, most=300)
            if self._known.source is not Source.UNREACHABLE:
                log.warning("the cluster is not reachable (%s): %s; known break-glass records still count", self._access.address, problem)
            since = self._known.since or self._clock.now()
            self._known = replace(self._known, source=Source.UNREACHABLE, since=since, problem=problem)
        wait = min(MOST_SECONDS_BETWEEN, 0.1 * 2 ** min(self._failures, 10))
        self._stopping.wait(wait * random.uniform(0.8, 1.2))  # noqa: S311  two replicas should not ask in step

    def _compare_clocks(self, date: str | None) -> None:
        if date is None:
            return
        try:
            theirs = parsedate_to_datetime(date)
        except ValueError:
            return
        skew = (self._clock.now() - theirs.astimezone(UTC)).total_seconds()
        before, self._known = self._known, replace(self._known, skew=skew)
        if self._known.clocks_differ and not before.clocks_differ:
            ahead = "ahead of" if skew > 0 else "behind"
            log.warning(
                "this machine's clock is %d s %s the API server's: one of them is wrong, and only what both let through is allowed",
                abs(skew),
                ahead,
            )

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _lines(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    while line := response.readline(_LONGEST_LINE):
        if not line.endswith(b"\n"):
            raise RefusedError("the API server's watch broke off in the middle of a line")
        event = json.loads(line)
        if not isinstance(event, dict):
            raise RefusedError("the API server's watch has another form than expected")
        yield event


def _message(response: http.client.HTTPResponse) -> str:
    text = response.read(1 << 16)
    try:
        return one_line(str(json.loads(text)["message"]), most=200)
    except (ValueError, KeyError, TypeError):
        return one_line(text.decode("utf-8", "replace"), most=200)

"""Numbers for Prometheus."""

from collections.abc import Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from market_gate.decision import Decision
from market_gate.records import Known, Source
from market_gate.schedule import State

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0)


# When a counter was begun is of no use to anybody here, and doubles the lines.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Now(Protocol):
    """What is measured when somebody looks."""

    def market_state(self) -> State:
        """Return what the market does."""

    def known(self) -> Known:
        """Return what is known of the cluster."""

    def active_break_glass(self) -> int:
        """Return how many records are in force."""

    def waiting(self) -> int:
        """Return how many promotions wait."""


class Metrics:
    """The gate's numbers, in a registry of their own."""

    def __init__(self, now: Now, *, version: str, calendar: str, source: str) -> None:
        self.registry = CollectorRegistry()
        self._decisions = Counter(
            "market_gate_decisions", "Answers, by what decided", ["project", "stage", "allow", "because"], registry=self.registry
        )
        self._errors = Counter("market_gate_errors", "Questions that could not be answered", ["status"], registry=self.registry)
        self._seconds = Histogram(
            "market_gate_answer_seconds", "Time that an answer takes inside the gate", buckets=_SECONDS, registry=self.registry
        )
        info = Gauge("market_gate_info", "Version and calendar", ["version", "calendar", "source"], registry=self.registry)
        info.labels(version, calendar, source).set(1)
        self.registry.register(_Present(now))

    def decided(self, decision: Decision, seconds: float) -> None:
        """Count a decision; questions about another moment are none."""
        self._seconds.observe(seconds)
        if decision.question.at is None:
            question = decision.question
            self._decisions.labels(question.project, question.stage, str(decision.allow).lower(), decision.because.value).inc()

    def failed(self, status: int) -> None:
        """Count an error."""
        self._errors.labels(str(status)).inc()

    def text(self) -> bytes:
        """Return everything in Prometheus' text form."""
        return generate_latest(self.registry)


class _Present(Collector):
    def __init__(self, now: Now) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Measure now."""
        state, known = self._now.market_state(), self._now.known()
        market = GaugeMetricFamily("market_gate_market", "1 for the state that the market is in", labels=["state"])
        for each in State:
            market.add_metric([each.value], float(each is state))
        yield market
        yield GaugeMetricFamily("market_gate_waiting_promotions", "Promotions that were refused and ask on", value=self._now.waiting())
        yield GaugeMetricFamily("market_gate_break_glass_active", "Break-glass records in force", value=self._now.active_break_glass())
        yield GaugeMetricFamily("market_gate_break_glass_records", "Break-glass records that are known", value=len(known.records.by_name))
        if known.source is not Source.OFF:
            reached = float(known.source is Source.CURRENT)
            yield GaugeMetricFamily("market_gate_cluster_reachable", "Whether the API server answers", value=reached)
        if known.age is not None:
            yield GaugeMetricFamily("market_gate_records_age_seconds", "Time since the cluster was last heard of", value=known.age)
        if known.skew is not None:
            yield GaugeMetricFamily("market_gate_clock_skew_seconds", "How far our clock is ahead of the API server's", value=known.skew)

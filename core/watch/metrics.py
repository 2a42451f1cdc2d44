"""What is counted, under which names and labels: one registry for all processes of a machine.

Labels hold few values: never an id, a name or a text from outside. Must decide nothing.
Where several processes count, PROMETHEUS_MULTIPROC_DIR names the folder they share.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)
CALL = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
COURSE = (0.5, 1, 2, 5, 10, 30, 60, 90, 120, 300, 600)
CONTENT_TYPE = CONTENT_TYPE_LATEST

M = TypeVar("M", Counter, Histogram)


def counter(name: str, about: str, *labels: str) -> Counter:
    return Counter(f"signalpost_{name}", about, labels)


def seconds(name: str, about: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    return Histogram(f"signalpost_{name}_seconds", about, labels, buckets=buckets)


OAUTH_FLOW = counter(
    "oauth_flow", "Steps of connecting an account", "provider", "step", "outcome", "code"
)
UPLOAD = counter("upload", "Posts that ended", "provider", "kind", "source", "outcome", "code")
PUBLISH_SECONDS = seconds(
    "publish", "From request to end", "provider", "kind", "outcome", buckets=COURSE
)
WEBHOOK_RECEIVED = counter("webhook_received", "Deliveries heard", "provider", "event", "result")
WEBHOOK_PROCESSED = counter("webhook_processed", "Notices applied", "provider", "event", "outcome")
WEBHOOK_ACK = seconds("webhook_ack", "From delivery to our answer", "provider", buckets=FAST)
WEBHOOK_PROCESSING = seconds(
    "webhook_processing", "From arrival to applied", "provider", "event", buckets=COURSE
)
TOKEN_REFRESH = counter("token_refresh", "Tokens renewed or not", "provider", "outcome", "code")
INSIGHTS_FETCH = counter("insights_fetch", "Questions about numbers", "provider", "kind", "outcome")
INSIGHTS_ITEMS = counter("insights_items", "Numbers and videos", "provider", "kind", "outcome")
INSIGHTS_SECONDS = seconds(
    "insights", "How long a question took", "provider", "kind", "outcome", buckets=CALL
)
UPSTREAM = counter("upstream_requests", "Calls", "platform", "endpoint", "status", "code")
UPSTREAM_SECONDS = seconds("upstream", "How long a call took", "platform", "endpoint", buckets=CALL)
HTTP = counter("http_requests", "Requests to us", "route", "method", "status")
HTTP_SECONDS = seconds("http", "How long a request took", "route", "method", buckets=FAST)
RATE_LIMIT_HITS = counter("rate_limit_hits", "Refused for a limit", "scope", "endpoint")
QUOTA_REFUSALS = counter("quota_refusals", "Refused for a quota", "provider")
DELIVERIES = counter("deliveries", "Tries to tell host applications", "outcome")
RETRIES = counter("retries", "Tries that failed and are made again", "kind")
CLAIMS_LOST = counter("claims_lost", "Results dropped for an outlived lease", "kind")
WORKER_RUNS = counter("worker_runs", "Runs of a worker", "worker", "outcome")
WORKER_SECONDS = seconds("worker", "How long a run took", "worker", buckets=COURSE)
DB_ERRORS = counter("db_errors", "Transactions that found no Postgres")
LIMITER_AWAY = counter("limiter_away", "Questions that found no Redis", "scope")

GAUGES: Mapping[str, tuple[str, ...]] = {
    "posts": ("provider", "state"),
    "oldest_due_seconds": ("kind",),
    "webhook_backlog": ("provider",),
    "dead_letters": ("provider",),
    "outbox": ("state",),
    "accounts": ("provider", "state"),
    "scheduler_lag_seconds": (),
    "circuit_state": ("platform", "class"),
    "alerts_active": ("severity",),
    "db_pool_in_use": (),
}
"""What is asked when somebody looks, from rows and not from memory: name → labels."""

Facts = Mapping[str, Iterable[tuple[tuple[str, ...], float]]]  # gauge → label values, value
CIRCUIT_STATES = {"CLOSED": 0.0, "HALF_OPEN": 1.0, "OPEN": 2.0}


@cache
def of(metric: M, *labels: str) -> M:
    """That metric with these labels, found once: for what is counted with every request."""
    return metric.labels(*labels)


def upstream(platform: str, endpoint: str, outcome: str, taken: float) -> None:
    """One call to a platform; `outcome` is a status, or a code where none came."""
    status, code = (outcome, "") if outcome.isdigit() else ("none", outcome)
    of(UPSTREAM, platform, endpoint, status, code).inc()
    of(UPSTREAM_SECONDS, platform, endpoint).observe(taken)


def exposition(facts: Facts) -> bytes:
    """Everything counted by all processes, and these facts, as Prometheus reads it."""
    registry = CollectorRegistry()
    registry.register(Asked(facts))
    if values.ValueClass is values.MutexValue:  # this process counts for itself
        return generate_latest(REGISTRY) + generate_latest(registry)
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # theirs
    return generate_latest(registry)


class Asked(Collector):
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        for name, labels in GAUGES.items():
            family = GaugeMetricFamily(f"signalpost_{name}", name.replace("_", " "), labels=labels)
            for label_values, value in self._facts.get(name, ()):
                family.add_metric(label_values, value)
            yield family

"""The Prometheus metrics, one registry for all processes of a machine.

A label has few values: never an id, a name or a text from outside. Where several processes count,
PROMETHEUS_MULTIPROC_DIR names the directory that they share, empty before the first of them starts.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from pathlib import Path
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
from prometheus_client.mmap_dict import mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from core.config.settings import names_metrics_folder
from core.observability.metrics_files import (
    add_zero_counts,
    list_begun_files,
    merge_files_of_dead,
    reading_files,
)

FAST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)
CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
SLOW_BUCKETS = (0.5, 1, 2, 5, 10, 30, 60, 90, 120, 300, 600)
CONTENT_TYPE = CONTENT_TYPE_LATEST

M = TypeVar("M", Counter, Histogram)

if not names_metrics_folder():  # decided by the library too, by whether the variable exists
    values.ValueClass = values.MutexValue


def new_counter(name: str, help_text: str, *labels: str) -> Counter:
    return Counter(f"signalpost_{name}", help_text, labels)


def new_histogram(name: str, help_text: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    return Histogram(f"signalpost_{name}_seconds", help_text, labels, buckets=buckets)


OAUTH_STEPS = new_counter(
    "oauth_flow", "Steps of connecting an account", "provider", "step", "outcome", "code"
)
UPLOADS = new_counter(
    "upload", "Posts that reached a final state", "provider", "kind", "source", "outcome", "code"
)
PUBLISH_SECONDS = new_histogram(
    "publish",
    "Time from the request to the final state of a post",
    "provider",
    "kind",
    "outcome",
    buckets=SLOW_BUCKETS,
)
WEBHOOKS_RECEIVED = new_counter(
    "webhook_received", "Webhook deliveries received", "provider", "event", "result"
)
WEBHOOKS_PROCESSED = new_counter(
    "webhook_processed", "Webhook events processed", "provider", "event", "outcome"
)
WEBHOOK_ACK_SECONDS = new_histogram(
    "webhook_ack", "Time to answer a webhook delivery", "provider", buckets=FAST_BUCKETS
)
WEBHOOK_PROCESSING_SECONDS = new_histogram(
    "webhook_processing",
    "Time from receiving a webhook event to having processed it",
    "provider",
    "event",
    buckets=SLOW_BUCKETS,
)
TOKEN_REFRESHES = new_counter("token_refresh", "Token refreshes", "provider", "outcome", "code")
GRANTS_ENDED = new_counter(
    "grants_ended",
    "Grants of accounts that ended, by the state of the account and the cause",
    "provider",
    "state",
    "cause",
)
INSIGHTS_FETCHES = new_counter(
    "insights_fetch", "Insight requests to platforms", "provider", "kind", "outcome"
)
INSIGHTS_ITEMS = new_counter(
    "insights_items", "Insight items fetched", "provider", "kind", "outcome"
)
INSIGHTS_PAUSES = new_counter(
    "insights_paused",
    "Pauses of reading about an account, because most of a call limit is used up",
    "provider",
)
INSIGHTS_SECONDS = new_histogram(
    "insights",
    "Duration of an insight request",
    "provider",
    "kind",
    "outcome",
    buckets=CALL_BUCKETS,
)
UPSTREAM_REQUESTS = new_counter(
    "upstream_requests", "Requests to platforms", "platform", "endpoint", "status", "code"
)
UPSTREAM_SECONDS = new_histogram(
    "upstream", "Duration of a request to a platform", "platform", "endpoint", buckets=CALL_BUCKETS
)
HTTP_REQUESTS = new_counter("http_requests", "HTTP requests received", "route", "method", "status")
HTTP_SECONDS = new_histogram(
    "http", "Duration of an HTTP request", "route", "method", buckets=FAST_BUCKETS
)
RATE_LIMIT_HITS = new_counter(
    "rate_limit_hits", "Requests refused by a rate limit", "scope", "endpoint"
)
QUOTA_REFUSALS = new_counter("quota_refusals", "Posts refused by a quota", "provider")
DELIVERIES = new_counter("deliveries", "Delivery attempts to host applications", "outcome")
RETRIES = new_counter("retries", "Failed attempts that will be retried", "kind")
STALE_LEASES = new_counter("claims_lost", "Results dropped because the lease was stale", "kind")
WORKER_RUNS = new_counter("worker_runs", "Worker runs", "worker", "outcome")
WORKER_SECONDS = new_histogram("worker", "Duration of a worker run", "worker", buckets=SLOW_BUCKETS)
DB_ERRORS = new_counter("db_errors", "Transactions that failed because Postgres was unavailable")
LIST_READS = new_counter(
    "list_reads", "Lists read with DATABASE_REPLICA_URL, by what answered", "source"
)
LIMITER_UNAVAILABLE = new_counter(
    "limiter_away", "Rate limit checks that failed because Redis was unavailable", "scope"
)

WEBHOOK_UNKNOWN_PATHS = new_counter(
    "webhook_unknown_path", "Requests below /api/webhooks/ to an address that does not exist"
)

GAUGE_LABELS: Mapping[str, tuple[str, ...]] = {
    "posts": ("provider", "state"),
    "posts_oldest_seconds": ("provider", "state"),
    "quota_used_ratio": ("provider",),
    "oldest_due_seconds": ("kind",),
    "webhook_backlog": ("provider",),
    "webhook_oldest_due_seconds": ("provider",),
    "dead_letters": ("provider",),
    "outbox": ("state",),
    "accounts": ("provider", "state"),
    "scheduler_lag_seconds": (),
    "worker_last_success_timestamp": ("worker",),
    "circuit_state": ("platform", "class"),
    "alerts_active": ("severity",),
    "db_pool_in_use": (),
    "db_pool_limit": (),
    "build_info": ("version",),
    "paused_seconds": ("kind", "target"),
    "facts_age_seconds": (),
    "database_synchronous_standbys": (),
    "database_replica_in_use": (),
    "database_replica_lag_seconds": (),
}
"""Gauges and their labels. Their values are queried at each scrape (`core.health.gauges`)."""

GaugeValues = Mapping[str, Iterable[tuple[tuple[str, ...], float]]]  # gauge → label values, value
CounterLabels = tuple[Counter, tuple[str, ...]]
"""A series: the counter, and the values of its labels."""

OTHER = "other"
MAX_CODES = 200  # a platform documents some dozens
CODE_PATTERN = re.compile(r"[A-Za-z0-9_.:-]{0,64}", re.ASCII)
STATUS_DIGITS, STATUS_CLASSES = 3, "12345"
REGISTERED_STATUSES = frozenset(str(status.value) for status in HTTPStatus)
_known_codes: set[str] = set()
CIRCUIT_STATE_VALUES = {"CLOSED": 0.0, "HALF_OPEN": 1.0, "OPEN": 2.0}


@cache
def with_labels(metric: M, *labels: str) -> M:
    """Return the labelled metric from a cache, for metrics that every request changes."""
    return metric.labels(*labels)


def observe_many(histogram: Histogram, observed: Sequence[float]) -> None:
    """As `observe` for each value, but writes each bucket once: it may be in a shared file."""
    bounds = histogram._upper_bounds  # noqa: SLF001 - the library observes one value at a time
    counts: dict[int, int] = defaultdict(int)
    for value in observed:
        counts[bisect_left(bounds, value)] += 1
    for number, count in counts.items():
        histogram._buckets[number].inc(count)  # noqa: SLF001 - as above
    histogram._sum.inc(sum(observed))  # noqa: SLF001 - as above


def bound_code(code: str) -> str:
    """Return an error code as a label. Codes of platforms come from outside: those of another form
    and those beyond the first `MAX_CODES` of this process are `other`.
    """
    if code in _known_codes:
        return code
    if len(_known_codes) >= MAX_CODES or not CODE_PATTERN.fullmatch(code):
        return OTHER
    _known_codes.add(code)
    return code


def bound_status(status: str) -> str:
    """Return an HTTP status as a label: any that is not registered is `other`."""
    return status if status in REGISTERED_STATUSES else OTHER


def status_class(status: str) -> str:
    """Return the class of an HTTP status, such as `2xx`: the label for servers of users, who choose
    the status.
    """
    is_class = len(status) == STATUS_DIGITS and status[0] in STATUS_CLASSES
    return f"{status[0]}xx" if is_class else OTHER


def count_upstream_call(
    platform: str,
    endpoint: str,
    outcome: str,
    duration_seconds: float,
    *,
    status_label: Callable[[str], str] = bound_status,
) -> None:
    """Count a call to a platform. `outcome` is the HTTP status, or an error code without one."""
    is_status = outcome.isdigit()
    status, code = (status_label(outcome), "") if is_status else ("none", bound_code(outcome))
    with_labels(UPSTREAM_REQUESTS, platform, endpoint, status, code).inc()
    with_labels(UPSTREAM_SECONDS, platform, endpoint).observe(duration_seconds)


def create_series(labelled: Iterable[CounterLabels]) -> None:
    """Let counters have these series from now on, at 0 if nothing has been counted.

    Where processes share a folder, the zeros stand once in the file of dead processes' counts:
    each process that is forked would copy those of its parent.
    """
    if not has_shared_folder():
        for counter, label_values in labelled:
            counter.labels(*label_values)
        return
    add_zero_counts(shared_folder(), (series_key(*each) for each in labelled))


def series_key(counter: Counter, label_values: tuple[str, ...]) -> str:
    """The name of a series in the shared files."""
    (family,) = counter.describe()
    names = counter._labelnames  # noqa: SLF001 - the library has no public way to a key
    total = f"{family.name}_total"
    return mmap_key(family.name, total, list(names), list(label_values), family.documentation)


def has_shared_folder() -> bool:
    """Whether processes count in files that they share, which worker processes need."""
    return values.ValueClass is not values.MutexValue


def merge_files_of_dead_processes() -> None:
    """Add up what processes counted that are gone, if processes share a folder."""
    if has_shared_folder():
        merge_files_of_dead(shared_folder())


def shared_folder() -> Path:
    """The folder that PROMETHEUS_MULTIPROC_DIR names."""
    return Path(MultiProcessCollector(None)._path)  # type: ignore[no-untyped-call]  # noqa: SLF001 - untyped library, which reads the environment itself


def render_exposition(gauge_values: GaugeValues) -> bytes:
    """Render the metrics of all processes and these gauges in the Prometheus text format."""
    with reading_registries(gauge_values) as registries:
        return b"".join(generate_latest(registry) for registry in registries)


def list_families(gauge_values: GaugeValues) -> list[Metric]:
    """The metrics of all processes of this machine, and these gauges."""
    with reading_registries(gauge_values) as registries:
        return [family for registry in registries for family in registry.collect()]


@contextmanager
def reading_registries(gauge_values: GaugeValues) -> Iterator[list[CollectorRegistry]]:
    """Yield what holds all metrics; files that processes share are not merged in this block."""
    registry = CollectorRegistry()
    registry.register(GaugeCollector(gauge_values))
    if not has_shared_folder():
        yield [REGISTRY, registry]
        return
    folder = shared_folder()
    merge_files_of_dead(folder)
    registry.register(SharedCollector(folder))
    with reading_files(folder):
        yield [registry]


class SharedCollector(Collector):
    """Exposes what all processes of a folder count, except those that were killed too early."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        files = list_begun_files(self._folder)
        yield from MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]  # untyped library


class GaugeCollector(Collector):
    """Exposes gauge values that were queried a moment ago."""

    def __init__(self, gauge_values: GaugeValues) -> None:
        self._gauge_values = gauge_values

    def collect(self) -> Iterator[Metric]:
        for name, labels in GAUGE_LABELS.items():
            family = GaugeMetricFamily(f"signalpost_{name}", name.replace("_", " "), labels=labels)
            for label_values, value in self._gauge_values.get(name, ()):
                family.add_metric(label_values, value)
            yield family
